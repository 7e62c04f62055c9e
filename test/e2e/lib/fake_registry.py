"""A scriptable v2 registry: token flow, Basic, redirects, and every way of going wrong; it records each request."""
import base64
import json
import re
import socket
import threading
import time
import urllib.parse
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from . import images


@dataclass
class Request:
    method: str
    path: str
    headers: dict
    status: int = 0
    sent: int = 0
    time: float = field(default_factory=time.monotonic)


@dataclass
class Fault:
    """Applies to requests whose "METHOD path" matches; `times` None = always."""
    pattern: str
    act: object
    times: int = None


class FakeRegistry:
    """auth: None, ("basic", user, password) or ("bearer", user, password); user None = anonymous tokens are given.

    tls: a tls.Certificate to speak HTTPS with.
    """

    def __init__(self, auth=None, ranges=True, tls=None):
        self.auth, self.ranges = auth, ranges
        self.repositories = {}     # name -> {"tags": {tag: digest}, "manifests": {digest: (type, bytes)}, "blobs": {}}
        self.faults, self.log = [], []
        self.redirect_blobs_to = None   # another FakeRegistry, on another port
        self.tokens = 0
        self.valid_tokens = set()
        self.changed = threading.Condition()
        outer = self

        class Handler(_Handler):
            registry = outer

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def finish_request(self, request, client_address):
                if tls:  # on the thread of the connection: a client that hangs holds up nobody else
                    request = tls.context.wrap_socket(request, server_side=True)
                super().finish_request(request, client_address)

            def handle_error(self, *_):
                pass  # clients that go away belong to the tests

        self._server = Server(("127.0.0.1", 0), Handler)
        self.address = "127.0.0.1:%d" % self._server.server_address[1]
        self.url = f"{'https' if tls else 'http'}://{self.address}"
        self._released = threading.Event()
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self):
        self._released.set()
        self._server.shutdown()
        self._server.server_close()

    def push(self, image, name, tag="latest"):
        r = self.repositories.setdefault(name, {"tags": {}, "manifests": {}, "blobs": {}})
        r["manifests"].update(image.manifests)
        r["blobs"].update(image.blobs)
        r["tags"][tag] = image.digest
        return image

    # what happened

    def requests(self, pattern=""):
        with self.changed:
            return [r for r in self.log if re.search(pattern, f"{r.method} {r.path}")]

    def wait_for_request(self, pattern, seconds=20, count=1):
        """The matching requests, once there are `count` of them (a request is logged when it arrives)."""
        with self.changed:
            found = self.changed.wait_for(lambda: len(self._matching(pattern)) >= count, seconds)
            assert found, f"no {count} requests like {pattern} within {seconds} s: {self.log}"
            return self._matching(pattern)

    def _matching(self, pattern):
        return [r for r in self.log if re.search(pattern, f"{r.method} {r.path}")]

    # faults

    def fault(self, pattern, act, times=None):
        self.faults.append(Fault(pattern, act, times))

    def clear_faults(self):
        """Ends all faults; requests that hang are let go."""
        self.faults.clear()
        self._released.set()
        self._released = threading.Event()

    def take_fault(self, line):
        for f in self.faults:
            if re.search(f.pattern, line) and f.times != 0:
                if f.times is not None:
                    f.times -= 1
                return f.act
        return None


def status(code, headers=None, error="UNKNOWN", message="scripted"):
    """Answers with an error, e.g. status(429, {"Retry-After": "1"}, "TOOMANYREQUESTS")."""
    def act(h):
        h.answer(code, json.dumps({"errors": [{"code": error, "message": message, "detail": {}}]}).encode(),
                 {"Content-Type": "application/json", **(headers or {})})
    return act


def redirect(location, code=307):
    return lambda h: h.answer(code, b"", {"Location": location})


def hang():
    """Never answers, until the client or the test gives up."""
    def act(h):
        h.registry._released.wait(600)
        h.close_connection = True
    return act


def stall_after(n):
    """Sends n bytes of the right body, then nothing until released."""
    def act(h):
        body = h.body_of_path()
        h.begin(200, len(body), h.type_of_path())
        h.body(body[:n])
        h.wfile.flush()
        h.registry._released.wait(600)
        h.cut()
    return act


def cut_after(n):
    """Closes the connection after n bytes of the right body; Range requests continue from where they ask."""
    def act(h):
        body, first = h.body_of_path(), h.first_byte()
        h.begin(206 if first else 200, len(body) - first, h.type_of_path(),
                {"Content-Range": f"bytes {first}-{len(body) - 1}/{len(body)}"} if first else {})
        h.body(body[first:first + n])
        h.cut()
    return act


def wrong_bytes(at=100):
    """The right length, one byte flipped."""
    def act(h):
        body = bytearray(h.body_of_path())
        body[min(at, len(body) - 1)] ^= 1
        h.serve(bytes(body), h.type_of_path())
    return act


def wrong_length(delta):
    """Says and sends `delta` bytes more (or less) than the descriptor says."""
    def act(h):
        body = h.body_of_path()
        h.answer(200, body + b"x" * delta if delta > 0 else body[:delta], {"Content-Type": h.type_of_path()})
    return act


