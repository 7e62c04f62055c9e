"""docker pull from the node's registry, by every name."""
import base64
import json
import re
import time

import pytest
from lib import images


@pytest.fixture
def node(start_node, upstream, busybox):
    n = start_node(upstream={"docker.io": upstream.url})
    n.cli("image", "import", "busybox:1.35.0", check=True)
    return n


def test_docker_pulls_by_tag_digest_and_cid(node, docker, busybox):
    shown = json.dumps(node.cli_json("image", "show", "busybox:1.35.0"))
    cid = re.search(r"\bbafybei[a-z2-7]{52}\b", shown)[0]
    ciq = base64.b32encode(base64.b32decode(cid[1:].upper() + "=" * (-len(cid[1:]) % 8))[2:]).decode().rstrip("=").lower()
    for name in ("busybox:1.35.0", f"busybox@{busybox.digest}", f"{ciq}:latest", f"{cid}:latest"):
        start = time.monotonic()
        docker.pull(f"{node.registry_address}/{name}")
        assert time.monotonic() - start < 8, "docker waited for the TLS handshake"
        assert docker.image(f"{node.registry_address}/{name}")["Id"] == busybox.id
        docker.cli("rmi", f"{node.registry_address}/{name}")


def test_docker_says_what_is_missing(node, docker):
    p = docker.cli("pull", f"{node.registry_address}/busybox:9", check=False)
    assert p.returncode and "manifest for" in p.stderr and "not found" in p.stderr


def test_docker_pulls_the_index_of_its_platform(node, docker, upstream):
    image = upstream.push(images.multi_platform(), "library/multi", "1")
    node.cli("image", "import", "multi:1", check=True)
    docker.pull(f"{node.registry_address}/multi:1")
    assert docker.image(f"{node.registry_address}/multi:1")["Id"] == image.id


def test_docker_pulls_through_a_mirror_name(node, docker, busybox):
    """dockerd as client of a registry mirror asks for library/NAME."""
    docker.pull(f"{node.registry_address}/library/busybox:1.35.0")
    assert docker.image(f"{node.registry_address}/library/busybox:1.35.0")["Id"] == busybox.id
