"""A throw-away Debian: this machine's files under an overlay in memory, with a systemd and namespaces of its own."""
import os
import shlex
import shutil

from .system import Daemon, run, temporary_directory, wait_until

# Runs in new mount, PID, network, cgroup, UTS and IPC namespaces, whose mounts and processes end with it.
BOOT = r"""
set -e
mount -t tmpfs -o size=512m tmpfs "$1"
cd "$1"
mkdir upper work root
mount -t overlay overlay -o lowerdir=/,upperdir=upper,workdir=work root
cd root
mount -t proc proc proc
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
for d in run tmp; do mount -t tmpfs tmpfs $d; done
mount --rbind /dev dev
ip link set lo up
: > etc/machine-id
# Of what the machine itself would start nothing, and nothing that reaches into its kernel.
rm -rf etc/systemd/system/*.wants usr/sbin/policy-rc.d
for unit in lib/systemd/system/{sysinit,local-fs,basic,sockets,timers,multi-user}.target.wants/*; do
    case ${unit##*/} in systemd-journald* | dbus.* | systemd-tmpfiles-setup.service) ;;
    *) ln -sf /dev/null "etc/systemd/system/${unit##*/}" ;;
    esac
done
exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin container=distromash-test \
    chroot . /lib/systemd/systemd --system --unit=multi-user.target
"""


def why_not():
    """Why there can be no such machine here; None where there can."""
    if os.geteuid() != 0:
        return "needs root"
    for program in ("/lib/systemd/systemd", "/usr/bin/nsenter", "/usr/bin/dpkg"):
        if not os.path.exists(program):
            return f"{program} is not installed"
    return None


class Machine:
    def __init__(self):
        self.folder = temporary_directory("dm-machine-")
        self.log = os.path.join(self.folder, "boot.log")
        root = os.path.join(self.folder, "root")
        os.mkdir(root)
        self.daemon = Daemon(["unshare", "--mount", "--pid", "--net", "--cgroup", "--uts", "--ipc", "--fork", "--kill-child",
                              "bash", "-c", BOOT, "boot", root], self.log)
        wait_until(self._is_up, 30, lambda: f"systemd is up: {self.daemon.output()}")

    def _is_up(self):
        assert self.daemon.running(), self.daemon.output()
        with open(f"/proc/{self.daemon.pid}/task/{self.daemon.pid}/children") as f:
            children = f.read().split()
        if not children or not os.readlink(f"/proc/{children[0]}/exe").endswith("/lib/systemd/systemd"):
            return False
        self.pid = children[0]
        return self.run("systemctl is-system-running").stdout.strip() in ("running", "degraded")

    def run(self, command, check=False):
        """A line of shell inside: CompletedProcess."""
        return run(["nsenter", "-t", self.pid, "-a", "-r", "-w", "env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
                    "DEBIAN_FRONTEND=noninteractive", "sh", "-c", command], timeout=60, check=check)

    def output(self, command):
        return self.run(command, check=True).stdout.strip()

    def put(self, file, path):
        """Copies a file of the real machine into this one."""
        shutil.copy(file, f"/proc/{self.pid}/root{path}")

    def find(self, *names):
        """Which of these paths exist."""
        return self.output(f"ls -d {' '.join(map(shlex.quote, names))} 2>/dev/null || true").split()

    def close(self):
        """unshare heeds SIGKILL only; all that runs inside ends with it."""
        self.daemon.kill()
