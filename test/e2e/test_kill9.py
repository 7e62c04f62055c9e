"""kill -9 at random moments of a 700 MB import: it always continues, verifies, and costs the upstream next to nothing."""
import os
import random
import time

import pytest
from lib import images

KILLS = 10
MEGABYTES = 700
SEED = int(os.environ.get("DM_SEED", "20240131"))
RATE = 150_000_000  # bytes/s: slow enough that ten random moments are ten different ones


def test_import_survives_ten_kills(start_node, upstream, counting_proxy):
    image = upstream.push(images.random_layers(MEGABYTES), "library/big", "1")
    counting_proxy.rate = RATE
    node = start_node(upstream={"docker.io": counting_proxy.url})
    assert node.apply("big:1").ok()
    r = random.Random(SEED)
    moments = sorted(r.uniform(0.02, 0.98) for _ in range(KILLS))
    sent = []
    for moment in moments:
        reach(counting_proxy, image.size * moment)
        node.kill()
        sent.append(counting_proxy.total)
        node.start()
    node.wait_told("big:1", "loaded|held|stored", seconds=120)
    node.cli("store", "verify", check=True, timeout=120)
    for blob in image.blobs.values():
        answer = node.registry_request("GET", f"/v2/big/blobs/{blob.digest}")
        assert images.sha256(answer.body) == blob.digest
    ratio = counting_proxy.total / image.size
    print(f"seed {SEED}: upstream sent {ratio:.4f} x the size over {KILLS} kills at {[f'{m:.2f}' for m in moments]}")
    assert ratio <= 1.02, (ratio, sent)


def reach(proxy, sent, seconds=60):
    """Waits until the upstream has sent so much: the moment is set by bytes, not by the clock."""
    end = time.monotonic() + seconds
    while proxy.total < sent:
        assert time.monotonic() < end, f"stuck at {proxy.total} of {sent:.0f} bytes"
        time.sleep(0.002)


@pytest.mark.parametrize("seed", range(5))
def test_small_image_survives_kills_at_any_moment(start_node, upstream, counting_proxy, seed):
    """Manifests, configs and many small blobs: the moments between two of them."""
    image = upstream.push(images.small_files(layers=24, files=4, seed="many"), "library/many", "1")
    counting_proxy.rate = 2_000_000
    node = start_node(upstream={"docker.io": counting_proxy.url})
    assert node.apply("many:1").ok()
    r = random.Random(SEED + seed)
    for moment in sorted(r.uniform(0, 1) for _ in range(3)):
        reach(counting_proxy, min(image.size * moment, image.size - 1))
        node.kill()
        node.start()
    node.wait_told("many:1", "loaded|held|stored", seconds=60)
    node.cli("store", "verify", check=True)
