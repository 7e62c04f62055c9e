"""A real Kubo on loopback, alone: no bootstrap list, no public services, TCP only."""
import json
import os
import subprocess

from lib.system import Daemon, free_port, temporary_directory, wait_until

SETTINGS = {
    "Bootstrap": [],
    "AutoConf.Enabled": False,
    "AutoTLS.Enabled": False,
    "Discovery.MDNS.Enabled": False,
    "Routing.Type": "dht",
    "Routing.LoopbackAddressesOnLanDHT": True,
    "Routing.DelegatedRouters": [],
    "Ipns.DelegatedPublishers": [],
    "DNS.Resolvers": {},
    "Plugins.Plugins.telemetry.Disabled": True,
    "Swarm.Transports.Network.QUIC": False,
    "Swarm.Transports.Network.Relay": False,
    "Swarm.Transports.Network.WebTransport": False,
    "Swarm.Transports.Network.WebRTCDirect": False,
    "Swarm.Transports.Network.Websocket": False,
    "Swarm.RelayClient.Enabled": False,
    "Swarm.DisableNatPortMap": True,
    "Addresses.Gateway": [],
}


class Kubo:
    def __init__(self, program, swarm_key=None, settings=None):
        self.program = program
        self.path = temporary_directory("dm-kubo-")
        self.port, self.api_port = free_port(), free_port()
        self.log = os.path.join(self.path, "log")
        self.env = {"IPFS_PATH": self.path, "IPFS_TELEMETRY": "off", "LIBP2P_TCP_MUX": "false", "HOME": self.path}
        if swarm_key:
            self.env["LIBP2P_FORCE_PNET"] = "1"
            with open(os.path.join(self.path, "swarm.key"), "w") as f:
                f.write(swarm_key)
        self.cli("init", "--profile=test")
        self._configure({**SETTINGS, **(settings or {}), "Addresses.Swarm": [f"/ip4/127.0.0.1/tcp/{self.port}"],
                         "Addresses.API": [f"/ip4/127.0.0.1/tcp/{self.api_port}"]})
        self.id = self.cli("id", "--format=<id>").strip()
        self.address = f"/ip4/127.0.0.1/tcp/{self.port}/p2p/{self.id}"
        self.daemon = Daemon([program, "daemon"], self.log, env=self.env)
        wait_until(self._ready, 30, lambda: f"Kubo is ready:\n{self.log_tail()}", every=0.05)

    def _configure(self, settings):
        file = os.path.join(self.path, "config")
        with open(file) as f:
            config = json.load(f)
        for name, value in settings.items():
            *folders, last = name.split(".")
            at = config
            for f in folders:
                at[f] = at.get(f) or {}  # some are null at first
                at = at[f]
            at[last] = value
        with open(file, "w") as f:
            json.dump(config, f)

    def _ready(self):
        assert self.daemon.running(), f"Kubo ended:\n{self.log_tail()}"
        return "Daemon is ready" in self.log_tail()

    def log_tail(self):
        with open(self.log, errors="replace") as f:
            return f.read()[-3000:]

    def run(self, *args, timeout=60, **kwargs):
        return subprocess.run([self.program, *args], env={**os.environ, **self.env}, capture_output=True,
                              timeout=timeout, **kwargs)

    def cli(self, *args, timeout=60):
        """The output of `ipfs ARGS`; fails when that does."""
        p = self.run(*args, timeout=timeout)
        assert p.returncode == 0, f"ipfs {' '.join(args)}: {p.stderr.decode(errors='replace')[-1500:]}"
        return p.stdout.decode()

    def peers(self):
        """The ids of the connected peers."""
        return [line.rsplit("/p2p/", 1)[1] for line in self.cli("swarm", "peers").splitlines()]

    def stop(self):
        self.daemon.stop()
