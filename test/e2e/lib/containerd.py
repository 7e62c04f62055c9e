"""A containerd of the test's own, without a shim or CRI, driven by Debian's `ctr`."""
import os

from .system import Daemon, cleanup, run, temporary_directory, unmount_below, wait_until

CONFIG = """version = 2
root = "{directory}/root"
state = "{directory}/state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
address = "{socket}"
[ttrpc]
address = "{socket}.ttrpc"
"""


class Containerd:
    def __init__(self):
        self.directory = temporary_directory("dm-ctr-")
        self.socket = os.path.join(self.directory, "c.sock")
        config = os.path.join(self.directory, "config.toml")
        with open(config, "w") as f:
            f.write(CONFIG.format(directory=self.directory, socket=self.socket))
        cleanup.push(lambda: unmount_below(self.directory))
        self.daemon = Daemon(["containerd", "--config", config, "--log-level", "warn"], os.path.join(self.directory, "log"))
        wait_until(self._up, 30, lambda: f"containerd answers:\n{self.daemon.output()}")

    def _up(self):
        assert self.daemon.running(), self.daemon.output()
        return self.ctr("version", check=False).returncode == 0

    def ctr(self, *args, check=True, timeout=180):
        return run(["ctr", "--address", self.socket, *args], check=check, timeout=timeout)

    def stop(self):
        self.daemon.stop()
        unmount_below(self.directory)
