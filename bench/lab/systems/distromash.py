"""DistroMash: the origin has imported the image, the nodes fetch it by digest from each other; no registry can be reached.

Full mesh of peers. -o pnet=1: a private network, with a key
DISTROMASH = the binary (default: build/release/distromash of this tree).
"""
import hashlib, json, os, shutil, sys, time
import lab as L
from systems import registry

BINARY = os.path.abspath(os.environ.get("DISTROMASH") or os.path.join(L.HERE, "../../build/release/distromash"))
NAME = "127.0.0.1:5000/img"  # a registry that only the origin can reach, and only at first


class System(L.System):
    def data(self, i):
        return self.lab.dir(i) + "/data"

    def cli(self, i, *argv, **kw):
        return self.lab.run(i, [BINARY, *argv], **kw)

    def identity(self, i):
        said = self.cli(i, "init", "--data-dir", self.data(i))
        self.ids[i] = next(line.split()[1] for line in said.splitlines() if line.startswith("peer"))
        if self.opts.get("pnet"):
            if i:
                shutil.copy(self.data(0) + "/swarm.key", self.data(i) + "/swarm.key")
        else:
            os.remove(self.data(i) + "/swarm.key")

    def address(self, i):
        return f"/ip4/{self.lab.ip(i)}/tcp/33123/p2p/{self.ids[i]}"

    def daemon(self, i):
        argv = [BINARY, "run", "--data-dir", self.data(i), "--engine", "none",
                "--p2p", f"/ip4/{self.lab.ip(i)}/tcp/33123", "--log-level", os.environ.get("DM_LOG_LEVEL", "info")]
        argv += [] if self.opts.get("pnet") else ["--open-mesh"]
        argv += [x for j in range(i) for x in ("--bootstrap", self.address(j))]
        self.lab.spawn(i, argv)
        self.lab.wait_port(i, 3000)

    def prepare(self):
        self.ids = {}
        for i in range(self.lab.n + 1):
            self.identity(i)
        r = registry.System(self.lab, self.image, {})
        r.prepare()
        self.daemon(0)
        self.cli(0, "image", "import", f"{NAME}@{self.image.digest}")
        self.lab.end(r.process)

    def start_node(self, i):
        self.daemon(i)

    def ready(self):
        for i in range(self.lab.n + 1):
            end = time.time() + 60
            while (have := self.connected(i)) < self.lab.n:
                if time.time() > end:
                    raise RuntimeError(f"node {i} is connected to {have} of {self.lab.n} peers")
                time.sleep(0.2)

    def connected(self, i):
        return sum(p["connected"] for p in json.loads(self.cli(i, "peers", "--output", "json")))

    def fetch(self, i):
        self.cli(i, "image", "import", f"{NAME}@{self.image.digest}")

    def verify(self, i):
        for digest, _ in self.image.blobs:
            with open(f"{self.data(i)}/store/blobs/sha256/{digest[7:]}", "rb") as f:
                assert hashlib.file_digest(f, "sha256").hexdigest() == digest[7:], digest

    def stop(self):
        self.lab.stop_procs()
