"""An HTTP proxy in front of a registry that counts what it sent, per path, and can slow down, stall or cut.

Its send buffer is small, so that "sent" is close to "received" when the client is killed.
"""
import re
import socket
import socketserver
import threading
import time
from collections import Counter

CHUNK = 1 << 16
TLS_HANDSHAKE = b"\x16"  # Docker tries TLS first, and waits 10 s for whoever says nothing to it


class CountingProxy:
    """Forwards to `upstream` (host:port). `rate`: bytes/s over all connections, 0 = unlimited."""

    def __init__(self, upstream, rate=0, port=0):
        self.host, _, p = upstream.rpartition(":")
        self.upstream_port = int(p)
        self.rate = rate
        self.sent = Counter()       # path -> body bytes handed to the socket
        self.requests = []          # (method, path, range header or None)
        self.concurrent = 0
        self.concurrent_max = 0
        self.cut_after = {}         # regex on path -> body bytes after which the connection is closed, once
        self.stalled = threading.Event()
        self._lock, self._turn = threading.Lock(), time.monotonic()
        outer = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                outer._serve(self.request)

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = daemon_threads = True
            request_queue_size = 128

            def handle_error(self, *_):
                pass  # a client that went away is what the tests do

        self._server = Server(("127.0.0.1", port), Handler)
        self.address = "127.0.0.1:%d" % self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def url(self):
        return f"http://{self.address}"

    @property
    def total(self):
        return sum(self.sent.values())

    def reset(self):
        with self._lock:
            self.sent.clear()
            self.requests.clear()
            self.concurrent_max = self.concurrent

    def close(self):
        self._server.shutdown()
        self._server.server_close()

    # one connection

    def _serve(self, client):
        client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, CHUNK)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with socket.create_connection((self.host, self.upstream_port)) as server:
            inbound, outbound = client.makefile("rb"), server.makefile("rb", buffering=1 << 18)
            if inbound.peek(1)[:1] == TLS_HANDSHAKE:
                return
            while head := _read_head(inbound):
                method, path = head[0].split()[:2]
                with self._lock:
                    self.requests.append((method, path, _header(head, "range")))
                    self.concurrent += 1
                    self.concurrent_max = max(self.concurrent_max, self.concurrent)
                try:
                    server.sendall("\r\n".join([*head, "", ""]).encode("latin-1"))
                    if not self._response(client, outbound, method, path):
                        return
                finally:
                    with self._lock:
                        self.concurrent -= 1

    def _response(self, client, outbound, method, path):
        """Passes one response on; False when the connection ends with it."""
        head = _read_head(outbound)
        if not head:
            return False
        client.sendall("\r\n".join([*head, "", ""]).encode("latin-1"))
        status = int(head[0].split()[1])
        length = _header(head, "content-length")
        if method == "HEAD" or status in (204, 304):
            length = "0"
        left = int(length) if length is not None else None  # docker-registry sends no chunked blobs
        cut = next((k for k in self.cut_after if re.search(k, path)), None)
        cut_at = self.cut_after.pop(cut) if cut and left else None
        buffer, done = memoryview(bytearray(CHUNK)), 0
        while left is None or left > 0:
            while self.stalled.is_set():
                time.sleep(0.02)
            want = CHUNK if left is None else min(CHUNK, left)
            if cut_at is not None:
                want = min(want, cut_at - done)
                if want == 0:
                    client.shutdown(socket.SHUT_RDWR)
                    return False
            n = outbound.readinto1(buffer[:want])
            if not n:
                return False
            self._pace(n)
            client.sendall(buffer[:n])
            with self._lock:
                self.sent[path] += n
            done += n
            if left is not None:
                left -= n
        return left is not None and (_header(head, "connection") or "").lower() != "close"

    def _pace(self, n):
        if not self.rate:
            return
        with self._lock:
            self._turn = max(self._turn, time.monotonic() - 0.02) + n / self.rate
            wait = self._turn - time.monotonic()
        if wait > 0:
            time.sleep(wait)


def _read_head(f):
    lines = []
    while line := f.readline(1 << 16):
        if line in (b"\r\n", b"\n"):
            return lines
        lines.append(line.decode("latin-1").rstrip("\r\n"))
    return None


def _header(head, name):
    return next((v.strip() for k, _, v in (line.partition(":") for line in head[1:]) if k.strip().lower() == name), None)
