"""Debian's docker-registry 2.8.2 (distribution) as upstream: own config file, loopback, no auth."""
import http.client
import os

from .system import Daemon, free_port, temporary_directory, wait_until

CONFIG = """version: 0.1
log: {{level: warn, accesslog: {{disabled: true}}}}
storage:
  filesystem: {{rootdirectory: {root}}}
  delete: {{enabled: true}}
  maintenance: {{uploadpurging: {{enabled: false}}}}
http:
  addr: {address}
"""


class Registry:
    def __init__(self, directory=None, port=None):
        d = directory or temporary_directory("dm-registry-")
        os.makedirs(d, exist_ok=True)
        self.address = f"127.0.0.1:{port or free_port()}"
        self.config = os.path.join(d, "config.yml")
        with open(self.config, "w") as f:
            f.write(CONFIG.format(root=os.path.join(d, "data"), address=self.address))
        self.log = os.path.join(d, "registry.log")
        self.start()

    def start(self):
        self.daemon = Daemon(["docker-registry", "serve", self.config], self.log, env={"OTEL_TRACES_EXPORTER": "none"})
        wait_until(self._answers, 30, lambda: f"docker-registry answers:\n{self.daemon.output()}")

    def _answers(self):
        assert self.daemon.running(), self.daemon.output()
        try:
            return self.request("GET", "/v2/")[0] == 200
        except OSError:
            return False

    @property
    def pid(self):
        return self.daemon.pid

    @property
    def url(self):
        return f"http://{self.address}"

    def request(self, method, path, body=None, headers=None):
        """(status, headers, body) of one request."""
        c = http.client.HTTPConnection(self.address, timeout=120, blocksize=1 << 18)
        try:
            c.request(method, path, body, headers or {})
            r = c.getresponse()
            return r.status, r.headers, r.read()
        finally:
            c.close()

    def _must(self, expected, *args):
        status, headers, body = self.request(*args)
        assert status in expected, f"{args[0]} {args[1]}: {status} {body[:300]}"
        return headers

    def push(self, image, name, tag="latest"):
        """Pushes an images.Image with all platforms; returns `image`."""
        for blob in image.blobs.values():
            if self.request("HEAD", f"/v2/{name}/blobs/{blob.digest}")[0] == 200:
                continue
            location = self._must({202}, "POST", f"/v2/{name}/blobs/uploads/", None, {"Content-Length": "0"})["Location"]
            path = location.split(self.address, 1)[-1] + ("&" if "?" in location else "?") + "digest=" + blob.digest
            with blob.open() as f:
                self._must({201}, "PUT", path, f, {"Content-Length": str(blob.size),
                                                   "Content-Type": "application/octet-stream"})
        top = image.digest
        for digest, (media_type, data) in sorted(image.manifests.items(), key=lambda kv: kv[0] == top):
            if digest != top:
                self._must({201}, "PUT", f"/v2/{name}/manifests/{digest}", data, {"Content-Type": media_type})
        self._must({201}, "PUT", f"/v2/{name}/manifests/{tag}", image.manifest, {"Content-Type": image.media_type})
        return image

    def stop(self):
        self.daemon.stop()


class Remote(Registry):
    """Somebody else's registry, to push to."""

    def __init__(self, address):  # nothing to start
        self.address = address
