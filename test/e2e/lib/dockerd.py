"""A dockerd of our own: its own folders, socket and configuration; the machine's Docker is neither used nor touched."""
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import urllib.parse

from .system import Daemon, cleanup, run, temporary_directory, unmount_below, wait_until


def why_not():
    """Why no private dockerd can run here, or None."""
    if os.geteuid() != 0:
        return "needs root to run a private dockerd"
    if not shutil.which("dockerd"):
        return "needs dockerd (package docker.io)"
    if not shutil.which("docker"):
        return "needs the docker command (package docker.io)"
    return None


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("docker", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Docker:
    """A client of the Docker at a unix socket."""

    def __init__(self, socket_path):
        self.socket_path = socket_path
        self.host = f"unix://{socket_path}"

    def api(self, method, path, body=None, timeout=120):
        """(status, JSON or text) of an Engine API call."""
        c = _UnixConnection(self.socket_path, timeout)
        try:
            c.request(method, path, json.dumps(body) if body is not None else None,
                      {"Content-Type": "application/json"} if body is not None else {})
            r = c.getresponse()
            data = r.read()
            try:
                return r.status, json.loads(data)
            except ValueError:
                return r.status, data.decode(errors="replace")
        finally:
            c.close()

    def cli(self, *args, check=True, timeout=300):
        return run(["docker", "-H", self.host, *args], timeout=timeout, check=check,
                   env={"DOCKER_CONFIG": "/nonexistent", "DOCKER_HOST": "", "DOCKER_CONTEXT": ""})

    def ready(self):
        try:
            return self.api("GET", "/_ping", timeout=5)[0] == 200
        except OSError:
            return False

    def images(self):
        """{tag: image id} of everything tagged."""
        listed = self.api("GET", "/v1.41/images/json")[1]
        return {t: i["Id"] for i in listed for t in i.get("RepoTags") or [] if t != "<none>:<none>"}

    def image(self, name):
        """What inspect says, or None."""
        code, answer = self.api("GET", f"/v1.41/images/{name}/json")
        return answer if code == 200 else None

    def image_ids(self):
        return {i["Id"] for i in self.api("GET", "/v1.41/images/json?all=1")[1]}

    def remove(self, name):
        return self.api("DELETE", f"/v1.41/images/{name}")

    def tag(self, source, name):
        repo, _, tag = name.rpartition(":")
        code, answer = self.api("POST", f"/v1.41/images/{source}/tag?" + urllib.parse.urlencode({"repo": repo, "tag": tag}))
        assert code == 201, answer

    def create_container(self, image, command=("sh",)):
        """A container that is never started: enough to be "in use". Returns its id."""
        code, answer = self.api("POST", "/v1.41/containers/create", {"Image": image, "Cmd": list(command),
                                                                    "HostConfig": {"NetworkMode": "none"}})
        assert code == 201, answer
        return answer["Id"]

    def remove_container(self, container):
        code, answer = self.api("DELETE", f"/v1.41/containers/{container}?force=1")
        assert code == 204, answer


class Dockerd(Docker):
    def __init__(self, directory=None, config=None):
        self.directory = directory or temporary_directory("dm-docker-")
        # Unix socket paths end at 107 bytes: the socket lives at the top.
        super().__init__(os.path.join(self.directory, "d.sock"))
        self.exec_root = os.path.join(self.directory, "exec")
        self.log = os.path.join(self.directory, "dockerd.log")
        self.config = os.path.join(self.directory, "daemon.json")
        with open(self.config, "w") as f:
            json.dump(config or {}, f)
        cleanup.push(self._sweep)
        self.start()

    def start(self):
        pidfile = os.path.join(self.directory, "dockerd.pid")
        if os.path.exists(pidfile):
            os.unlink(pidfile)
        # A containerd of the machine would be found and shared: own namespaces keep its content apart.
        name = f"dm-{os.getpid()}"
        self.daemon = Daemon(["dockerd", "--config-file", self.config, "--data-root", os.path.join(self.directory, "data"),
                              "--exec-root", self.exec_root, "--pidfile", pidfile, "-H", self.host, "--bridge=none",
                              "--iptables=false", "--ip6tables=false", "--ip-masq=false", "--storage-driver=overlay2",
                              "--containerd-namespace", name, "--containerd-plugins-namespace", f"{name}-plugins",
                              "--group", "root", "--log-level=warn"], self.log)
        wait_until(self._up, 60, lambda: f"dockerd answers:\n{self.daemon.output()}")

    def _up(self):
        assert self.daemon.running(), self.daemon.output()
        return self.ready()

    def pull(self, reference):
        return self.cli("pull", "-q", reference)

    def stop(self):
        self.daemon.stop()
        self._end_containerd()

    def kill(self):
        """SIGKILL, as by the OOM killer."""
        self.daemon.kill()
        self._end_containerd()

    def _end_containerd(self):
        """The containerd that dockerd started, where a killed dockerd left it; a stale pid file would stop the next."""
        pidfile = os.path.join(self.exec_root, "containerd", "containerd.pid")
        try:
            with open(pidfile) as f:
                pid = int(f.read())
        except (OSError, ValueError):
            return
        if self.exec_root in _command_line(pid):
            os.kill(pid, signal.SIGKILL)
            wait_until(lambda: not _command_line(pid), 10, "containerd has ended")
        os.unlink(pidfile)

    def _sweep(self):
        self._end_containerd()
        unmount_below(self.directory)


def _command_line(pid):
    """Empty for a process that has ended, reaped or not."""
    try:
        with open(f"/proc/{pid}/cmdline") as f:
            return f.read()
    except OSError:
        return ""


def system_docker():
    """The machine's running Docker, or None."""
    path = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock").removeprefix("unix://")
    if not os.path.exists(path):
        return None
    d = Docker(path)
    try:
        return d if d.ready() else None
    except (OSError, subprocess.SubprocessError):
        return None
