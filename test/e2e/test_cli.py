"""The command line as a person meets it."""
import json
import os

import pytest
from lib import images
from lib.node import Node
from lib.system import run, temporary_directory


@pytest.fixture(scope="module")
def node(binary, upstream):
    upstream.push(images.small_files(layers=2, files=20, seed="cli"), "library/cli", "1")
    n = Node(binary, upstream={"docker.io": upstream.url})
    n.cli("image", "import", "cli:1", check=True)
    n.cli("strategy", "apply", "cli:1", "--percentage", "100", check=True)
    n.wait_told("cli:1", "loaded|held|stored")
    yield n
    n.end_of_test()


@pytest.mark.parametrize("args", [["image", "ls"], ["strategy", "ls"], ["node", "ls"], ["peers"], ["pin", "ls"],
                                  ["store", "stat"], ["status"]])
def test_listings_as_table_and_json(node, args):
    table = node.cli(*args, check=True)
    assert table.stdout.strip() and not table.stderr
    json.loads(node.cli(*args, "--output", "json", check=True).stdout)


def test_listing_in_a_pipe_has_no_colours_or_bars(node):
    for args in (["image", "ls"], ["strategy", "ls"], ["image", "import", "cli:1"]):
        p = node.cli(*args, check=True)
        assert "\x1b" not in p.stdout + p.stderr and "\r" not in p.stdout + p.stderr


def test_show(node):
    shown = node.cli("image", "show", "cli:1", check=True).stdout
    assert "cli:1" in shown and "sha256:" in shown and "bafybei" in shown
    assert "cli:1" in node.cli("strategy", "show", "cli:1", check=True).stdout


def test_help_everywhere(binary):
    top = run([binary, "--help"])
    assert top.returncode == 0
    for command in ("run", "image", "strategy", "node", "peers", "status", "pin", "get", "store", "ipdr", "cid"):
        assert command in top.stdout, command
        assert run([binary, command, "--help"]).returncode == 0, command
    version = run([binary, "--version"])
    assert version.returncode == 0 and version.stdout.strip()


def test_api_flag_beats_the_environment(node):
    p = node.cli("strategy", "ls", "--api", node.api_address, env={"DISTROMASH_API": "127.0.0.1:9"})
    if p.returncode:  # the flag may also stand before the command
        p = node.cli("--api", node.api_address, "strategy", "ls", env={"DISTROMASH_API": "127.0.0.1:9"})
    assert p.returncode == 0, p.stderr


def test_strategy_from_a_file(node, upstream, directory):
    upstream.push(images.tiny(b"from file"), "library/fromfile", "1")
    path = os.path.join(directory, "strategy.json")
    with open(path, "w") as f:
        json.dump({"type": "percentage", "nametag": "fromfile:1", "percentage": 100, "execute": True}, f)
    node.cli("strategy", "apply", "-f", path, check=True)
    assert "fromfile:1" in node.cli("strategy", "ls").stdout
    node.cli("strategy", "rm", "fromfile:1", check=True)


def test_get_writes_the_tree(node, directory):
    shown = json.dumps(node.cli_json("image", "show", "cli:1"))
    cid = shown[shown.index("bafybei"):][:59]
    out = os.path.join(directory, "tree")
    node.cli("get", cid, "-o", out, check=True)
    assert sorted(os.listdir(out)) == ["blobs", "manifests"]
    assert run([node.binary, "cid", out], check=True).stdout.split()[-1] == cid


# golden vectors of what `ipfs add -r --cid-version=1` prints

def pattern(n):
    period = bytes((i * 31 + (i >> 8) * 7) & 255 for i in range(1 << 16))
    return (period * (n // len(period) + 1))[:n]


@pytest.mark.parametrize("n,cid", [
    (0, "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"),
    (1, "bafkreidogqfzz75tpkmjzjke425xqcrmpcib2p5tg44hnbirumdbpl5adu"),
    (262144, "bafkreietseox7mbu3i3vb7ros2unfux4aqryzvgytw7scpl5juzn65javy"),
    (262145, "bafybeicouja4gg2waqb57du37qije2sp5slnazguiuchd2lj4gix54r2pa"),
    (600000, "bafybeiak23n6ofmsx2lznv663xobploaagi6qsh27ocdkzkkrbtuzumk3e"),
    (45613056, "bafybeiblbsv5a3wqsdcuiqzsbodtue2dbbwppjdjv7giyiyuqa2bxikayu"),
    (45613057, "bafybeihr7g6tzxx3ngulodiuwm2mvgfumbxrp65wbw5gl2rpk3lrhcwfky"),
    (104857600, "bafybeiae457hsbvniu4yssgsujbms6zdf4shcxa7yqnvwfmke5s22ysuam"),
])
def test_cid_of_a_file(binary, n, cid):
    path = os.path.join(temporary_directory(), "file")
    with open(path, "wb") as f:
        f.write(pattern(n))
    assert run([binary, "cid", path], check=True).stdout.split()[0] == cid


def test_cid_of_the_image_tree(binary, directory):
    config = b'{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}'
    layer = pattern(300000)
    manifest = json.dumps({
        "schemaVersion": 2, "mediaType": images.DOCKER_MANIFEST,
        "config": {"mediaType": images.DOCKER_CONFIG, "size": len(config), "digest": images.sha256(config)},
        "layers": [{"mediaType": images.DOCKER_LAYER, "size": len(layer), "digest": images.sha256(layer)}]},
        separators=(",", ":")).encode()
    for folder, name, data in (("blobs", images.sha256(config), config), ("blobs", images.sha256(layer), layer),
                               ("manifests", "latest", manifest), ("manifests", images.sha256(manifest), manifest)):
        os.makedirs(os.path.join(directory, "root", folder), exist_ok=True)
        with open(os.path.join(directory, "root", folder, name), "wb") as f:
            f.write(data)
    with open(os.path.join(directory, "root", ".hidden"), "w") as f:
        f.write("skipped as ipfs does")
    printed = run([binary, "cid", os.path.join(directory, "root")], check=True).stdout.split()
    assert printed[-1] == "bafybeieicit3h4abhx5vtvamibtmsq4uqwzwcx32p4geoour6gybtpdcyq" or \
        printed[0] == "bafybeieicit3h4abhx5vtvamibtmsq4uqwzwcx32p4geoour6gybtpdcyq"


def test_ipdr_convert_both_ways(binary):
    qm, ciq = "QmaCm7VNsmM61FApFevTcJ1PxPabmfY4Tf2dFjpAdVdHLF", "ciqlarwwgn3qewftxxsapdx6aqi5yi7scootos7m5bqbjuzshoavapa"
    cid = "bafybeifqi3ldg5yclcz33zahr37aieo4epzbhhjxjpwoqyau2mzdxakqhq"
    assert ciq in run([binary, "ipdr", "convert", qm, "--format", "docker"], check=True).stdout
    assert ciq in run([binary, "ipdr", "convert", cid, "--format", "docker"], check=True).stdout
    back = run([binary, "ipdr", "convert", ciq, "--format", "ipfs"], check=True).stdout
    assert qm in back or cid in back
