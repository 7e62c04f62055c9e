"""Bitswap between a peer of ours (exchange_peer) and js-libp2p with Helia's bitswap, both ways."""
import os
import random
import shutil
import subprocess

import pytest
from peers.exchange_peer import ExchangePeer
from peers.line_peer import LinePeer

HERE = os.path.dirname(os.path.abspath(__file__))
pytestmark = pytest.mark.skipif(not (shutil.which("node") and shutil.which("npm")), reason="needs Node.js and npm")


@pytest.fixture(scope="module")
def folder():
    p = subprocess.run([os.path.join(HERE, "js_build.sh")], capture_output=True, text=True, timeout=600)
    assert p.returncode == 0, p.stderr[-3000:]
    return p.stdout.strip()


@pytest.fixture
def helia(folder):
    peer = LinePeer(["node", "--import", os.path.join(folder, "polyfill.mjs"), os.path.join(folder, "peer.mjs")])
    yield peer
    peer.stop()


@pytest.fixture
def ours():
    peer = ExchangePeer()
    yield peer
    peer.stop()


def make_file(path, size):
    path.write_bytes(random.Random(size).randbytes(size))
    return path


@pytest.mark.parametrize("size", [1000, 300_000, 20_000_000])
def test_helia_gets_what_we_have(helia, ours, tmp_path, size):
    source = make_file(tmp_path / "source", size)
    cid = ours("add", source)
    helia.do("connect", ours.address)
    helia.do("get", cid, tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == source.read_bytes()


@pytest.mark.parametrize("size", [1000, 300_000, 20_000_000])
def test_we_get_what_helia_has(helia, ours, tmp_path, size):
    source = make_file(tmp_path / "source", size)
    cid = helia.do("add", source)["cid"]
    ours("connect", helia.address)
    ours("get", cid, tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == source.read_bytes()


def test_streams_that_helia_has_given_up_are_opened_again(helia, ours, tmp_path):
    """Helia aborts a stream on which nothing came for ten seconds."""
    import time
    ours("connect", helia.address)
    for n in range(2):
        source = make_file(tmp_path / f"source{n}", 300_000 + n)
        there = helia.do("add", source)["cid"]
        ours("get", there, tmp_path / f"copy{n}")
        source = make_file(tmp_path / f"ours{n}", 400_000 + n)
        helia.do("get", ours("add", source), tmp_path / f"helia{n}")
        assert (tmp_path / f"helia{n}").read_bytes() == source.read_bytes()
        if n == 0:
            time.sleep(11)
