#!/usr/bin/env python3
"""micro.py add | idle | latency - single measurements that are not a fetch run. Same environment as lab.py."""
import argparse, json, os, sys, time
import lab as L
from systems import kubo, registry


def emit(**kw):
    print(json.dumps(kw), flush=True)


def rss(lab, i):
    lab.rss.clear()
    return {n: round(int(l.split()[1]) / 1024, 1) for p in lab.pids(i) for n in [L.read(f"/proc/{p}/comm").strip()]
            for l in L.read(f"/proc/{p}/status").splitlines() if l.startswith("VmRSS")}


def add(a):
    """`ipfs add` of the image layout, offline repo, then with the daemon running."""
    im = L.img.get(a.image)
    for mode in ("offline", "daemon") * a.reps:
        lab = L.Lab(0)
        s = kubo.System(lab, im, {})
        s.ids = {}
        s.setup(0)
        if mode == "daemon":
            s.daemon(0)
        lab.sampling.set()
        c, t = lab.cpu(0), time.time()
        s.ipfs(0, *kubo.ADD[1:], im.dir)
        dt, cpu = time.time() - t, lab.cpu(0) - c
        time.sleep(0.3)
        emit(what="ipfs add", mode=mode, image=a.image, seconds=round(dt, 2), MBps=round(im.total / dt / 1e6, 1), cpu_s=round(cpu, 2),
             rss_mib={k[1]: round(v / 1024, 1) for k, v in lab.rss.items()})
        lab.close()


def idle(a):
    """4-node Kubo private mesh holding the image on the origin, and docker-registry, idle for --seconds."""
    im = L.img.get(a.image)
    for name, mod, opts, n in (("kubo none", kubo, {}, 4), ("kubo dhtserver", kubo, dict(routing="dhtserver"), 4), ("registry", registry, {}, 0)):
        lab = L.Lab(n)
        s = mod.System(lab, im, opts)
        s.prepare()
        for i in range(1, n + 1):
            s.start_node(i)
        s.ready()
        time.sleep(15)
        b, c, t = [lab.bytes(i) for i in range(n + 1)], [lab.cpu(i) for i in range(n + 1)], time.time()
        time.sleep(a.seconds)
        dt = time.time() - t
        for i in range(min(n, 1) + 1):
            rx, tx = (round((y - x) / dt, 1) for x, y in zip(b[i], lab.bytes(i)))
            emit(what="idle", system=name, node="origin" if i == 0 else "node", seconds=round(dt), rx_Bps=rx, tx_Bps=tx,
                 cpu_percent=round((lab.cpu(i) - c[i]) / dt * 100, 2), rss_mib=rss(lab, i))
        s.stop()
        lab.close()


GET = r"""
import http.client, json, sys, time
host, method, paths, fresh = sys.argv[1], sys.argv[2], json.load(open(sys.argv[3])), sys.argv[4] == "1"
c, out = http.client.HTTPConnection(host, timeout=30), []
for p in paths:
    t = time.perf_counter()
    if fresh: c = http.client.HTTPConnection(host, timeout=30)
    c.request(method, p); r = c.getresponse(); n = len(r.read())
    assert r.status == 200 and n == 1024, (r.status, n, p)
    out.append((time.perf_counter() - t) * 1000)
print(json.dumps(out))
"""


def latency(a):
    """GET of 200 different 1 KiB blobs, one after the other, over an unshaped veth."""
    import hashlib, random
    blobs = [random.Random(k).randbytes(1024) for k in range(200)]

    def report(name, lab, i, host, method, paths, fresh="0"):
        f = lab.dir(i) + "/paths"
        json.dump(paths, open(f, "w"))
        v = sorted(json.loads(lab.run(i, [sys.executable, "-c", GET, host, method, f, fresh])))
        emit(what="latency 1 KiB", system=name, n=len(v), p50_ms=round(v[len(v) // 2], 3), p99_ms=round(v[int(len(v) * .99) - 1], 3), max_ms=round(v[-1], 3))

    lab, im = L.Lab(1), L.img.get("64x2")
    s = registry.System(lab, im, {})
    s.prepare()
    for k, b in enumerate(blobs):
        dg = "sha256:" + hashlib.sha256(b).hexdigest()
        code = ("import http.client,sys;from urllib.parse import quote;c=http.client.HTTPConnection('127.0.0.1:5000');c.request('POST','/v2/img/blobs/uploads/');"
                "r=c.getresponse();r.read();l=r.getheader('Location').split(':5000',1)[1];b=bytes.fromhex(sys.argv[2]);c.request('PUT',l+'&digest='+sys.argv[1],b);r=c.getresponse();assert r.status==201")
        lab.run(0, [sys.executable, "-c", code, dg, b.hex()])
        blobs[k] = (b, dg)
    paths = [f"/v2/img/blobs/{dg}" for _, dg in blobs]
    report("registry, keep-alive", lab, 1, lab.ip(0) + ":5000", "GET", paths)
    report("registry, keep-alive, again", lab, 1, lab.ip(0) + ":5000", "GET", paths)
    report("registry, connection per GET", lab, 1, lab.ip(0) + ":5000", "GET", paths, "1")
    lab.close()
    for tr in ("tcp", "quic"):
        lab = L.Lab(1)
        s = kubo.System(lab, im, dict(transport=tr))
        s.prepare()
        s.start_node(1)
        s.ready()
        os.makedirs(lab.dir(0) + "/b")
        for k, (b, _) in enumerate(blobs):
            open(f"{lab.dir(0)}/b/{k}", "wb").write(b)
        cids = s.ipfs(0, "block", "put", *[f"b/{k}" for k in range(200)]).split()
        paths = [f"/api/v0/block/get?arg={c}" for c in cids]
        report(f"kubo {tr} block/get, cold", lab, 1, "127.0.0.1:5001", "POST", paths)
        report(f"kubo {tr} block/get, then local", lab, 1, "127.0.0.1:5001", "POST", paths)
        s.stop()
        lab.close()


if __name__ == "__main__":
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("what", choices=("add", "idle", "latency"))
    ap.add_argument("--image", default="700x1")
    ap.add_argument("--reps", type=int, default=2)
    ap.add_argument("--seconds", type=int, default=60)
    ap.add_argument("--keep", action="store_true")
    a = ap.parse_args()
    globals()[a.what](a)
