"""Test images, built reproducibly in plain Python: same arguments, same digests, on any machine."""
import fcntl
import gzip
import hashlib
import io
import json
import os
import platform
import random
import shutil
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass, field

from .system import REPOSITORY

DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
IN_TOTO = "application/vnd.in-toto+json"
EPOCH = "2024-01-01T00:00:00Z"
ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm"}.get(platform.machine(), platform.machine())
MB = 1000 * 1000


def sha256(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


@dataclass
class Blob:
    """Bytes in memory or in a file."""
    digest: str
    size: int
    data: bytes = None
    path: str = None

    def read(self):
        if self.data is not None:
            return self.data
        with open(self.path, "rb") as f:
            return f.read()

    def open(self):
        return io.BytesIO(self.data) if self.data is not None else open(self.path, "rb")

    @staticmethod
    def of(data):
        return Blob(sha256(data), len(data), data=data)


@dataclass
class Image:
    """What a tag points to: the top manifest or index, everything below it, the blobs."""
    media_type: str
    manifest: bytes
    manifests: dict = field(default_factory=dict)  # digest -> (media type, bytes), the top one included
    blobs: dict = field(default_factory=dict)      # digest -> Blob
    ids: dict = field(default_factory=dict)        # "os/arch[/variant]" -> config digest (Docker's image id)

    @property
    def digest(self):
        return sha256(self.manifest)

    @property
    def size(self):
        """Bytes of all blobs."""
        return sum(b.size for b in self.blobs.values())

    @property
    def id(self):
        """Docker's image id on this machine's platform."""
        return self.ids.get(f"linux/{ARCHITECTURE}") or next(iter(self.ids.values()))


def _json(value):
    return json.dumps(value, separators=(",", ":")).encode()


class _Tee(io.RawIOBase):
    def __init__(self, *outs):
        self.outs, self.size = outs, 0

    def writable(self):
        return True

    def write(self, data):
        self.size += len(data)
        for out in self.outs:
            (out.write if hasattr(out, "write") else out.update)(data)
        return len(data)


class _Random(io.RawIOBase):
    def __init__(self, size, seed):
        self.left, self.random, self.buffer = size, random.Random(seed), b""

    def readable(self):
        return True

    def read(self, n=-1):
        n = self.left if n < 0 else min(n, self.left)
        while len(self.buffer) < n:
            self.buffer += self.random.randbytes(MB)
        out, self.buffer = self.buffer[:n], self.buffer[n:]
        self.left -= n
        return out


def _layer(path, add_files, level):
    """Writes a gzip layer to path; returns (Blob, diff id)."""
    compressed, plain = hashlib.sha256(), hashlib.sha256()
    with open(path, "wb") as f:
        out = _Tee(f, compressed)
        with gzip.GzipFile(fileobj=out, mode="wb", compresslevel=level, mtime=0, filename="") as z, \
                tarfile.open(fileobj=_Tee(z, plain), mode="w|", bufsize=MB, format=tarfile.GNU_FORMAT) as tar:
            add_files(tar)
    digest = "sha256:" + compressed.hexdigest()
    final = os.path.join(os.path.dirname(path), digest)
    os.rename(path, final)
    return Blob(digest, out.size, path=final), "sha256:" + plain.hexdigest()


def _add(tar, name, data=None, mode=0o644, kind=tarfile.REGTYPE, link="", size=None):
    info = tarfile.TarInfo(name)
    info.type, info.mode, info.linkname = kind, mode, link
    if kind == tarfile.REGTYPE:
        info.size = len(data) if size is None else size
        tar.addfile(info, io.BytesIO(data) if isinstance(data, bytes) else data)
    else:
        tar.addfile(info)


def _assemble(layers, diff_ids, config=None, oci=False, platform_of=("linux", ARCHITECTURE, None), comment="layer"):
    """A single-platform image from layers."""
    system, architecture, variant = platform_of
    document = {"architecture": architecture, **({"variant": variant} if variant else {}), "os": system,
                "config": config or {}, "created": EPOCH, "rootfs": {"type": "layers", "diff_ids": diff_ids},
                "history": [{"created": EPOCH, "created_by": f"{comment} {i}"} for i in range(len(layers))]}
    config_blob = Blob.of(_json(document))
    manifest = _json({
        "schemaVersion": 2, "mediaType": OCI_MANIFEST if oci else DOCKER_MANIFEST,
        "config": {"mediaType": OCI_CONFIG if oci else DOCKER_CONFIG, "size": config_blob.size,
                   "digest": config_blob.digest},
        "layers": [{"mediaType": OCI_LAYER if oci else DOCKER_LAYER, "size": b.size, "digest": b.digest}
                   for b in layers]})
    media_type = OCI_MANIFEST if oci else DOCKER_MANIFEST
    name = f"{system}/{architecture}" + (f"/{variant}" if variant else "")
    return Image(media_type, manifest, {sha256(manifest): (media_type, manifest)},
                 {b.digest: b for b in [config_blob, *layers]}, {name: config_blob.digest})


def cache_directory():
    """Where big images are kept between runs: $DM_TEST_CACHE, $DM_CACHE_DIR/images or build/test-cache."""
    shared = os.environ.get("DM_CACHE_DIR")
    d = os.environ.get("DM_TEST_CACHE") or (os.path.join(shared, "images") if shared else
                                            os.path.join(REPOSITORY, "build", "test-cache"))
    os.makedirs(d, exist_ok=True)
    return d


def _cached_layers(name, build):
    """Layers of a recipe from the cache, or built once: build(folder) -> [(Blob, diff id)]."""
    folder = os.path.join(cache_directory(), name)
    with open(folder + ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        index = os.path.join(folder, "layers.json")
        if not os.path.exists(index):
            shutil.rmtree(folder, ignore_errors=True)
            os.makedirs(folder)
            rows = [(b.digest, b.size, diff) for b, diff in build(folder)]
            with open(index + ".new", "w") as f:
                json.dump(rows, f)
            os.rename(index + ".new", index)
        with open(index) as f:
            rows = json.load(f)
    return ([Blob(digest, size, path=os.path.join(folder, digest)) for digest, size, _ in rows],
            [diff for _, _, diff in rows])


def random_layers(megabytes, layers=1, seed="random", oci=False):
    """An image of incompressible bytes: `layers` layers, `megabytes` in all (10^6 bytes)."""
    def build(folder):
        size = megabytes * MB // layers
        return [_layer(os.path.join(folder, "layer"),
                       lambda tar, k=k: _add(tar, f"data/{seed}-{k}.bin", _Random(size, f"{seed}/{megabytes}x{layers}/{k}"),
                                             size=size), 0) for k in range(layers)]
    blobs, diff_ids = _cached_layers(f"{seed}-{megabytes}x{layers}", build)
    return _assemble(blobs, diff_ids, oci=oci)


def small_files(layers=5, files=1500, seed="small", oci=False):
    """An image of many small files (a few hundred bytes to 8 KB each), `files` in each of its layers."""
    def build(folder):
        def fill(tar, k):
            r = random.Random(f"{seed}/{k}")
            for i in range(files):
                _add(tar, f"srv/{seed}/{k}/{i % 40}/{i}.txt", r.randbytes(r.randrange(200, 8000)).hex().encode()[:8000])
        return [_layer(os.path.join(folder, "layer"), lambda tar, k=k: fill(tar, k), 1) for k in range(layers)]
    blobs, diff_ids = _cached_layers(f"{seed}-{layers}x{files}", build)
    return _assemble(blobs, diff_ids, oci=oci)


def busybox(oci=False):
    """busybox:1.35.0 as a proper image: Debian's static binary *is* 1.35.0."""
    binary = shutil.which("busybox")
    if not binary:
        raise FileNotFoundError("busybox is not installed (package busybox-static)")
    with open(binary, "rb") as f:
        program = f.read()
    applets = subprocess.run([binary, "--list"], capture_output=True, text=True, check=True).stdout.split()

    def fill(tar):
        for d, mode in (("bin", 0o755), ("etc", 0o755), ("home", 0o755), ("root", 0o700), ("tmp", 0o1777), ("usr", 0o755),
                        ("usr/sbin", 0o755), ("var", 0o755)):
            _add(tar, d, mode=mode, kind=tarfile.DIRTYPE)
        _add(tar, "bin/busybox", program, 0o755)
        for name in sorted(set(applets) - {"busybox"}):
            _add(tar, f"bin/{name}", kind=tarfile.LNKTYPE, link="bin/busybox", mode=0o755)
        _add(tar, "etc/passwd", b"root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/home:/bin/false\n")
        _add(tar, "etc/group", b"root:x:0:\nnogroup:x:65534:\n")

    key = hashlib.sha256(program).hexdigest()[:12]
    blobs, diff_ids = _cached_layers(f"busybox-{key}", lambda d: [_layer(os.path.join(d, "layer"), fill, 6)])
    return _assemble(blobs, diff_ids, {"Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
                                       "Cmd": ["sh"]}, oci=oci, comment="busybox 1.35.0")


def tiny(content=b"hello\n", oci=False, platform_of=("linux", ARCHITECTURE, None), config=None):
    """A one-file image of a few hundred bytes; different content, different image."""
    with tempfile.TemporaryDirectory() as folder:
        blob, diff_id = _layer(os.path.join(folder, "layer"), lambda tar: _add(tar, "hello.txt", content), 6)
        blob = Blob.of(blob.read())
    return _assemble([blob], [diff_id], config, oci, platform_of)


def multi_platform(oci=True, attestation=True, content=b"platform",
                   platforms=(("linux", "amd64", None), ("linux", "arm64", None), ("linux", "arm", "v7"))):
    """An index over tiny images, with BuildKit's attestation entry for the first platform."""
    children = [tiny(content + "/".join(map(str, p)).encode(), oci, p) for p in platforms]
    whole = Image(OCI_INDEX if oci else DOCKER_LIST, b"")
    entries = []
    for (system, architecture, variant), child in zip(platforms, children):
        entries.append({"mediaType": child.media_type, "digest": child.digest, "size": len(child.manifest), "platform": {
            "architecture": architecture, "os": system, **({"variant": variant} if variant else {})}})
        whole.manifests.update(child.manifests), whole.blobs.update(child.blobs), whole.ids.update(child.ids)
    if attestation:
        statement = Blob.of(_json({"_type": "https://in-toto.io/Statement/v0.1", "subject": []}))
        config = Blob.of(_json({"architecture": "unknown", "os": "unknown", "config": {},
                                "rootfs": {"type": "layers", "diff_ids": [statement.digest]}}))
        manifest = _json({"schemaVersion": 2, "mediaType": OCI_MANIFEST,
                          "config": {"mediaType": OCI_CONFIG, "digest": config.digest, "size": config.size},
                          "layers": [{"mediaType": IN_TOTO, "digest": statement.digest, "size": statement.size}]})
        entries.append({"mediaType": OCI_MANIFEST, "digest": sha256(manifest), "size": len(manifest),
                        "annotations": {"vnd.docker.reference.digest": children[0].digest,
                                        "vnd.docker.reference.type": "attestation-manifest"},
                        "platform": {"architecture": "unknown", "os": "unknown"}})
        whole.manifests[sha256(manifest)] = (OCI_MANIFEST, manifest)
        whole.blobs.update({b.digest: b for b in (statement, config)})
    whole.manifest = _json({"schemaVersion": 2, "mediaType": whole.media_type, "manifests": entries})
    whole.manifests[whole.digest] = (whole.media_type, whole.manifest)
    return whole


def index_of(*entries, oci=True):
    """An index over arbitrary (media type, digest, size) entries, for broken ones."""
    media_type = OCI_INDEX if oci else DOCKER_LIST
    manifest = _json({"schemaVersion": 2, "mediaType": media_type, "manifests": [
        {"mediaType": m, "digest": d, "size": s, "platform": {"os": "linux", "architecture": ARCHITECTURE}}
        for m, d, s in entries]})
    return Image(media_type, manifest, {sha256(manifest): (media_type, manifest)})
