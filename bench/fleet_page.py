#!/usr/bin/env python3
"""The web application before a fleet of 1,000 nodes and 50 images: first paint, script time a frame, heap.

The built application is served with answers of a made-up fleet, and with 50 events a second, so that what is measured is
the page and not the node. bench/run.py takes the figures into its table; alone, this file prints them."""
import functools
import hashlib
import json
import os
import socketserver
import sys
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "test", "e2e"))
from lib import browser as browser_lib  # noqa: E402

NODES, IMAGES, CONNECTED, EVENTS_PER_SECOND, SECONDS = 1000, 50, 40, 50, 10
TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def peer(n):
    raw = hashlib.sha512(b"%d" % n).digest()
    return "12D3KooW" + "".join(ALPHABET[b % 58] for b in raw[:44])


def digest(n):
    return "sha256:" + hashlib.sha256(b"image %d" % n).hexdigest()


def node(n):
    return {"peer": peer(n), "self": n == 0, "online": n % 20 != 7, "state": "offline" if n % 20 == 7 else "online",
            "state_seconds": n, "images_held": IMAGES, "disk_free_bytes": n << 30, "platform": "linux/amd64", "version": "0.1.0",
            "engine": "docker 20.10.24", "engine_state": "ready", "addresses": [f"/ip4/10.0.{n // 250}.{n % 250}/tcp/33123"],
            "labels": {"site": f"store-{n % 40}"}, "started": "2026-01-31T12:00:00.000Z"}


def strategy(n, tick=0):
    actual = (n * 17 + tick) % NODES
    return {"type": "percentage", "nametag": f"app-{n}:1", "percentage": 100, "target": "", "execute": True,
            "id": f"{n:016x}", "key": f"percentage-app-{n}:1-100-active", "selector": {}, "replace": False,
            "digest": digest(n), "created": "2026-01-31T12:00:00.000Z", "updated": "2026-01-31T12:00:00.000Z",
            "members": NODES, "desired": NODES, "actual": actual, "state": "importing", "bytes_done": actual * 1000,
            "bytes_total": NODES * 1000, "bytes_per_second": 1_000_000 + tick, "from": "3 peers", "missing_targets": []}


def line(n, tick=0):
    return {"peer": peer(n), "self": n == 0, "online": True, "chosen": True, "rank": n, "state": "importing",
            "bytes_done": tick % 1000, "bytes_total": 1000, "why": f"rank {n + 1} of {NODES} members"}


def image(n):
    return {"name": f"app-{n}:1", "names": [f"app-{n}:1"], "digest": digest(n), "root": "bafy", "media_type": "x",
            "size": 700_000_000, "platforms": [{"platform": "linux/amd64", "manifest": digest(n), "imported": True}],
            "complete": True, "keep": False, "strategies": [f"{n:016x}"], "state": "loaded"}


def transfer(n, tick=0):
    return {"id": str(n), "kind": "import", "state": "running", "image": f"app-{n}:1", "from": "3 peers",
            "bytes_done": tick, "bytes_total": 1_000_000, "bytes_from_source": tick, "bytes_per_second": 1_000_000 + tick,
            "started": "2026-01-31T12:00:00.000Z"}


def traffic(tick):
    return {"peers": [{"peer": peer(n), "sent_per_second": (n * 7919 + tick) % 3 * 2_500_000,
                       "received_per_second": (n * 104_729 + tick) % 4 * 900_000} for n in range(1, CONNECTED)]}


def event(tick):
    """Of each kind in turn, about another thing each time; once a second, who sends how much."""
    if tick % EVENTS_PER_SECOND == 0:
        return f"id: {tick}\nevent: traffic\ndata: {json.dumps(traffic(tick))}\n\n".encode()
    kind = ("strategy", "transfer", "node", "strategy")[tick % 4]
    n = tick // 4
    state = {"strategy": lambda: strategy(n % IMAGES, tick), "transfer": lambda: transfer(n % IMAGES, tick),
             "node": lambda: {**node(n % NODES), "online": tick % 3 > 0}}[kind]()
    return f"id: {tick}\nevent: {kind}\ndata: {json.dumps({'id': state.get('id', ''), kind: state})}\n\n".encode()


