"""Nodes that die while they share an image."""
import os
import random

import pytest
from lib import images
from lib.swarm import LEAF, NOWHERE, SentBytes, address, is_connected, known, layer_of, leaves_held, peer_id, wait_stored
from lib.system import wait_until

SEED = int(os.environ.get("DM_SEED", "20240131"))
KILLS, MEGABYTES = 10, 200
RECEIVERS = 4


@pytest.fixture
def holder(start_node, upstream):
    """holder(image, name, **options): a node that holds the image."""
    def make(image, name, **options):
        upstream.push(image, f"library/{name}", "1")
        node = start_node(upstream={"docker.io": upstream.url}, **options)
        node.cli("image", "import", f"{name}:1", check=True, timeout=120)
        return node
    return make


def complete(node, name, image):
    """The node has all blobs of the image, and what it serves is what was pushed."""
    wait_stored(node, f"{name}:1")
    node.cli("store", "verify", check=True, timeout=120)
    for blob in image.blobs.values():
        answer = node.registry_request("GET", f"/v2/{name}/blobs/{blob.digest}")
        assert images.sha256(answer.body) == blob.digest


def test_receiver_survives_ten_kills(start_node, holder):
    """What the holder sends counts, whether it has arrived or not."""
    image = images.random_layers(MEGABYTES)
    first = holder(image, "large")
    second = start_node(upstream=NOWHERE, args=["--bootstrap", address(first), "--download-limit", "20MB"])
    wait_until(lambda: is_connected(second, peer_id(first)), 10, "the two have met")
    sent_bytes = SentBytes(first)
    before = sent_bytes()
    assert first.apply("large:1").ok()
    r = random.Random(SEED)
    moments, sent = sorted(r.uniform(0.02, 0.98) for _ in range(KILLS)), []
    for moment in moments:
        wait_until(lambda: sent_bytes() - before >= image.size * moment, 60,
                   lambda: f"{moment:.2f} of the image is sent:\n{second.log_tail()}", every=0.005)
        second.kill()
        sent.append(int(sent_bytes() - before))
        second.start()
    complete(second, "large", image)
    ratio = (sent_bytes() - before) / image.size
    print(f"seed {SEED}: the holder sent {ratio:.4f} x the size over {KILLS} kills at {[f'{m:.2f}' for m in moments]}")
    assert ratio <= 1.02, (ratio, sent)


def test_all_finish_when_the_origin_dies_and_only_together_they_have_it_all(start_node, holder):
    image = images.random_layers(60, seed="orphan")
    layer = layer_of(image)
    origin = holder(image, "orphan", args=["--upload-limit", "6MB"])
    nodes = []
    for _ in range(RECEIVERS):
        nodes.append(start_node(upstream=NOWHERE, args=["--upload-limit", "500KB", *known([origin, *nodes])]))
    for node in nodes:
        wait_until(lambda: all(is_connected(node, peer_id(n)) for n in [origin, *nodes] if n is not node), 20,
                   lambda: "all have met")
    assert origin.apply("orphan:1").ok()
    leaves = set(range(-(-layer.size // LEAF)))
    held = []

    def together():
        held[:] = [leaves_held(n, layer) for n in nodes]
        return set().union(*held) == leaves
    wait_until(together, 60, lambda: f"the receivers have it all together: {[len(h) for h in held]} of {len(leaves)}",
               every=0.1)
    sent = SentBytes(origin)()
    origin.kill()
    parts = [len(h) for h in held]
    assert max(parts) < 0.9 * len(leaves), "nobody has all of it"
    for node in nodes:
        node.request("PUT", "/api/v1/node/limits", {"upload": 0}).ok()
    for node in nodes:
        complete(node, "orphan", image)
    print(f"the origin sent {sent / image.size:.3f} copies; of {len(leaves)} leaves the receivers had {parts}")
