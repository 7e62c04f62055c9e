"""The store on disk: a valid OCI layout, verify, gc, eviction."""
import json
import os
import random
import re

import pytest
from lib import expect, images
from lib.system import run


@pytest.fixture
def node(start_node, upstream):
    return start_node(upstream={"docker.io": upstream.url})


def blob_file(node, digest):
    return os.path.join(node.data_dir, "store", "blobs", *digest.split(":"))


def test_store_is_an_oci_layout_that_skopeo_reads(node, upstream):
    image = upstream.push(images.small_files(layers=3, files=20, seed="layout", oci=True), "library/layout", "1")
    node.cli("image", "import", "layout:1", check=True)
    store = os.path.join(node.data_dir, "store")
    with open(os.path.join(store, "oci-layout")) as f:
        assert json.load(f)["imageLayoutVersion"] == "1.0.0"
    with open(os.path.join(store, "index.json")) as f:
        rows = json.load(f)["manifests"]
    row = next(r for r in rows if r["digest"] == image.digest)
    name = row["annotations"]["org.opencontainers.image.ref.name"]
    shown = json.loads(run(["skopeo", "inspect", f"oci:{store}:{name}"], check=True).stdout)
    assert shown["Digest"] == image.digest
    for blob in image.blobs.values():
        with open(blob_file(node, blob.digest), "rb") as f:
            assert f.read() == blob.read()


def test_verify_finds_a_flipped_byte_and_names_blob_and_image(node, upstream):
    image = upstream.push(images.random_layers(3, seed="verify"), "library/verified", "1")
    node.cli("image", "import", "verified:1", check=True)
    assert node.cli("store", "verify").returncode == 0
    layer = max(image.blobs.values(), key=lambda b: b.size)
    path = blob_file(node, layer.digest)
    os.chmod(path, 0o600)
    with open(path, "r+b") as f:
        f.seek(random.Random(1).randrange(layer.size))
        byte = f.read(1)
        f.seek(-1, os.SEEK_CUR)
        f.write(bytes([byte[0] ^ 1]))
    p = node.cli("store", "verify")
    assert p.returncode == 1
    assert layer.digest in p.stdout + p.stderr and "verified:1" in p.stdout + p.stderr


@pytest.mark.parametrize("damage", ["truncate", "remove"])
def test_verify_finds_what_is_missing(node, upstream, damage):
    image = upstream.push(images.random_layers(3, seed="verify"), "library/verified", "1")
    node.cli("image", "import", "verified:1", check=True)
    layer = max(image.blobs.values(), key=lambda b: b.size)
    if damage == "remove":
        os.unlink(blob_file(node, layer.digest))
    else:
        os.truncate(blob_file(node, layer.digest), layer.size - 1)
    p = node.cli("store", "verify")
    assert p.returncode == 1 and layer.digest in p.stdout + p.stderr


def test_stat_counts_and_gc_frees(node, upstream):
    upstream.push(images.random_layers(5, seed="gc"), "library/gone", "1")
    node.cli("image", "import", "gone:1", check=True)
    used = disk_use(node)
    assert used > 5_000_000
    assert re.search(r"\d", node.cli("store", "stat", check=True).stdout)
    node.cli("image", "rm", "gone:1", check=True)
    node.cli("store", "gc", check=True)
    assert disk_use(node) < 1_000_000
    assert node.registry_request("GET", "/v2/gone/manifests/1").status == 404


def disk_use(node):
    return sum(os.path.getsize(os.path.join(d, f)) for d, _, files in os.walk(os.path.join(node.data_dir, "store", "blobs"))
               for f in files)


def test_blobs_that_another_image_needs_stay(node, upstream):
    image = upstream.push(images.random_layers(3, seed="both"), "library/one", "1")
    upstream.push(image, "library/two", "1")
    for name in ("one:1", "two:1"):
        node.cli("image", "import", name, check=True)
    node.cli("image", "rm", "one:1", check=True)
    node.cli("store", "gc", check=True)
    expect.serves(node, "two", "1", image)


def test_limit_evicts_what_nobody_wants_and_keeps_what_is_wanted(start_node, upstream):
    wanted = upstream.push(images.random_layers(6, seed="wanted"), "library/wanted", "1")
    node = start_node(upstream={"docker.io": upstream.url}, args=["--store-limit", "20MB"])
    assert node.apply("wanted:1").ok()
    node.wait_told("wanted:1", "loaded|held|stored")
    for i in range(5):
        upstream.push(images.random_layers(5, seed=f"passing-{i}"), "library/passing", str(i))
        node.cli("image", "import", f"passing:{i}", check=True)
        node.cli("image", "rm", f"passing:{i}", check=True)  # nobody wants it: may stay while there is room
        assert disk_use(node) <= 20_000_000
    expect.serves(node, "wanted", "1", wanted)


def test_limit_that_is_too_small_says_what_is_needed(start_node, upstream):
    upstream.push(images.random_layers(6, seed="wanted"), "library/wanted", "1")
    node = start_node(upstream={"docker.io": upstream.url}, args=["--store-limit", "4MB"])
    sentence = expect.fails(node.cli("image", "import", "wanted:1"), "needs|limit")
    assert re.search(r"\d ?[KMG]i?B", sentence)
