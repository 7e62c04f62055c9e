"""A running distromash: REST, events, command line, memory, and the ways it ends."""
import contextlib
import http.client
import json
import os
import queue
import re
import signal
import threading
import time
import urllib.parse

from .openapi import Document
from .system import REPOSITORY, Daemon, Deadline, free_port, memory, run, temporary_directory, wait_until


STOP_SECONDS = 10


def binary_path():
    return os.path.abspath(os.environ.get("DISTROMASH") or os.path.join(REPOSITORY, "build", "release", "distromash"))


class Answer:
    """An HTTP answer."""

    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def message(self):
        """The sentence of an error."""
        return self.json["msg"]

    def ok(self):
        assert self.status < 300, f"{self.status} {self.body[:500]}"
        return self.json

    def __repr__(self):
        return f"<{self.status} {self.body[:300]!r}>"


def http_request(address, method, path, body=None, headers=None, timeout=60):
    c = http.client.HTTPConnection(address, timeout=timeout, blocksize=1 << 18)
    try:
        c.request(method, path, body, headers or {})
        r = c.getresponse()
        return Answer(r.status, r.headers, r.read())
    finally:
        c.close()


class Node:
    """Starts `distromash run` on ports of its own and waits until it is healthy.

    upstream: {"docker.io": "http://127.0.0.1:5000"}; docker: a dockerd.Docker, or None for a store-only node.
    """

    documents = {}

    def __init__(self, binary, upstream=None, docker=None, data_dir=None, args=(), env=None, wait=True):
        self.binary = binary
        folder = temporary_directory("dm-node-")
        self.data_dir = data_dir or os.path.join(folder, "data")
        self.api_address = f"127.0.0.1:{free_port()}"
        self.registry_address = f"127.0.0.1:{free_port()}"
        self.p2p_port = free_port()
        self.log = os.path.join(folder, "node.log")
        self.env = {"HOME": folder, "DOCKER_CONFIG": "", **(env or {})}
        self.argv = [binary, "run", "--data-dir", self.data_dir, "--api", self.api_address,
                     "--registry", self.registry_address, "--p2p", f"/ip4/127.0.0.1/tcp/{self.p2p_port}",
                     "--log-format", "json", "--log-level", os.environ.get("DM_LOG_LEVEL", "debug"),
                     "--engine", "docker" if docker else "none"]
        if docker:
            self.argv += ["--docker-host", docker.host]
        for name, url in (upstream or {}).items():
            self.argv += ["--upstream", f"{name}={url}"]
        self.argv += args
        self.ended_on_purpose = False
        self.daemon = None
        self.start(wait)

    # life

    def start(self, wait=True):
        self.ended_on_purpose = False
        self.daemon = Daemon(self.argv, self.log, env=self.env)
        if wait:
            wait_until(self._healthy, 20, lambda: f"the node is healthy:\n{self.log_tail()}", every=0.02)
        return self

    def _healthy(self):
        assert self.daemon.running(), f"the node ended ({self.daemon.process.returncode}):\n{self.log_tail()}"
        try:
            return self.get("/api/v1/health", timeout=5).status == 200
        except (OSError, http.client.HTTPException):
            return False

    def answers(self, path):
        """Whether there is any answer at all, for nodes that want a token."""
        assert self.daemon.running(), f"the node ended ({self.daemon.process.returncode}):\n{self.log_tail()}"
        try:
            return http_request(self.api_address, "GET", path, timeout=5).status > 0
        except (OSError, http.client.HTTPException):
            return False

    @property
    def pid(self):
        return self.daemon.pid

    def running(self):
        return self.daemon.running()

    def kill(self):
        """SIGKILL."""
        self.ended_on_purpose = True
        self.daemon.kill()

    def stop(self, seconds=STOP_SECONDS):
        """SIGTERM; the node must end by itself with exit code 0."""
        self.ended_on_purpose = True
        self.daemon.process.send_signal(signal.SIGTERM)
        try:
            code = self.daemon.process.wait(seconds)
        except Exception as e:
            raise Deadline(f"the node still runs {seconds} s after SIGTERM:\n{self.log_tail()}") from e
        assert code == 0, f"the node ended with {code} after SIGTERM:\n{self.log_tail()}"

    def wait_exit(self, seconds=20):
        """The exit code of a node that is expected to end by itself."""
        self.ended_on_purpose = True
        return self.daemon.process.wait(seconds)

    def restart(self):
        self.stop()
        return self.start()

    def end_of_test(self):
        if self.ended_on_purpose:
            return
        assert self.running(), f"the node ended by itself ({self.daemon.process.returncode}):\n{self.log_tail()}"
        self.stop()

    def log_tail(self, last=12000):
        return self.daemon.output(last) if self.daemon else ""

    def log_events(self, name=None):
        """Parsed log lines, all or those whose message is `name`."""
        found = []
        for line in self.daemon.output(1 << 26).splitlines():
            with contextlib.suppress(ValueError):
                entry = json.loads(line)
                if name is None or name in (entry.get("msg"), entry.get("event")):
                    found.append(entry)
        return found

    def memory(self):
        return memory(self.pid)

    # API

    def request(self, method, path, body=None, headers=None, timeout=60):
        """`body`: bytes as they are, anything else as JSON."""
        h = dict(headers or {})
        if body is not None and not isinstance(body, (bytes, bytearray)) and not hasattr(body, "read"):
            body = json.dumps(body).encode()
        if body is not None:
            h.setdefault("Content-Type", "application/json")
        answer = http_request(self.api_address, method, path, body, h, timeout)
        self.document().check(method, path, answer)
        return answer

    def document(self):
        """The description of the API, which all of a binary's nodes serve alike."""
        if self.binary not in Node.documents:
            served = http_request(self.api_address, "GET", "/swagger/openapi.json")
            assert served.status == 200, served
            Node.documents[self.binary] = Document(served.json)
        return Node.documents[self.binary]

    def get(self, path, **kw):
        return self.request("GET", path, **kw)

    def post(self, path, body=None, **kw):
        return self.request("POST", path, body, **kw)

    def delete(self, path, **kw):
        return self.request("DELETE", path, **kw)

    def registry_request(self, method, path, headers=None, timeout=120):
        return http_request(self.registry_address, method, path, None, headers, timeout)

    # events

    @contextlib.contextmanager
    def events(self):
        """Subscribes to /api/v1/event for the block: .next(seconds) -> (event, data), .wait(predicate, seconds)."""
        stream = EventStream(self.api_address)
        try:
            yield stream
        finally:
            stream.close()

    def wait_for(self, condition, seconds, what):
        """The first true condition(), asked again after every event of the node (and twice a second)."""
        end = time.monotonic() + seconds
        with self.events() as stream:
            while True:
                value = condition()
                if value:
                    return value
                if time.monotonic() > end:
                    raise Deadline(f"not within {seconds} s: {what() if callable(what) else what}\n{self.log_tail()}")
                stream.drain(0.5)

    # command line

    def cli(self, *args, check=False, timeout=120, stdin=None, env=None):
        kw = {"input": stdin, "stdin": None} if isinstance(stdin, str) else {}
        return run([self.binary, *args], timeout=timeout, check=check,
                   env={"DISTROMASH_API": self.api_address, **self.env, **(env or {})}, **kw)

    def cli_json(self, *args, **kw):
        return json.loads(self.cli(*args, "--output", "json", check=True, **kw).stdout)

    # strategies

    def apply(self, nametag, percentage=100, execute=True, kind="percentage", target="", **more):
        return self.post("/api/v1/strategy", {"type": kind, "nametag": nametag, "percentage": percentage,
                                              "target": target, "execute": execute, **more})

    def told(self, nametag):
        """What the node says about the strategy for `nametag`, as one lower-case text: state, reason, progress."""
        p = self.cli("strategy", "ls", "--output", "json")
        rows = json.loads(p.stdout) if p.returncode == 0 else []
        rows = rows.get("strategies") or [] if isinstance(rows, dict) else rows
        return " ".join(json.dumps(r) for r in rows if nametag in json.dumps(r)).lower()

    def wait_told(self, nametag, pattern, seconds=30):
        """Waits until told(nametag) matches."""
        return self.wait_for(lambda: re.search(pattern, self.told(nametag)), seconds,
                             lambda: f"/{pattern}/ said of {nametag}; it says: {self.told(nametag)}")

    def strategy(self, key):
        """The strategy as the API shows it, or None."""
        a = self.get("/api/v1/strategy/" + urllib.parse.quote(key, safe=""))
        return a.ok()["strategy"] if a.status != 404 else None


