"""Network namespaces on one bridge, nodes in them, and ways into them for what runs outside."""
import contextlib
import ctypes
import os
import socket
import subprocess
import threading

from .node import Node
from .system import cleanup, run

_libc = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000


def ip(*args):
    p = run(["ip", *args], timeout=20)
    assert p.returncode == 0, p.stderr


def inside(space, *args):
    ip("netns", "exec", space, *args)


class Lan:
    """Boxes 0, 1, … with addresses 10.99.0.1, 10.99.0.2, …"""

    def __init__(self, boxes):
        tag = f"dm{os.getpid() % 10000}"
        self.spaces = [f"{tag}-{i}" for i in range(boxes)]
        self.bridge_space = f"{tag}-b"
        self._cleanup = cleanup.push(self._remove)
        ip("netns", "add", self.bridge_space)
        inside(self.bridge_space, "ip", "link", "add", "br0", "type", "bridge")
        inside(self.bridge_space, "ip", "link", "set", "br0", "up")
        for i, space in enumerate(self.spaces):
            ip("netns", "add", space)
            ip("link", "add", "eth0", "netns", space, "type", "veth", "peer", "name", f"port{i}", "netns", self.bridge_space)
            inside(self.bridge_space, "ip", "link", "set", f"port{i}", "master", "br0", "up")
            inside(space, "ip", "address", "add", f"{self.address(i)}/24", "dev", "eth0")
            for device in ("lo", "eth0"):
                inside(space, "ip", "link", "set", device, "up")
            inside(space, "ip", "route", "add", "default", "dev", "eth0")

    @staticmethod
    def address(i):
        return f"10.99.0.{i + 1}"

    def _remove(self):
        for space in [*self.spaces, self.bridge_space]:
            subprocess.run(["ip", "netns", "del", space], capture_output=True)

    def close(self):
        cleanup.run(self._cleanup)


def socket_in(space):
    """A TCP socket of that namespace (None: of this one), usable from here."""
    made = []

    def make():
        if space:
            with open(f"/run/netns/{space}") as f:
                if _libc.setns(f.fileno(), CLONE_NEWNET):
                    made.append(OSError(ctypes.get_errno(), f"no way into {space}"))
                    return
        made.append(socket.socket())
    thread = threading.Thread(target=make)
    thread.start()
    thread.join()
    if isinstance(made[0], OSError):
        raise made[0]
    return made[0]


class Tunnel:
    """What connects to `listen` (host:port) in one namespace reaches `connect` in the other; as ssh -L does it."""

    def __init__(self, listen_space, listen, connect_space, connect):
        self.space, self.target = connect_space, self._split(connect)
        self.listener = socket_in(listen_space)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(self._split(listen))
        self.listener.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()

    @staticmethod
    def _split(address):
        host, _, port = address.rpartition(":")
        return host, int(port)

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        with client, socket_in(self.space) as server:
            try:
                server.connect(self.target)
            except OSError:
                return
            back = threading.Thread(target=self._pump, args=(server, client), daemon=True)
            back.start()
            self._pump(client, server)
            back.join()

    @staticmethod
    def _pump(source, sink):
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                sink.sendall(data)
        for s in (source, sink):
            with contextlib.suppress(OSError):
                s.shutdown(socket.SHUT_RDWR)

    def close(self):
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


class LanNode(Node):
    """A node in box `i`; its API is reached from outside under the same address."""

    def __init__(self, binary, lan, i, upstream=None, args=(), **options):
        self.lan, self.space, self.tunnels = lan, lan.spaces[i], []
        port = 33123
        self.p2p_address = f"/ip4/{lan.address(i)}/tcp/{port}"
        for url in set((upstream or {}).values()):
            address = url.removeprefix("http://")
            self.tunnels.append(Tunnel(self.space, address, None, address))
        super().__init__(binary, upstream=upstream, args=["--open-mesh", "--no-mdns", "--p2p", self.p2p_address, *args],
                         **options)

    def start(self, wait=True):
        if self.argv[0] != "ip":
            self.argv = ["ip", "netns", "exec", self.space, *self.argv]
            self.tunnels.append(Tunnel(None, self.api_address, self.space, self.api_address))
        return super().start(wait)

    def end_of_test(self):
        super().end_of_test()
        for t in self.tunnels:
            t.close()
