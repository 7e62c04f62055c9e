"""The tools of these tests, against each other and the real programs, so that a red test below means the product."""
import hashlib
import http.client
import json

import pytest
from lib import fake_registry, images, proxy
from lib.system import run


def download(address, path, headers=None):
    c = http.client.HTTPConnection(address, timeout=20)
    c.request("GET", path, headers=headers or {})
    r = c.getresponse()
    return r.status, r.headers, r.read()


def test_images_are_reproducible():
    assert images.tiny(b"x").digest == images.tiny(b"x").digest != images.tiny(b"y").digest
    assert images.multi_platform().digest == images.multi_platform().digest


KINDS = {"busybox": images.busybox, "tiny": images.tiny, "multi": images.multi_platform,
         "small": lambda: images.small_files(layers=2, files=50, seed="fixture")}


@pytest.mark.parametrize("kind", KINDS)
def test_registry_and_skopeo_take_every_kind_of_image(upstream, kind):
    image = upstream.push(KINDS[kind](), f"fixture/{kind}", "v1")
    p = run(["skopeo", "inspect", "--raw", "--tls-verify=false", f"docker://{upstream.address}/fixture/{kind}:v1"],
            check=True)
    assert images.sha256(p.stdout.encode()) == image.digest


def test_docker_runs_the_busybox_image(upstream, docker, busybox):
    name = f"{upstream.address}/library/busybox:1.35.0"
    docker.pull(name)
    assert docker.image(name)["Id"] == busybox.id
    shown = docker.cli("run", "--rm", "--network", "none", name, "sh", "-c", "busybox | head -1").stdout
    assert shown.startswith("BusyBox v1.35.0")


def test_docker_survives_kill_and_restart(docker):
    docker.kill()
    assert not docker.ready()
    docker.start()
    assert docker.ready()


def test_proxy_counts_cuts_and_resumes(upstream, counting_proxy):
    image = upstream.push(images.random_layers(3, seed="fixture"), "fixture/proxied")
    layer = max(image.blobs.values(), key=lambda b: b.size)
    path = f"/v2/fixture/proxied/blobs/{layer.digest}"
    counting_proxy.cut_after[path] = 1_000_000
    with pytest.raises(http.client.IncompleteRead) as broken:
        download(counting_proxy.address, path)
    assert len(broken.value.partial) == 1_000_000
    status, _, rest = download(counting_proxy.address, path, {"Range": "bytes=1000000-"})
    assert status == 206
    assert images.sha256(broken.value.partial + rest) == layer.digest
    assert counting_proxy.total == layer.size


def test_docker_pulls_from_the_fake_registry_with_tokens(docker):
    fake = fake_registry.FakeRegistry(auth=("bearer", None, None))
    image = fake.push(images.tiny(b"from the fake"), "a/b", "1")
    fake.fault("GET .*/blobs/", fake_registry.cut_after(50), times=1)
    docker.pull(f"{fake.address}/a/b:1")
    assert docker.image(f"{fake.address}/a/b:1")["Id"] == image.id
    assert fake.tokens >= 1
    fake.close()


def test_fake_registry_faults(fake):
    image = fake.push(images.tiny(), "x")
    layer = list(image.blobs.values())[-1]
    path = f"/v2/x/blobs/{layer.digest}"
    fake.fault("GET /v2/x/blobs", fake_registry.wrong_bytes(), times=1)
    assert hashlib.sha256(download(fake.address, path)[2]).hexdigest() != layer.digest[7:]
    assert download(fake.address, path)[2] == layer.read()
    fake.fault("GET /v2/x/blobs", fake_registry.wrong_length(7), times=1)
    assert len(download(fake.address, path)[2]) == layer.size + 7
    fake.fault("GET /v2/x/manifests", fake_registry.status(429, {"Retry-After": "1"}), times=1)
    status, headers, body = download(fake.address, "/v2/x/manifests/latest")
    assert (status, headers["Retry-After"]) == (429, "1") and json.loads(body)["errors"]
    other = fake_registry.FakeRegistry()
    other.push(image, "x")
    fake.redirect_blobs_to = other
    assert download(fake.address, path)[1]["Location"] == other.url + path
    other.close()


def test_proxy_paces(upstream):
    paced = proxy.CountingProxy(upstream.address, rate=20_000_000)
    image = upstream.push(images.random_layers(3, seed="fixture"), "fixture/paced")
    layer = max(image.blobs.values(), key=lambda b: b.size)
    assert len(download(paced.address, f"/v2/fixture/paced/blobs/{layer.digest}")[2]) == layer.size
    paced.close()
