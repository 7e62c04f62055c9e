"""A node of ours and Kubo exchange content: trees and images, both ways, over bitswap and the DHT."""
import filecmp
import os
import random
import re

import pytest
from lib import images, registry
from lib.system import wait_until


@pytest.fixture(scope="module")
def upstream():
    return registry.Registry()


@pytest.fixture
def ipfs(kubo):
    return kubo()


def make_tree(folder):
    r = random.Random(7)
    (folder / "deep" / "er").mkdir(parents=True)
    (folder / "large").write_bytes(r.randbytes(3_000_000))
    (folder / "empty").write_bytes(b"")
    (folder / "deep" / "small").write_bytes(b"small\n")
    (folder / "deep" / "er" / "name with spaces, ä").write_bytes(r.randbytes(300_000))
    (folder / "many").mkdir()
    for i in range(300):
        (folder / "many" / f"{i:03}").write_bytes(b"%d" % i)
    return folder


def same_tree(a, b):
    c = filecmp.dircmp(a, b)
    _, different, unreadable = filecmp.cmpfiles(a, b, c.common_files, shallow=False)
    return not (c.left_only or c.right_only or different or unreadable or c.funny_files) and all(
        same_tree(os.path.join(a, d), os.path.join(b, d)) for d in c.common_dirs)


def connected(node, ipfs, **options):
    """A node that stays connected to this Kubo."""
    n = node(args=["--bootstrap", ipfs.address], **options)
    wait_until(lambda: peer_id(n) in ipfs.peers(), 20, lambda: "our node is connected to Kubo")
    return n


def peer_id(n):
    return n.get("/api/v1/health").ok()["peer"]


def add_tree(ipfs, folder, *options):
    return ipfs.cli("add", "-Qr", "--cid-version=1", *options, folder).strip()


def test_get_writes_a_tree_that_kubo_has(node, ipfs, tmp_path):
    source = make_tree(tmp_path / "source")
    root = add_tree(ipfs, source)
    n = connected(node, ipfs)
    n.cli("get", root, "-o", tmp_path / "copy", check=True)
    assert same_tree(source, tmp_path / "copy")


def test_get_says_that_nobody_has_it(node, ipfs, tmp_path):
    n = connected(node, ipfs)
    p = n.cli("get", "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e", "-o", tmp_path / "copy")
    assert p.returncode == 1 and "nobody" in p.stderr and p.stderr.count("\n") == 1


def test_a_pinned_tree_stays_when_its_source_is_gone(node, ipfs, kubo, tmp_path):
    source = make_tree(tmp_path / "source")
    root = add_tree(ipfs, source)
    n = connected(node, ipfs)
    n.cli("pin", "add", root, check=True)
    assert n.get("/api/v1/pin").ok()["pins"] == [root]
    wait_until(lambda: peer_id(n) in ipfs.cli("routing", "findprovs", "-n=5", root), 30,
               lambda: "our node provides what it has pinned")
    ipfs.stop()
    n.restart()
    n.cli("get", root, "-o", tmp_path / "copy", check=True)
    assert same_tree(source, tmp_path / "copy")
    other = kubo()
    other.cli("swarm", "connect", printed_address(n))
    other.cli("get", "-o", tmp_path / "kubo copy", root)
    assert same_tree(source, tmp_path / "kubo copy")


def printed_address(n):
    return re.findall(r"^address\s+(\S+)$", n.log_tail(10_000_000), re.M)[-1]


def test_kubo_gets_an_image_of_ours_and_a_second_node_imports_it_from_kubo(node, ipfs, upstream, tmp_path):
    upstream.push(images.random_layers(8, layers=2, seed="exchange"), "library/shared", "1")
    first = connected(node, ipfs, upstream={"docker.io": upstream.url})
    first.cli("image", "import", "shared:1", check=True)
    image = first.cli_json("image", "show", "shared:1")
    root = image["root"]
    wait_until(lambda: peer_id(first) in ipfs.cli("routing", "findprovs", "-n=5", root), 30,
               lambda: "our node provides the image")
    for blob in image["blobs"]:
        whole = ipfs.cli("cid", "format", "-v=1", "--mc=raw", f"f01551220{blob['digest'].split(':')[1]}").strip()
        wait_until(lambda: peer_id(first) in ipfs.cli("routing", "findprovs", "-n=5", whole), 30,
                   lambda: "our node provides each blob under its digest")
    ipfs.cli("pin", "add", root)
    ipfs.cli("get", "-o", tmp_path / "tree", root)
    assert sorted(os.listdir(tmp_path / "tree")) == ["blobs", "manifests"]
    assert ipfs.cli("add", "-Qrn", "--cid-version=1", tmp_path / "tree").strip() == root
    assert "dup blocks received: 0" in ipfs.cli("bitswap", "stat")
    first.stop()

    second = connected(node, ipfs)
    second.cli("image", "import", "shared:1", "--from", f"ipfs:{root}", check=True)
    assert second.cli_json("image", "show", "shared:1")["root"] == root
    assert second.registry_request("GET", "/v2/library/shared/manifests/1").status == 200


def test_import_from_a_tree_that_is_no_image_fails_by_name(node, ipfs, tmp_path):
    root = add_tree(ipfs, make_tree(tmp_path / "source"))
    n = connected(node, ipfs)
    p = n.cli("image", "import", "x:1", "--from", f"ipfs:{root}")
    assert p.returncode == 1 and "no image" in p.stderr
    p = n.cli("image", "import", "x:1", "--from", "nowhere")
    assert p.returncode == 1 and "ipfs:CID" in p.stderr
