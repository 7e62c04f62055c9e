"""Measurements of nodes among themselves; bench/run.py makes the tables."""
import base64
import collections
import contextlib
import hashlib
import json
import random
import socket
import statistics
import subprocess
import sys
import threading
import time

from lib import attacks
from lib.lan import Lan, LanNode, Tunnel
from lib.node import Node
from lib.registry import Remote
from lib.rogue import Rogue
from lib.swarm import NOWHERE, address, is_connected, node_in_the_middle, peer_id
from lib.system import MIB, Deadline, in_thread, wait_until

LINK = 12_500_000  # bytes/s: 100 Mbit/s
CHUNK = 16_384
IDLE_PEERS = 50
SMALL_BLOCKS = 200


class Relay:
    """A link between two nodes in user space: what comes in at `address` reaches `to` after `delay` seconds, at `rate` bytes/s.

    `arrived`: [(time, bytes)] of what came from `to`.
    """

    def __init__(self, to, delay=0.0, rate=0):
        self.to, self.delay, self.rate, self.arrived = to, delay, rate, []
        self.listener = self._small(socket.socket())
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(16)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    @staticmethod
    def _small(s):
        """Little room in the kernel, which would be a queue in front of the link."""
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * CHUNK)
        return s

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                server = self._small(socket.socket())
                server.connect(("127.0.0.1", self.to))
                for s in (client, server):
                    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._carry(client, server, None)
                self._carry(server, client, self.arrived)

    def _carry(self, source, sink, log):
        """Bytes on the way are bounded by rate x delay: the reader keeps to the rate."""
        on_the_way = collections.deque()
        come = threading.Condition()

        def read():
            free_at = time.monotonic()
            with contextlib.suppress(OSError):
                while data := source.recv(CHUNK):
                    now = time.monotonic()
                    if log is not None:
                        log.append((now, len(data)))
                    if self.rate:
                        free_at = max(free_at, now) + len(data) / self.rate
                        time.sleep(max(0, free_at - now - 0.002))
                    with come:
                        on_the_way.append((now + self.delay, data))
                        come.notify()
            with come:
                on_the_way.append((0, b""))
                come.notify()

        def write():
            with contextlib.suppress(OSError):
                while True:
                    with come:
                        come.wait_for(lambda: on_the_way)
                        due, data = on_the_way.popleft()
                    if not data:
                        break
                    time.sleep(max(0, due - time.monotonic()))
                    sink.sendall(data)
                sink.shutdown(socket.SHUT_WR)
        for work in (read, write):
            threading.Thread(target=work, daemon=True).start()

    def close(self):
        self.listener.close()


def holder(s, image, name, args=()):
    """A node that holds the image."""
    node = s.node(args=list(args))
    node.cli("image", "import", name, check=True, timeout=300)
    return node


def fetch(s, image, name, bootstrap, args=()):
    """Seconds in which a fresh node that is connected already has the image from that peer."""
    node = Node(s.binary, upstream=NOWHERE, env={"DM_LOG_LEVEL": "info"}, args=["--bootstrap", bootstrap, "--no-mdns", *args])
    wait_until(lambda: is_connected(node, bootstrap.rsplit("/", 1)[1]), 20, node.log_tail)
    start = time.monotonic()
    # Without a registry an import fails when the peer does not answer within 2 s: asked again, and the time counts.
    reference = f"{name.split(':')[0]}@{image.digest}"
    wait_until(lambda: node.cli("image", "import", reference, timeout=600).returncode == 0, 120, node.log_tail)
    taken = time.monotonic() - start
    node.stop()
    return taken


def through(relay, node):
    return f"/ip4/127.0.0.1/tcp/{relay.port}/p2p/{peer_id(node)}"


def over_delay(s, milliseconds):
    """The share of a 100 Mbit/s link that an image takes which comes over so much one-way delay: one value a repetition."""
    node, out = holder(s, s.big, "big:1", ["--no-mdns"]), []
    for _ in range(s.repeats):
        relay = Relay(node.p2p_port, milliseconds / 1000, LINK)
        taken = fetch(s, s.big, "big:1", through(relay, node))
        carried = sum(n for _, n in relay.arrived)
        assert carried >= s.big.size, "part of it came another way"
        out.append(s.big.size / taken / LINK)
        relay.close()
    node.stop()
    return out