def huge(megabytes, media_type=images.OCI_MANIFEST, announce=True):
    """A body of spaces; without `announce` chunked, so that no Content-Length warns the client."""
    def act(h):
        total, chunk = megabytes * images.MB, b" " * images.MB
        h.send_response(200)
        h.send_header("Content-Type", media_type)
        h.send_header("Docker-Content-Digest", "sha256:" + "0" * 64)
        h.send_header(*(("Content-Length", str(total)) if announce else ("Transfer-Encoding", "chunked")))
        h.end_headers()
        if h.command != "HEAD":
            for _ in range(megabytes):
                h.body(chunk if announce else b"%x\r\n%s\r\n" % (len(chunk), chunk))
            if not announce:
                h.wfile.write(b"0\r\n\r\n")
    return act


def raw(data):
    """Any bytes in place of an HTTP answer."""
    def act(h):
        h.wfile.write(data)
        h.cut()
    return act


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    registry = None

    def log_message(self, *_):
        pass

    def do_GET(self):
        r = self.registry
        self.entry = Request(self.command, self.path, {k.lower(): v for k, v in self.headers.items()})
        with r.changed:
            r.log.append(self.entry)
            r.changed.notify_all()
            act = r.take_fault(f"{self.command} {self.path}")
        if act:
            return act(self)
        url = urllib.parse.urlsplit(self.path)
        if url.path == "/token":
            return self.token(urllib.parse.parse_qs(url.query))
        if not self.authorised():
            return None
        if url.path.rstrip("/") == "/v2":
            return self.answer(200, b"{}", {"Content-Type": "application/json",
                                            "Docker-Distribution-API-Version": "registry/2.0"})
        if "/blobs/" in url.path and r.redirect_blobs_to:
            return self.answer(307, b"", {"Location": r.redirect_blobs_to.url + self.path})
        body = self.body_of_path()
        if body is None:
            kind = "BLOB_UNKNOWN" if "/blobs/" in url.path else \
                "MANIFEST_UNKNOWN" if self._repository() is not None else "NAME_UNKNOWN"
            return status(404, {}, kind, kind.lower().replace("_", " "))(self)
        return self.serve(body, self.type_of_path())

    do_HEAD = do_GET

    # auth

    def authorised(self):
        r = self.registry
        if not r.auth:
            return True
        kind, user, password = r.auth
        given = self.headers.get("Authorization", "")
        if kind == "basic":
            if given == _basic(user, password):
                return True
            challenge = 'Basic realm="fake"'
        else:
            if given.startswith("Bearer ") and given[7:] in r.valid_tokens:
                return True
            m = re.match(r"/v2/(.+)/(manifests|blobs)/", self.path)
            scope = f',scope="repository:{m[1]}:pull"' if m else ""
            challenge = f'Bearer realm="{r.url}/token",service="fake,registry"{scope}'
        status(401, {"WWW-Authenticate": challenge}, "UNAUTHORIZED", "authentication required")(self)
        return False

    def token(self, query):
        r = self.registry
        _, user, password = r.auth
        if user is not None and self.headers.get("Authorization") != _basic(user, password):
            return status(401, {}, "UNAUTHORIZED", "bad credentials")(self)
        with r.changed:
            r.tokens += 1
            token = f"token-{r.tokens}-{query.get('scope', [''])[0]}"
            r.valid_tokens.add(token)
        return self.answer(200, json.dumps({"token": token, "expires_in": 300}).encode(),
                           {"Content-Type": "application/json"})

    # content

    def _repository(self):
        m = re.match(r"/v2/(.+)/(?:manifests|blobs|tags)/", self.path)
        return self.registry.repositories.get(m[1]) if m else None

    def _manifest(self):
        r, reference = self._repository(), self.path.rsplit("/", 1)[1]
        return r and r["manifests"].get(r["tags"].get(reference, reference))

    def body_of_path(self):
        if "/blobs/" in self.path:
            r = self._repository()
            blob = r and r["blobs"].get(self.path.rsplit("/", 1)[1])
            return blob.read() if blob else None
        m = self._manifest()
        return m[1] if m else None

    def type_of_path(self):
        m = None if "/blobs/" in self.path else self._manifest()
        return m[0] if m else "application/octet-stream"

    def first_byte(self):
        m = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        return int(m[1]) if m and self.registry.ranges else 0

    # answers

    def begin(self, code, length, media_type, headers=None):
        self.entry.status = code
        self.send_response(code)
        for k, v in {"Content-Type": media_type, "Content-Length": str(length), **(headers or {})}.items():
            self.send_header(k, v)
        self.end_headers()

    def body(self, data):
        if self.command == "HEAD":
            return
        for i in range(0, len(data), 1 << 16):
            self.wfile.write(data[i:i + (1 << 16)])
            self.entry.sent += len(data[i:i + (1 << 16)])

    def answer(self, code, body, headers):
        h = dict(headers)
        self.begin(code, len(body), h.pop("Content-Type", "text/plain"), h)
        self.body(body)

    def serve(self, body, media_type):
        """200, or 206 where a range is asked for and given."""
        extra = {"Docker-Content-Digest": images.sha256(body)} if "/manifests/" in self.path else {}
        if self.registry.ranges:
            extra["Accept-Ranges"] = "bytes"
        first = self.first_byte()
        if first >= len(body) > 0 and first:
            return self.answer(416, b"", {"Content-Range": f"bytes */{len(body)}"})
        if first:
            extra["Content-Range"] = f"bytes {first}-{len(body) - 1}/{len(body)}"
        return self.answer(206 if first else 200, body[first:], {"Content-Type": media_type, **extra})

    def cut(self):
        self.close_connection = True
        try:
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def _basic(user, password):
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
