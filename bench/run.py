#!/usr/bin/env python3
"""bench/run.py [NAME...]: the figures of docs/benchmarks.md, each measured beside its peer in the same run.

What is compared alternates (ours, peer, ours, peer, ...), the table shows medians. --write puts the tables between the
markers of docs/benchmarks.md. Names: """
import argparse
import datetime
import hashlib
import http.client
import os
import random
import re
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "test", "e2e"))
import fleet_page  # noqa: E402
import peers  # noqa: E402
from lib import dockerd, images  # noqa: E402
from lib.node import Node  # noqa: E402
from lib.proxy import CountingProxy  # noqa: E402
from lib.registry import Registry, Remote  # noqa: E402
from lib.system import MIB, cpu_seconds, exit_cleanly_on_signals, in_thread, remove_tree, temporary_directory, wait_until  # noqa: E402

DOCUMENT = os.path.join(HERE, "..", "docs", "benchmarks.md")
BEGIN, END = "<!-- bench/run.py: {} -->", "<!-- end: {} -->"
BENCHES = {}
GETS = 4


def bench(f):
    BENCHES[f.__name__] = f
    return f


class Setting:
    """What the benches share: one registry with the images in it, one dockerd, the options."""

    def __init__(self, binary, repeats, megabytes):
        self.binary, self.repeats, self.megabytes = binary, repeats, megabytes
        self.registry = Registry()
        self.big = self.registry.push(images.random_layers(megabytes), "library/big", "1")
        self.many = self.registry.push(images.small_files(), "library/many", "1")
        self._docker = None

    @property
    def docker(self):
        reason = dockerd.why_not()
        if reason:
            raise SystemExit(f"bench: {reason}")
        self._docker = self._docker or dockerd.Dockerd()
        return self._docker

    def node(self, **kw):
        return Node(self.binary, upstream={"docker.io": self.registry.url}, env={"DM_LOG_LEVEL": "info"}, **kw)

    def alternate(self, ours, peer):
        """([seconds of ours], [seconds of the peer]), after one unmeasured round of each."""
        ours(), peer()
        pairs = [(ours(), peer()) for _ in range(self.repeats)]
        return [a for a, _ in pairs], [b for _, b in pairs]


def med(values):
    return statistics.median(values)


def seconds(values):
    return f"{med(values):.2f} ({', '.join(f'{v:.2f}' for v in values)})"