def limit_windows(s, direction, rate):
    """(least, most) bytes that went over the link in a window of 1 s, as a share of the limit; not in the first and last second."""
    limit = [f"--{direction}-limit", str(rate)]
    node = holder(s, s.big, "big:1", ["--no-mdns", *(limit if direction == "upload" else [])])
    relay = Relay(node.p2p_port)
    fetch(s, s.big, "big:1", through(relay, node), limit if direction == "download" else [])
    node.stop()
    relay.close()
    first, last = relay.arrived[0][0] + 1, relay.arrived[-1][0] - 1
    windows, begin = [], first
    while begin + 1 <= last:
        windows.append(sum(n for t, n in relay.arrived if begin <= t < begin + 1) / rate)
        begin += 0.25
    return min(windows), max(windows)


def beside_attacks(s, rate=LINK):
    """{attack: (seconds alone, seconds beside it, peak RSS of the attacked node)} of a fetch over a link of 100 Mbit/s."""
    out = {}
    node = holder(s, s.big, "big:1", ["--upload-limit", str(rate)])
    for attack in attacks.ALL:
        alone, beside = [], []
        for _ in range(s.repeats):
            alone.append(fetch(s, s.big, "big:1", address(node)))
            stop = threading.Event()
            attacking = in_thread(_attack, attack, f"127.0.0.1:{node.p2p_port}", stop)
            beside.append(fetch(s, s.big, "big:1", address(node)))
            stop.set()
            attacking.result(60)
        out[attack.__name__] = statistics.median(alone), statistics.median(beside), node.memory()["VmHWM"]
    node.stop()
    return out


def _attack(attack, to, stop):
    while not stop.is_set():
        attack(to, stop)


def peak_in_the_middle(s):
    """Peak RSS of a node that fetches from four and serves four, bytes."""
    started = []

    def start(**options):
        started.append(Node(s.binary, env={"DM_LOG_LEVEL": "info"}, **options))
        return started[-1]
    peak = node_in_the_middle(start, s.registry, "big:1").memory()["VmHWM"]
    for node in started:
        node.stop()
    return peak


def idle_with_peers(s):
    """RSS of a node with 50 connections on which nothing happens, bytes."""
    node = Node(s.binary, env={"DM_LOG_LEVEL": "info"})
    peers = [Rogue(f"127.0.0.1:{node.p2p_port}", source=f"127.0.1.{i + 1}") for i in range(IDLE_PEERS)]
    wait_until(lambda: sum(p["connected"] for p in node.get("/api/v1/peers").ok()["peers"]) == IDLE_PEERS, 30, node.log_tail)
    with contextlib.suppress(Deadline):  # what the handshakes took is given back within 10 s
        wait_until(lambda: node.memory()["VmRSS"] <= 32 * MIB, 25, "")
    rss = node.memory()["VmRSS"]
    for p in peers:
        p.pipe.close()
    node.stop()
    return rss


GET = """
import http.client, json, sys, time
c, out = http.client.HTTPConnection(sys.argv[1], timeout=30), []
for path in json.load(sys.stdin):
    start = time.perf_counter()
    c.request("GET", path)
    r = c.getresponse()
    n = len(r.read())
    assert r.status == 200 and n == 1024, (r.status, n, path)
    out.append((time.perf_counter() - start) * 1000)
print(json.dumps(out))
"""


def small_blocks(s):
    """Milliseconds, sorted, of GET /api/v1/cat of blocks of 1 KiB that a peer at the other end of a veth holds; needs root."""
    lan = Lan(2)
    one = LanNode(s.binary, lan, 0)
    two = LanNode(s.binary, lan, 1, args=["--bootstrap", f"{one.p2p_address}/p2p/{peer_id(one)}"])
    tunnel = Tunnel(None, one.registry_address, one.space, one.registry_address)
    wait_until(lambda: is_connected(two, peer_id(one)), 20, two.log_tail)
    registry, paths = Remote(one.registry_address), []
    for k in range(SMALL_BLOCKS):
        data = random.Random(k).randbytes(1024)
        digest = hashlib.sha256(data).digest()
        assert registry.request("POST", f"/v2/bench/small/blobs/uploads/?digest=sha256:{digest.hex()}", data,
                                {"Content-Type": "application/octet-stream"})[0] == 201
        paths.append("/api/v1/cat/b" + base64.b32encode(b"\x01\x55\x12\x20" + digest).decode().lower().rstrip("="))
    p = subprocess.run(["ip", "netns", "exec", two.space, sys.executable, "-c", GET, two.api_address], input=json.dumps(paths),
                       capture_output=True, text=True, timeout=120)
    assert p.returncode == 0, p.stderr
    tunnel.close()
    for node in (two, one):
        node.end_of_test()
    lan.close()
    return sorted(json.loads(p.stdout))
