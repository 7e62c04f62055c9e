"""A disk that is too small, or becomes full: the node stays up and says how much it needs."""
import os
import re

import pytest
from lib import expect, images
from lib.system import cleanup, run, temporary_directory


@pytest.fixture
def small_disk(root):
    """A tmpfs of 120 MB (the node leaves 32 MiB of any disk alone)."""
    d = temporary_directory()
    run(["mount", "-t", "tmpfs", "-o", "size=120000000", "tmpfs", d], check=True)
    cleanup.push(lambda: run(["umount", "-l", d]))
    return d


def fill(disk):
    """Takes all that is left of the disk; returns the file that does."""
    path = os.path.join(disk, "ballast")
    f = os.open(path, os.O_WRONLY | os.O_CREAT)
    for size in (1 << 20, 4096, 1):
        try:
            while True:
                os.write(f, b"x" * size)
        except OSError:
            pass
    os.close(f)
    return path


def test_import_that_does_not_fit(start_node, upstream, small_disk):
    upstream.push(images.random_layers(200, seed="too-big"), "library/toobig", "1")
    node = start_node(upstream={"docker.io": upstream.url}, data_dir=os.path.join(small_disk, "data"))
    sentence = expect.fails(node.cli("image", "import", "toobig:1"), "needs", "free")
    assert re.search(r"\d+(\.\d+)? ?[KMG]i?B", sentence), sentence
    small = upstream.push(images.tiny(b"fits"), "library/fits", "1")
    node.cli("image", "import", "fits:1", check=True)
    expect.serves(node, "fits", "1", small)
    node.cli("store", "verify", check=True)


def test_strategy_that_does_not_fit_is_blocked_and_says_what_it_needs(start_node, upstream, small_disk):
    upstream.push(images.random_layers(200, seed="too-big"), "library/toobig", "1")
    node = start_node(upstream={"docker.io": upstream.url}, data_dir=os.path.join(small_disk, "data"))
    assert node.apply("toobig:1").ok()
    node.wait_told("toobig:1", r"needs \d+(\.\d+)? ?[kmg]i?b")
    assert node.get("/api/v1/health").status == 200
    assert node.delete("/api/v1/strategy/percentage-toobig:1-100-active").ok()


def test_disk_that_others_fill_during_the_import(start_node, upstream, small_disk, counting_proxy):
    image = upstream.push(images.random_layers(24, seed="just-fits"), "library/justfits", "1")
    counting_proxy.rate = 12_000_000
    node = start_node(upstream={"docker.io": counting_proxy.url}, data_dir=os.path.join(small_disk, "data"))
    assert node.apply("justfits:1").ok()
    node.wait_for(lambda: counting_proxy.total > 8_000_000, 20, "the import has begun")
    ballast = fill(small_disk)
    node.wait_told("justfits:1", "needs|space|full", seconds=60)
    assert node.get("/api/v1/health").status == 200
    os.unlink(ballast)
    node.wait_told("justfits:1", "loaded|held|stored", seconds=180)
    expect.serves(node, "justfits", "1", image)


def test_full_disk_at_start_and_on_a_strategy(start_node, upstream, small_disk, busybox):
    data = os.path.join(small_disk, "data")
    node = start_node(upstream={"docker.io": upstream.url}, data_dir=data)
    ballast = fill(small_disk)
    # What cannot be made durable is not acknowledged.
    answer = node.apply("busybox:1.35.0")
    if answer.status != 200:
        expect.api_error(answer, (503, 507), "space|full|disk")
    os.unlink(ballast)
    assert node.apply("busybox:1.35.0").ok()
    node.wait_told("busybox:1.35.0", "loaded|held|stored", seconds=120)
