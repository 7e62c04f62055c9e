"""Stock dockerd and containerd with the node as their mirror of Docker Hub, in front of an upstream that goes wrong."""
import hashlib
import os

import pytest
from lib import fake_registry, images
from lib.containerd import Containerd
from lib.dockerd import Dockerd, why_not
from lib.node import http_request
from lib.system import free_port, temporary_directory

STALL_SECONDS = 60  # of the node, until it gives a connection up, and of the client's next try
FAULTS = {"cut": fake_registry.cut_after(1_000_000), "wrong": fake_registry.wrong_bytes(500_000)}


@pytest.fixture
def mirror(start_node, fake):
    port = free_port()
    node = start_node(upstream={"docker.io": fake.url}, args=["--mirror", f"127.0.0.1:{port}"])
    node.mirror = f"http://127.0.0.1:{port}"
    return node


@pytest.fixture
def mirrored_docker(mirror):
    reason = why_not()
    if reason:
        pytest.skip(reason)
    d = Dockerd(config={"registry-mirrors": [mirror.mirror]})
    yield d
    d.stop()


@pytest.fixture
def containerd():
    c = Containerd()
    yield c
    c.stop()


def large(fake, seed):
    image = fake.push(images.random_layers(3, seed=seed), "library/mirrored", "1")
    return image, max(image.blobs.values(), key=lambda b: b.size)


def verified(node):
    return node.cli("store", "verify").returncode == 0


@pytest.mark.parametrize("fault", FAULTS)
def test_dockerd_gets_the_right_image_through_its_registry_mirror(mirror, mirrored_docker, fake, fault):
    image, layer = large(fake, f"docker {fault}")
    fake.fault(f"GET .*{layer.digest}", FAULTS[fault], times=1)
    mirrored_docker.pull("mirrored:1")
    assert mirrored_docker.image("mirrored:1")["Id"] == image.id
    assert verified(mirror)
    before = len(fake.requests(layer.digest))
    mirrored_docker.remove("mirrored:1")
    mirrored_docker.pull("docker.io/library/mirrored:1")
    assert len(fake.requests(layer.digest)) == before, "the node has it"


def test_dockerd_gets_no_wrong_image_from_an_upstream_that_is_always_wrong(mirror, mirrored_docker, fake):
    _, layer = large(fake, "always wrong")
    fake.fault(f"GET .*{layer.digest}", FAULTS["wrong"])
    p = mirrored_docker.cli("pull", "-q", "mirrored:1", check=False, timeout=280)
    assert p.returncode and "mirrored:1" not in mirrored_docker.images()
    assert verified(mirror)


def hosts(node):
    folder = temporary_directory()
    os.makedirs(os.path.join(folder, "docker.io"))
    with open(os.path.join(folder, "docker.io", "hosts.toml"), "w") as f:
        f.write(f'server = "http://127.0.0.1:1"\n[host."http://{node.registry_address}"]\ncapabilities = ["pull", "resolve"]\n')
    return folder


@pytest.mark.parametrize("fault", [None, *FAULTS])
def test_containerd_gets_the_right_image_through_its_hosts_toml(mirror, containerd, fake, fault):
    image, layer = large(fake, f"containerd {fault}")
    if fault:
        fake.fault(f"GET .*{layer.digest}", FAULTS[fault], times=1)
    pull = ("images", "pull", "--hosts-dir", hosts(mirror), "--snapshotter", "native", "docker.io/library/mirrored:1")
    pulled = containerd.ctr(*pull, check=False).returncode == 0
    if fault == "wrong" and not pulled:
        # A clean failure. containerd keeps the wrong bytes and may go on behind them for ever; the node has right ones.
        assert image.digest not in containerd.ctr("images", "ls").stdout
        got = http_request(mirror.registry_address, "GET", f"/v2/docker.io/library/mirrored/blobs/{layer.digest}")
        assert "sha256:" + hashlib.sha256(got.body).hexdigest() == layer.digest
    else:
        assert pulled, "only wrong bytes fail a pull"
        assert image.digest in containerd.ctr("images", "ls").stdout
    assert verified(mirror)
    assert fake.requests(layer.digest), "it came from upstream"


def test_a_stalled_upstream_ends_and_the_next_pull_is_right(mirror, containerd, fake):
    image, layer = large(fake, "stalled")
    fake.fault(f"GET .*{layer.digest}", fake_registry.stall_after(1_000_000), times=1)
    pull = ("images", "pull", "--hosts-dir", hosts(mirror), "--snapshotter", "native", "docker.io/library/mirrored:1")
    if containerd.ctr(*pull, check=False, timeout=3 * STALL_SECONDS).returncode:
        containerd.ctr(*pull)
    assert image.digest in containerd.ctr("images", "ls").stdout
    assert verified(mirror)