def table(title, head, rows, note=""):
    lines = [f"### {title}", "", "| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(map(str, r)) + " |" for r in rows]
    return "\n".join(lines + (["", note] if note else [])) + "\n"


def verdict(ok):
    return "yes" if ok else "**no**"


def layer_of(image):
    return max(image.blobs.values(), key=lambda b: b.size)


def into_docker(s, image, name):
    """Seconds until Docker has an image that the node holds already, by strategy; and by plain docker pull."""
    docker, node = s.docker, s.node(docker=s.docker)
    node.cli("image", "import", name, check=True, timeout=300)
    peer_name = f"{s.registry.address}/library/{name}"

    def ours():
        start = time.monotonic()
        assert node.apply(name).ok()
        wait_until(lambda: docker.images().get(name) == image.id, 300, lambda: node.log_tail(), every=0.01)
        taken = time.monotonic() - start
        node.cli("strategy", "rm", name, check=True)
        wait_until(lambda: image.id not in docker.image_ids(), 120, lambda: node.log_tail())
        return taken

    def peer():
        start = time.monotonic()
        docker.cli("pull", "-q", peer_name)
        taken = time.monotonic() - start
        docker.cli("rmi", peer_name)
        return taken
    result = s.alternate(ours, peer)
    node.stop()
    return result


@bench
def docker(s):
    """Never slower: strategy to image in Docker, against docker pull, same dockerd."""
    rows = []
    for what, image, name in ((f"{s.megabytes} MB in one layer", s.big, "big:1"), ("5 layers of small files", s.many, "many:1")):
        ours, peer = into_docker(s, image, name)
        ratio = med(ours) / med(peer)
        rows.append((what, seconds(ours), seconds(peer), f"{ratio:.3f}", verdict(ratio <= 1.05)))
    return table("Into Docker: strategy of a stored image against `docker pull` from docker-registry",
                 ("image", "strategy, s", "docker pull, s", "ratio", "≤ 1.05"), rows)


def plain_download(address, blobs, directory):
    """Seconds of the floor: one connection, raw recv_into, OpenSSL's SHA-256, write, no fsync."""
    buffer = memoryview(bytearray(1 << 20))
    start = time.monotonic()
    for b in blobs:
        c = http.client.HTTPConnection(address, timeout=600)
        c.request("GET", f"/v2/library/big/blobs/{b.digest}")
        r, h = c.getresponse(), hashlib.sha256()
        with open(os.path.join(directory, b.digest), "wb", buffering=0) as f:
            while n := r.readinto(buffer):
                h.update(buffer[:n])
                f.write(buffer[:n])
        assert "sha256:" + h.hexdigest() == b.digest
        c.close()
    return time.monotonic() - start


@bench
def importing(s):
    """Import of 700 MB against a plain HTTP download with SHA-256 on the way."""
    def ours():
        node = s.node()
        start = time.monotonic()
        node.cli("image", "import", "big:1", check=True, timeout=300)
        taken = time.monotonic() - start
        node.stop()
        remove_tree(node.data_dir)
        return taken

    def peer():
        d = temporary_directory()
        taken = plain_download(s.registry.address, s.big.blobs.values(), d)
        remove_tree(d)
        return taken
    ours, peer = s.alternate(ours, peer)
    rate = s.big.size / 1e6
    ratio = med(ours) / med(peer)
    return table(f"Import of {s.megabytes} MB from docker-registry on loopback",
                 ("", "s", "MB/s", "ratio", "≤ 1.5"),
                 [("distromash image import", seconds(ours), f"{rate / med(ours):.0f}", f"{ratio:.2f}", verdict(ratio <= 1.5)),
                  ("HTTP download to disk with SHA-256", seconds(peer), f"{rate / med(peer):.0f}", "1", "")])


def drain(address, path, size):
    """Seconds and nothing else: bytes are dropped as they come."""
    buffer = memoryview(bytearray(1 << 20))
    start = time.monotonic()
    c = http.client.HTTPConnection(address, timeout=600)
    c.request("GET", path)
    r, left = c.getresponse(), size
    assert r.status == 200, r.status
    while n := r.readinto(buffer):
        left -= n
    assert left == 0, f"{left} bytes missing"
    c.close()
    return time.monotonic() - start


@bench
def serving(s):
    """Registry GET of a 700 MB blob: rate and CPU of the server against docker-registry."""
    node = s.node()
    node.cli("image", "import", "big:1", check=True, timeout=300)
    layer = layer_of(s.big)
    cpu = {"ours": [], "peer": []}

    def get(kind, pid, address, name):
        before = cpu_seconds(pid)  # in ticks of 10 ms: several GETs make one figure
        taken = [drain(address, f"/v2/{name}/blobs/{layer.digest}", layer.size) for _ in range(GETS)]
        cpu[kind].append((cpu_seconds(pid) - before) / GETS)
        return med(taken)
    ours, peer = s.alternate(lambda: get("ours", node.pid, node.registry_address, "big"),
                             lambda: get("peer", s.registry.pid, s.registry.address, "library/big"))
    node.stop()
    rates = [layer.size / 1e6 / med(v) for v in (ours, peer)]
    used = [med(cpu[k][1:]) for k in ("ours", "peer")]
    return table(f"Registry GET of a {s.megabytes} MB blob on loopback",
                 ("server", "s", "MB/s", "server CPU, s", "as fast, at ≤ half the CPU"),
                 [("distromash", seconds(ours), f"{rates[0]:.0f}", f"{used[0]:.2f}",
                   verdict(rates[0] >= rates[1] and used[0] <= used[1] / 2)),
                  ("docker-registry 2.8.2", seconds(peer), f"{rates[1]:.0f}", f"{used[1]:.2f}", "")])


@bench
def memory(s):
    """Idle memory, and the peak while importing and serving 700 MB at once."""
    node = s.node()
    wait_until(lambda: node.get("/api/v1/health").status == 200, 10, "healthy")
    idle = node.memory()
    layer = layer_of(s.big)
    importing = in_thread(lambda: node.cli("image", "import", "big:1", check=True, timeout=300))
    path = f"/v2/big/blobs/{layer.digest}"
    wait_until(lambda: node.registry_request("HEAD", path).status == 200, 60, "the blob is on its way", every=0.01)
    readers = [in_thread(drain, node.registry_address, path, layer.size) for _ in range(4)]
    importing.result(300)
    for r in readers:
        r.result(300)
    peak = node.memory()
    node.stop()
    mib = {k: v / MIB for k, v in {"rss": idle["VmRSS"], "anon": idle["RssAnon"], "peak": peak["VmHWM"]}.items()}
    return table("Memory of a node", ("", "MiB", "limit", "within"), [
        ("idle, RSS", f"{mib['rss']:.1f}", 24, verdict(mib["rss"] <= 24)),
        ("idle, anonymous", f"{mib['anon']:.1f}", 10, verdict(mib["anon"] <= 10)),
        (f"peak RSS, importing {s.megabytes} MB and serving it to 4 clients meanwhile", f"{mib['peak']:.1f}", 64,
         verdict(mib["peak"] <= 64))])


@bench
def kill9(s):
    """Bytes that the upstream sends when the import is killed ten times."""
    rows = []
    for seed in range(1, s.repeats + 1):
        proxy = CountingProxy(s.registry.address, rate=150_000_000)
        node = Node(s.binary, upstream={"docker.io": proxy.url})
        assert node.apply("big:1").ok()
        r = random.Random(seed)
        for moment in sorted(r.uniform(0.02, 0.98) for _ in range(10)):
            wait_until(lambda: proxy.total >= s.big.size * moment, 60, "so much is sent", every=0.002)
            node.kill()
            node.start()
        wait_until(lambda: re.search("loaded|held|stored", node.told("big:1")), 120, node.log_tail)
        node.cli("store", "verify", check=True, timeout=120)
        rows.append((seed, f"{proxy.total / 1e6:.1f}", f"{proxy.total / s.big.size:.4f}",
                     verdict(proxy.total <= 1.02 * s.big.size)))
        node.stop()
        remove_tree(node.data_dir)
        proxy.close()
    return table(f"Import of {s.megabytes} MB with ten kill -9 at random moments",
                 ("seed", "upstream sent, MB", "of the size", "≤ 1.02"), rows,
                 "The upstream sends 150 MB/s through a counting proxy with a small send buffer.")


@bench
def pushing(s):
    """docker push of 700 MB against docker-registry, same dockerd."""
    docker, peaks, cpu = s.docker, [], {"ours": [], "peer": []}
    source = f"{s.registry.address}/library/big:1"
    docker.pull(source)

    def push(address):
        name = f"{address}/bench/pushed:1"
        docker.tag(source, name)
        start = time.monotonic()
        docker.cli("push", "-q", name)
        taken = time.monotonic() - start
        docker.remove(name)
        return taken

    # A registry of its own each time: Docker remembers what it has pushed where, and would push nothing.
    def ours():
        node = s.node()
        taken = push(node.registry_address)
        peaks.append(node.memory()["VmHWM"] / MIB)
        cpu["ours"].append(cpu_seconds(node.pid))
        node.stop()
        remove_tree(node.data_dir)
        return taken

    def peer():
        folder = temporary_directory()
        registry = Registry(folder)
        taken = push(registry.address)
        cpu["peer"].append(cpu_seconds(registry.pid))
        registry.stop()
        remove_tree(folder)
        return taken
    ours, peer = s.alternate(ours, peer)
    ratio = med(ours) / med(peer)
    used = {kind: f"{med(values[1:]):.2f}" for kind, values in cpu.items()}
    return table(f"`docker push` of {s.megabytes} MB", ("", "s", "server CPU, s", "ratio", "≤ 1.05"),
                 [("distromash", seconds(ours), used["ours"], f"{ratio:.3f}", verdict(ratio <= 1.05)),
                  ("docker-registry 2.8.2", seconds(peer), used["peer"], "1", "")],
                 f"Peak RSS of the node: {max(peaks):.1f} MiB (limit 64: {verdict(max(peaks) <= 64)}).")


@bench
def clients(s):
    """GETs of a blob by 32 clients at once against docker-registry."""
    node = s.node()
    Remote(node.registry_address).push(s.big, "bench/big", "1")
    layer, cpu = layer_of(s.big), {"ours": [], "peer": []}

    def get(kind, pid, address, name):
        before, start = cpu_seconds(pid), time.monotonic()
        loads = [subprocess.Popen(["curl", "-sSf", "-o", "/dev/null", f"http://{address}/v2/{name}/blobs/{layer.digest}"])
                 for _ in range(32)]
        assert all(load.wait(600) == 0 for load in loads)
        cpu[kind].append(cpu_seconds(pid) - before)
        return time.monotonic() - start
    ours, peer = s.alternate(lambda: get("ours", node.pid, node.registry_address, "bench/big"),
                             lambda: get("peer", s.registry.pid, s.registry.address, "library/big"))
    peak = node.memory()["VmHWM"] / MIB
    node.stop()
    rates = [32 * layer.size / 1e6 / med(v) for v in (ours, peer)]
    used = [med(cpu[k][1:]) for k in ("ours", "peer")]
    return table(f"32 clients GET a blob of {s.megabytes} MB", ("server", "s", "MB/s", "server CPU, s", "as fast, at ≤ half the CPU"),
                 [("distromash", seconds(ours), f"{rates[0]:.0f}", f"{used[0]:.2f}",
                   verdict(rates[0] >= rates[1] and used[0] <= used[1] / 2)),
                  ("docker-registry 2.8.2", seconds(peer), f"{rates[1]:.0f}", f"{used[1]:.2f}", "")],
                 f"Peak RSS of the node: {peak:.1f} MiB (limit 64: {verdict(peak <= 64)}).")


@bench
def many_names(s):
    """10,000 tags in one repository, 2,000 repositories: pages of the tag list, and a start."""
    node = s.node()
    image, remote = images.tiny(), Remote(node.registry_address)
    remote.push(image, "bench/tags", "0")
    for i in range(0, 10_000, 50):
        tags = "&".join(f"tag=t{k:05}" for k in range(i, i + 50))
        assert remote.request("PUT", f"/v2/bench/tags/manifests/{image.digest}?{tags}", image.manifest,
                              {"Content-Type": image.media_type})[0] == 201
    for i in range(2_000):
        for blob in image.blobs:
            remote.request("POST", f"/v2/bench/r{i}/blobs/uploads/?mount={blob}&from=bench/tags", None, {"Content-Length": "0"})
        assert remote.request("PUT", f"/v2/bench/r{i}/manifests/{image.digest}", image.manifest,
                              {"Content-Type": image.media_type})[0] == 201

    def page(path):
        start = time.monotonic()
        assert remote.request("GET", path)[0] == 200
        return 1000 * (time.monotonic() - start)
    pages = [page(f"/v2/bench/tags/tags/list?n=100&last=t{random.randrange(9_000):05}") for _ in range(50)]
    catalog = [page("/v2/_catalog?n=100&last=bench/r1") for _ in range(20)]
    node.stop()
    start = time.monotonic()
    node.start()
    opened = time.monotonic() - start
    node.stop()
    return table("10,000 tags, 2,000 repositories", ("", "measured", "limit", "within"),
                 [("page of 100 tags, median", f"{med(pages):.1f} ms", "20 ms", verdict(med(pages) <= 20)),
                  ("page of 100 repositories, median", f"{med(catalog):.1f} ms", "20 ms", verdict(med(catalog) <= 20)),
                  ("start until healthy", f"{opened:.2f} s", "1 s", verdict(opened <= 1))])


def machine():
    with open("/proc/cpuinfo") as f:
        model = re.search(r"model name\s*: (.*)", f.read())
    return (f"{os.cpu_count()} cores ({model[1] if model else 'unknown'}), Linux {os.uname().release.split('-')[0]}, "
            f"{datetime.date.today()}, load {os.getloadavg()[0]:.1f}")


def write(name, text):
    os.makedirs(os.path.dirname(DOCUMENT), exist_ok=True)
    content = ""
    if os.path.exists(DOCUMENT):
        with open(DOCUMENT) as f:
            content = f.read()
    begin, end = BEGIN.format(name), END.format(name)
    section = f"{begin}\n{text}\n{end}"
    if begin in content:
        content = content[:content.index(begin)] + section + content[content.index(end) + len(end):]
    else:
        content = content.rstrip("\n") + ("\n\n" if content else "# Benchmarks\n\n") + section + "\n"
    with open(DOCUMENT, "w") as f:
        f.write(content)


@bench
def page(s):
    """The web application before 1,000 nodes and 50 images with 50 events a second."""
    folder = os.path.join(os.path.dirname(s.binary), "web", "app")
    bounds = {"first paint, ms": 300, "script a frame, ms": 16, "heap, MiB": 150}
    rows = []
    for path, figures in fleet_page.measure(folder):
        good = all(figures[name] <= bound for name, bound in bounds.items())
        rows.append((f"`{path}`", *(f"{v:.1f}" for v in figures.values()), verdict(good)))
    return table(f"The web application before {fleet_page.NODES} nodes and {fleet_page.IMAGES} images, "
                 f"{fleet_page.EVENTS_PER_SECOND} events a second for {fleet_page.SECONDS} s",
                 ("page", *figures, "≤ 300 ms, 16 ms, 150 MiB"), rows)


@bench
def delay(s):
    """An image from a peer at the other end of a link of 100 Mbit/s with 20 ms and 100 ms of one-way delay."""
    rows = []
    for milliseconds in (20, 100):
        shares = peers.over_delay(s, milliseconds)
        rows.append((f"{milliseconds} ms", f"{100 * med(shares):.0f} % ({', '.join(f'{100 * v:.0f}' for v in shares)})",
                     verdict(med(shares) >= 0.8)))
    return table(f"{s.megabytes} MB over a link of 100 Mbit/s with delay", ("one-way delay", "of the link", "≥ 80 %"), rows,
                 "The link is a relay in user space with little room in front of it.")


@bench
def limits(s):
    """Accuracy of the rate limits: bytes on the link in windows of 1 s."""
    rows = []
    for direction in ("upload", "download"):
        least, most = peers.limit_windows(s, direction, 10_000_000)
        rows.append((f"{direction}, 10 MB/s", f"{100 * least:.1f} %", f"{100 * most:.1f} %", verdict(0.95 <= least <= most <= 1.05)))
    return table("Rate limits: bytes in any window of 1 s", ("limit", "least", "most", "within 5 %"), rows)


@bench
def hostile(s):
    """The rate of an honest peer with and without each attack on the node that serves it."""
    rows = []
    for name, (alone, beside, rss) in peers.beside_attacks(s).items():
        rows.append((name.replace("_", " "), *(f"{s.big.size / 1e6 / t:.1f}" for t in (alone, beside)), f"{100 * alone / beside:.0f} %",
                     f"{rss / MIB:.1f}", verdict(alone / beside >= 0.9 and rss <= 64 * MIB)))
    return table(f"{s.megabytes} MB from a node of 100 Mbit/s that is attacked meanwhile",
                 ("attack", "alone, MB/s", "beside it, MB/s", "of the rate", "peak RSS, MiB", "≥ 90 %, ≤ 64 MiB"), rows)


@bench
def swarm_memory(s):
    """Memory of a node in the middle of a swarm, and of one with 50 idle connections."""
    middle, idle = peers.peak_in_the_middle(s) / MIB, peers.idle_with_peers(s) / MIB
    return table("Memory of a node among peers", ("", "MiB", "limit", "within"), [
        (f"peak RSS, fetching {s.megabytes} MB from four and serving four", f"{middle:.1f}", 64, verdict(middle <= 64)),
        (f"RSS with {peers.IDLE_PEERS} idle connections", f"{idle:.1f}", 32, verdict(idle <= 32))])


@bench
def small_blocks(s):
    """GET of 1 KiB blocks that a connected peer holds, over a veth; needs root."""
    took = peers.small_blocks(s)
    p50, p99 = took[len(took) // 2], took[len(took) * 99 // 100]
    return table(f"{len(took)} blocks of 1 KiB that a connected peer holds, over a veth, one after the other",
                 ("", "ms", "limit", "within"), [("p50", f"{p50:.2f}", 1, verdict(p50 <= 1)), ("p99", f"{p99:.2f}", 4, verdict(p99 <= 4))])


def main():
    a = argparse.ArgumentParser(description=__doc__ + ", ".join(BENCHES), formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("names", nargs="*", metavar="NAME", help="which (all when none is given)")
    a.add_argument("--binary", default="build/release/distromash")
    a.add_argument("--repeats", type=int, default=5)
    a.add_argument("--megabytes", type=int, default=700)
    a.add_argument("--write", action="store_true", help="update docs/benchmarks.md")
    args = a.parse_args()
    for n in args.names:
        if n not in BENCHES:
            a.error(f"no bench {n}: {', '.join(BENCHES)}")
    exit_cleanly_on_signals()
    s = Setting(os.path.abspath(args.binary), args.repeats, args.megabytes)
    print(machine() + "\n", flush=True)
    failed = False
    for n in args.names or BENCHES:
        text = BENCHES[n](s)
        print(text, flush=True)
        failed |= "**no**" in text
        if args.write:
            write(n, f"{text}\n{machine()}; medians of {args.repeats}, single runs in brackets.")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
