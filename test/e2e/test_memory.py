"""Memory is no timing: its bounds hold on a busy machine too."""
import hashlib
import http.client

import pytest
from lib import images
from lib.system import MIB, in_thread, wait_until

IDLE_RSS, IDLE_ANONYMOUS, BUSY_PEAK = 24 * MIB, 10 * MIB, 64 * MIB


def shown(m):
    return {k: f"{v / MIB:.1f} MiB" for k, v in m.items()}


def test_idle_node_is_small(start_node):
    node = start_node()
    for _ in range(50):
        node.get("/api/v1/health")
    m = node.memory()
    assert m["VmRSS"] <= IDLE_RSS and m["RssAnon"] <= IDLE_ANONYMOUS, shown(m)


@pytest.mark.parametrize("layers", [1, 7])
def test_peak_while_importing_and_serving_700_mb(start_node, upstream, layers):
    """Four clients pull the blobs while they are imported, and again afterwards."""
    image = upstream.push(images.random_layers(700, layers), "library/big", str(layers))
    node = start_node(upstream={"docker.io": upstream.url})
    importing = in_thread(lambda: node.cli("image", "import", f"big:{layers}"))
    wait_until(lambda: node.registry_request("HEAD", f"/v2/big/blobs/{digests(image)[0]}").status == 200
               or not importing.is_alive(), 60, "the first blob is on its way")
    pulls = [in_thread(pull, node, layers, digests(image)) for _ in range(4)]
    assert importing.result(300).returncode == 0
    for p in pulls:
        p.result(300)
    assert pull(node, layers, digests(image)) == len(digests(image))
    m = node.memory()
    assert m["VmHWM"] <= BUSY_PEAK, shown(m)


def digests(image):
    return [d for d, b in image.blobs.items() if b.size > images.MB]


def pull(node, tag, blobs):
    """How many blobs came."""
    came = 0
    buffer = memoryview(bytearray(1 << 18))
    for digest in blobs:
        c = http.client.HTTPConnection(node.registry_address, timeout=120)
        c.request("GET", f"/v2/big/blobs/{digest}")
        r, h = c.getresponse(), hashlib.sha256()
        if r.status == 404:
            continue  # not begun yet
        while n := r.readinto(buffer):
            h.update(buffer[:n])
        assert "sha256:" + h.hexdigest() == digest
        came += 1
        c.close()
    return came
