"""Upstreams that are down, lie or are hostile: one clear sentence each, nothing half-done left, the node unharmed."""
import json

import pytest
from lib import expect, fake_registry, images
from lib.node import Node
from lib.system import MIB, free_port, in_thread

MANIFEST = "GET .*/manifests/"


def import_fails(node, fake, *words, name="x:1", timeout=120):
    sentence = expect.fails(node.cli("image", "import", f"{fake.address}/{name}", timeout=timeout), *words)
    assert fake.address not in node.cli("image", "ls").stdout
    return sentence


@pytest.fixture(scope="module")
def node(binary):
    """One node for all: what a fault leaves behind would show in the next test."""
    n = Node(binary)
    yield n
    assert n.memory()["VmHWM"] <= 64 * MIB
    n.end_of_test()


@pytest.fixture(autouse=True)
def _still_fine_afterwards(node, fake):
    yield
    fake.clear_faults()
    other = fake_registry.FakeRegistry()  # the faulty one may be left alone for a while, and rightly
    image = other.push(images.tiny(b"after the fault"), "fine", "1")
    node.cli("image", "import", f"{other.address}/fine:1", check=True)
    expect.serves(node, f"{other.address}/fine", "1", image)
    other.close()
    node.cli("store", "verify", check=True)


def test_unknown_image_and_unknown_tag(node, fake):
    fake.push(images.tiny(), "x", "1")
    import_fails(node, fake, "not found|unknown|no such", "nothing", name="nothing/here:1")
    import_fails(node, fake, "not found|unknown|no such", "x:2", name="x:2")


def test_upstream_down(node, fake):
    port = free_port()
    expect.fails(node.cli("image", "import", f"127.0.0.1:{port}/x:1", timeout=120), f"127.0.0.1:{port}",
                 "connect|refused|reach")


@pytest.mark.parametrize("code,words", [(401, "401|unauthori|credential"), (403, "403|denied|forbidden"),
                                        (500, "500"), (503, "503")])
def test_upstream_refuses_manifests(node, fake, code, words):
    fake.push(images.tiny(), "x", "1")
    fake.fault(MANIFEST, fake_registry.status(code))
    fake.fault("HEAD .*/manifests/", fake_registry.status(code))
    import_fails(node, fake, words)
    assert len(fake.requests("/manifests/")) <= 12


def test_upstream_limits_the_rate_for_long(node, fake):
    fake.push(images.tiny(), "x", "1")
    fake.fault("/manifests/", fake_registry.status(429, {"Retry-After": "7200"}, "TOOMANYREQUESTS"))
    import_fails(node, fake, "429|rate|too many")


def test_upstream_hangs(node, fake):
    """Before the headers, and in the middle of a blob: both end by themselves."""
    fake.push(images.tiny(b"no answer"), "silent", "1")
    image = fake.push(images.random_layers(2, seed="stalls"), "stalls", "1")
    fake.fault("/v2/silent/manifests/", fake_registry.hang())
    layer = max(image.blobs.values(), key=lambda b: b.size)
    fake.fault(f"GET .*{layer.digest}", fake_registry.stall_after(100_000))
    tasks = [in_thread(lambda name=name: import_fails(node, fake, "hangs|time|does not answer", name=f"{name}:1", timeout=300))
             for name in ("silent", "stalls")]
    for t in tasks:
        t.result(300)


def test_upstream_always_closes_mid_blob(node, fake):
    image = fake.push(images.random_layers(2, seed="closes"), "x", "1")
    layer = max(image.blobs.values(), key=lambda b: b.size)

    def cut_at_once(handler):
        handler.registry.ranges = False
        fake_registry.cut_after(1000)(handler)
    fake.fault(f"GET .*{layer.digest}", cut_at_once)
    import_fails(node, fake, "closed|ended|broke|short|incomplete|connection|partial")


@pytest.mark.parametrize("what", ["config", "layer"])
def test_wrong_bytes(node, fake, what):
    image = fake.push(images.tiny(b"wrong bytes " + what.encode()), "x", "1")
    config, layer = image.blobs.values()
    target = config if what == "config" else layer
    fake.fault(f"GET .*{target.digest}", fake_registry.wrong_bytes())
    import_fails(node, fake, "digest|match|corrupt")
    assert node.registry_request("GET", expect.registry_path(f"{fake.address}/x", "blobs", target.digest)).status == 404


@pytest.mark.parametrize("delta", [-5, +5])
def test_wrong_length(node, fake, delta):
    image = fake.push(images.tiny(b"length %d" % delta), "x", "1")
    layer = list(image.blobs.values())[-1]
    fake.fault(f"GET .*{layer.digest}", fake_registry.wrong_length(delta))
    import_fails(node, fake, "size|length|bytes|digest")


