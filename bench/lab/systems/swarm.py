"""DistroMash's swarm alone: swarm_peer on every node, all connected to each other, one fetch of all blobs (-o slots=2).

SWARM_PEER = the program (default: build/release/swarm_peer of this repository)."""
import os, subprocess
import lab as L

PROGRAM = os.environ.get("SWARM_PEER") or os.path.abspath(os.path.join(L.HERE, "../../build/release/swarm_peer"))


class System(L.System):
    def peer(self, i, put=(), connect=()):
        d = self.lab.dir(i)
        argv = [PROGRAM, d, f"/ip4/{self.lab.ip(i)}/tcp/33123"]
        argv += [x for f in put for x in ("--put", f)] + [x for a in connect for x in ("--connect", a)]
        argv += ["--slots", self.opts["slots"]] if "slots" in self.opts else []
        p = subprocess.Popen(self.lab.argv(i, argv), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                             stderr=open(d + "/log", "w"), start_new_session=True, cwd=d)
        self.lab.procs.append(p)
        address = self.line(p)
        self.addresses.append(address.split()[1])
        return p

    @staticmethod
    def line(p):
        out = p.stdout.readline().strip()
        if not out:
            raise RuntimeError("swarm_peer has ended")
        return out

    def prepare(self):
        self.addresses, self.nodes, self.reports = [], {}, {}
        d = self.image.dir
        self.origin = self.peer(0, put=[f"{d}/blobs/{dg}" for dg, _ in self.image.blobs])
        assert self.line(self.origin) == "ready"

    def start_node(self, i):
        pass

    def ready(self):  # one after the other, each connects to all before it
        for i in range(1, self.lab.n + 1):
            self.nodes[i] = self.peer(i, connect=list(self.addresses))
            assert self.line(self.nodes[i]) == "ready"

    def fetch(self, i):
        p = self.nodes[i]
        p.stdin.write("fetch " + " ".join(f"{dg} {size}" for dg, size in self.image.blobs) + "\n")
        p.stdin.flush()
        self.reports[i] = self.line(p)
        assert self.reports[i].startswith("done"), self.reports[i]

    def verify(self, i):
        for dg, size in self.image.blobs:
            path = f"{self.lab.dir(i)}/store/blobs/sha256/{dg[7:]}"
            assert os.path.getsize(path) == size
            assert self.lab.run(i, ["openssl", "sha256", "-r", path]).split()[0] == dg[7:]