class EventStream:
    """Server-sent events of one connection, read by a thread."""

    def __init__(self, address, path="/api/v1/event"):
        self.queue = queue.Queue()
        self.connection = http.client.HTTPConnection(address, timeout=600)
        self.connection.request("GET", path, headers={"Accept": "text/event-stream"})
        self.response = self.connection.getresponse()
        assert self.response.status == 200, self.response.status
        self.content_type = self.response.getheader("Content-Type")
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        event, data = "message", []
        with contextlib.suppress(OSError, ValueError, AttributeError, http.client.HTTPException):
            while line := self.response.readline():
                line = line.decode().rstrip("\r\n")
                if m := re.match(r"(event|data): ?(.*)", line):
                    if m[1] == "event":
                        event = m[2]
                    else:
                        data.append(m[2])
                elif not line and data:
                    self.queue.put((event, "\n".join(data)))
                    event, data = "message", []
        self.queue.put(None)

    def next(self, seconds):
        """(event, data), or None when the stream has ended; Deadline when nothing comes."""
        try:
            return self.queue.get(timeout=seconds)
        except queue.Empty:
            raise Deadline(f"no event within {seconds} s") from None

    def wait(self, predicate, seconds):
        end = time.monotonic() + seconds
        while True:
            item = self.next(max(0.01, end - time.monotonic()))
            assert item is not None, "the event stream ended"
            if predicate(*item):
                return item

    def drain(self, seconds):
        """Waits for one event or for so long, and drops what has come."""
        with contextlib.suppress(queue.Empty):
            if self.queue.get(timeout=seconds) is None:
                time.sleep(min(seconds, 0.2))  # the node is going down or restarting: no busy loop
            while self.queue.get_nowait() is not None:
                pass

    def close(self):
        with contextlib.suppress(OSError):
            if self.connection.sock:
                self.connection.sock.shutdown(2)
            self.connection.close()
