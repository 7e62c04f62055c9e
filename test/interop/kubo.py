"""A Kubo daemon of a test's own: loopback only, nothing bootstrapped, the DHT on."""
import json
import os
import subprocess
import time


def binary():
    """The `ipfs` that the build made (KUBO), or None."""
    path = os.environ.get("KUBO")
    return path if path and os.access(path, os.X_OK) else None


class Kubo:
    def __init__(self, folder):
        self.env = {**os.environ, "IPFS_PATH": str(folder), "IPFS_TELEMETRY": "off"}
        self.log = open(f"{folder}.log", "w+")
        self("init", "--profile=test")
        self("bootstrap", "rm", "--all")
        self.configure("Addresses", {"Swarm": ["/ip4/127.0.0.1/tcp/0"], "API": "/ip4/127.0.0.1/tcp/0", "Gateway": [],
                                     "Announce": [], "AppendAnnounce": [], "NoAnnounce": []})
        self.configure("Routing.Type", "dht")
        self.configure("Routing.LoopbackAddressesOnLanDHT", True)
        for key in ("AutoConf.Enabled", "AutoTLS.Enabled", "Discovery.MDNS.Enabled"):
            self.configure(key, False)
        self.process = subprocess.Popen([binary(), "daemon"], env=self.env, stdout=self.log, stderr=subprocess.STDOUT)
        self._wait_until_ready()
        ids = json.loads(self("id"))
        self.id = ids["ID"]
        self.address = ids["Addresses"][0]

    def __call__(self, *args, timeout=60, **more):
        done = subprocess.run([binary(), *args], env=self.env, capture_output=True, text=True, timeout=timeout, **more)
        assert done.returncode == 0, f"ipfs {' '.join(args)}: {done.stderr}"
        return done.stdout.strip()

    def configure(self, key, value):
        self("config", "--json", key, json.dumps(value))

    def _wait_until_ready(self):
        deadline = time.monotonic() + 60
        while "Daemon is ready" not in open(self.log.name).read():
            assert self.process.poll() is None and time.monotonic() < deadline, open(self.log.name).read()[-2000:]
            time.sleep(0.05)

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()