def test_wrong_bytes_of_a_child_manifest(node, fake):
    image = fake.push(images.multi_platform(content=b"child"), "x", "1")
    for digest in image.manifests:
        if digest != image.digest:
            fake.fault(f"GET .*/manifests/{digest}", fake_registry.wrong_bytes(20))
    import_fails(node, fake, "digest|match|corrupt")


def test_wrong_digest_by_digest(node, fake):
    image = fake.push(images.tiny(b"asked by digest"), "x", "1")
    fake.fault(f"GET .*/manifests/{image.digest}", fake_registry.wrong_bytes(20))
    expect.fails(node.cli("image", "import", f"{fake.address}/x@{image.digest}"), "digest|match|corrupt")


@pytest.mark.parametrize("announce", [True, False])
def test_manifest_of_100_mb(node, fake, announce):
    fake.push(images.tiny(), "x", "1")
    fake.fault(MANIFEST, fake_registry.huge(100, announce=announce))
    import_fails(node, fake, "large|big|limit|exceed|MB|MiB")
    assert max((r.sent for r in fake.requests(MANIFEST)), default=0) < 50 * images.MB


def test_index_that_contains_itself(node, fake):
    inner = images.sha256(b"whatever digest the loop claims")
    image = fake.push(images.index_of((images.OCI_INDEX, inner, 200)), "x", "1")
    fake.repositories["x"]["manifests"][inner] = (image.media_type, image.manifest)
    import_fails(node, fake, "digest|match|size|length|nested|deep")
    assert len(fake.requests(MANIFEST)) < 20


def test_indexes_nested_too_deep(node, fake):
    image = images.multi_platform(content=b"deep")
    for _ in range(30):
        outer = images.index_of((image.media_type, image.digest, len(image.manifest)))
        outer.manifests.update(image.manifests), outer.blobs.update(image.blobs)
        image = outer
    fake.push(image, "x", "1")
    import_fails(node, fake, "nested|deep|depth|level")


def manifest(**changes):
    document = json.loads(images.tiny(b"broken manifest").manifest)
    document.update(changes)
    return json.dumps(document).encode()


def descriptor(**changes):
    return {"mediaType": images.DOCKER_LAYER, "size": 10, "digest": "sha256:" + "a" * 64, **changes}


BROKEN = {
    "not json": b"<html>Welcome to the hotel network</html>",
    "empty": b"",
    "truncated": images.tiny().manifest[:-10],
    "a list": b"[]",
    "deeply nested json": b'{"a":' * 100_000,
    "no config": manifest(config=None),
    "layers of numbers": manifest(layers=[1, 2]),
    "negative size": manifest(layers=[descriptor(size=-1)]),
    "fractional size": manifest(layers=[descriptor(size=1.5)]),
    "overflowing size": manifest(layers=[descriptor(size=2 ** 63 - 1), descriptor(size=2 ** 63 - 1, digest="sha256:" + "b" * 64)]),
    "digest with a path": manifest(layers=[descriptor(digest="sha256:../../../../etc/passwd")]),
    "short digest": manifest(layers=[descriptor(digest="sha256:abc")]),
    "unknown algorithm": manifest(layers=[descriptor(digest="md5:" + "a" * 32)]),
    "both shapes": manifest(manifests=[]),
    "a million layers": manifest(layers=[descriptor()] * 30_000),
    "invalid utf-8": b'{"schemaVersion":2,"x":"\xff\xfe"}',
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_manifest(node, fake, name):
    body = BROKEN[name]
    image = images.Image(images.DOCKER_MANIFEST, body, {images.sha256(body): (images.DOCKER_MANIFEST, body)})
    fake.push(image, "x", "1")
    import_fails(node, fake)


def test_schema_1_is_refused_by_name(node, fake):
    body = b'{"schemaVersion":1,"name":"x","tag":"1","architecture":"amd64","fsLayers":[],"history":[],"signatures":[]}'
    media_type = "application/vnd.docker.distribution.manifest.v1+prettyjws"
    fake.push(images.Image(media_type, body, {images.sha256(body): (media_type, body)}), "x", "1")
    import_fails(node, fake, "schema ?(version )?1|v1")


@pytest.mark.parametrize("data", [b"", b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
                                  b"HTTP/1.1 200 OK\r\n" + b"X-Long: " + b"a" * 10_000_000 + b"\r\n\r\n"],
                         ids=["nothing", "ssh", "negative length", "header without end"])
def test_no_http_at_all(node, fake, data):
    fake.push(images.tiny(), "x", "1")
    fake.fault("/manifests/", fake_registry.raw(data))
    import_fails(node, fake)