@functools.cache
def answer(path):
    fleet = {"error": False}
    if path == "/api/v1/strategy":
        return {**fleet, "strategies": [strategy(n) for n in range(IMAGES)]}
    if path.endswith("/explain"):
        return {**fleet, "explain": {"strategy": strategy(0), "nodes": [line(n) for n in range(NODES)]}}
    return {**fleet, **{"/api/v1/image": {"images": [image(n) for n in range(IMAGES)]},
                        "/api/v1/transfer": {"transfers": [transfer(n) for n in range(IMAGES)]},
                        "/api/v1/peers": {"peers": [
                            {"ID": peer(n), "Addrs": [], "online": True, "connected": True, "agent": "distromash/0.1.0",
                             "round_trip_ms": n / 3, "sent_bytes": n * 10**6, "received_bytes": n * 10**7}
                            for n in range(1, CONNECTED)]},
                        "/api/v1/node": {"node": node(0), "nodes": [node(n) for n in range(NODES)]}}[path]}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        path = urllib.parse.urlsplit(self.path).path
        if path == "/api/v1/event":
            return self.events()
        if path.startswith("/api/"):
            return self.send(json.dumps(answer(path)).encode(), "application/json")
        file = os.path.join(self.server.folder, path.lstrip("/"))
        if not os.path.isfile(file):
            file = os.path.join(self.server.folder, "index.html")
        with open(file, "rb") as f:
            self.send(f.read(), TYPES[os.path.splitext(file)[1]])

    def send(self, body, kind):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def events(self):
        self.close_connection = True
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        try:
            self.wfile.write(b"event: sync\ndata: {}\n\n")
            start, tick = time.monotonic(), 0
            while True:
                tick += 1
                self.wfile.write(event(tick))
                self.wfile.flush()
                time.sleep(max(0, start + tick / EVENTS_PER_SECOND - time.monotonic()))
        except OSError:
            pass


class Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    daemon_threads = allow_reuse_address = True

    def __init__(self, folder):
        self.folder = folder
        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, *_):
        pass  # pages that are left


FRAMES = """seconds => new Promise(done => {
    let frames = 0, end = performance.now() + 1000 * seconds, long = 0;
    new PerformanceObserver(l => l.getEntries().forEach(e => { long = Math.max(long, e.duration); }))
        .observe({type: 'longtask'});
    const count = now => now < end ? (++frames, requestAnimationFrame(count)) : done({frames, long});
    requestAnimationFrame(count);
})"""


def measure_page(chromium, address, path):
    """{first paint ms, script ms a frame, longest task ms, heap MiB} of one page."""
    page = chromium.context().new_page()
    page.goto(f"http://{address}{path}")
    page.get_by_text(f"of {NODES} nodes online").wait_for()
    paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")

    def metrics():
        return {m["name"]: m["value"] for m in session.send("Performance.getMetrics")["metrics"]}
    before = metrics()
    seen = page.evaluate(FRAMES, SECONDS)
    after = metrics()
    session.send("HeapProfiler.collectGarbage")
    heap = metrics()["JSHeapUsedSize"]
    page.context.close()
    script = 1000 * (after["ScriptDuration"] - before["ScriptDuration"])
    return {"first paint, ms": paint, "script a frame, ms": script / max(1, seen["frames"]),
            "script, % of the time": script / (10 * SECONDS), "longest task, ms": seen["long"], "heap, MiB": heap / 2**20}


def measure(folder):
    """Rows of (page, figures) for the built application in `folder`."""
    reason = browser_lib.why_not()
    if reason:
        raise SystemExit(f"bench: {reason}")
    server = Server(folder)
    address = "127.0.0.1:%d" % server.server_address[1]
    chromium = browser_lib.Browser()
    try:
        return [(path, measure_page(chromium, address, path))
                for path in ("/strategy", f"/strategy/{0:016x}", "/image", "/peers", "/transfer")]
    finally:
        chromium.close()
        server.shutdown()


if __name__ == "__main__":
    for page, figures in measure(sys.argv[1]):
        print(page, {name: round(value, 1) for name, value in figures.items()})
