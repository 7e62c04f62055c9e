"""Bitswap and the DHT between a peer of ours (exchange_peer) and Kubo, both ways."""
import random

import pytest
from lib.system import wait_until
from peers.exchange_peer import ExchangePeer


@pytest.fixture
def ipfs(kubo):
    return kubo()


@pytest.fixture
def peer():
    p = ExchangePeer()
    yield p
    p.stop()


@pytest.fixture
def second_peer():
    p = ExchangePeer()
    yield p
    p.stop()


def make_file(path, size, seed):
    path.write_bytes(random.Random(seed).randbytes(size))
    return path


def add(ipfs, *words):
    return ipfs.cli("add", "-q", *words).strip()


@pytest.mark.parametrize("size", [0, 1, 1024, 262144, 262145, 20_000_000])
def test_we_get_what_kubo_added(ipfs, peer, tmp_path, size):
    source = make_file(tmp_path / "source", size, size)
    cid = add(ipfs, "--cid-version=1", source)
    peer("connect", ipfs.address)
    peer("get", cid, tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == source.read_bytes()


@pytest.mark.parametrize("options", [[], ["--raw-leaves=false"], ["--chunker=size-1048576"], ["--trickle"]])
def test_we_get_trees_of_other_shapes(ipfs, peer, tmp_path, options):
    source = make_file(tmp_path / "source", 5_000_000, 1)
    cid = add(ipfs, *options, source)
    peer("connect", ipfs.address)
    peer("get", cid, tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == source.read_bytes()


@pytest.mark.parametrize("size", [1, 1024, 262145, 20_000_000])
def test_kubo_gets_what_we_have(ipfs, peer, tmp_path, size):
    source = make_file(tmp_path / "source", size, size)
    cid = peer("add", source)
    ipfs.cli("swarm", "connect", peer.address)
    ipfs.cli("get", "-o", tmp_path / "copy", cid)
    assert (tmp_path / "copy").read_bytes() == source.read_bytes()
    ipfs.cli("pin", "add", cid)
    assert "dup blocks received: 0" in ipfs.cli("bitswap", "stat")


def test_each_finds_what_the_other_provides(ipfs, peer, tmp_path):
    ours = peer("add", make_file(tmp_path / "ours", 1000, 1))
    theirs = add(ipfs, "--cid-version=1", make_file(tmp_path / "theirs", 1000, 2))
    peer("connect", ipfs.address)
    wait_until(lambda: peer.id in ipfs.cli("routing", "findprovs", "-n=1", ours), 30, lambda: "the provider is found")
    wait_until(lambda: ipfs.id in peer("findprovs", theirs), 30, lambda: "the provider is found")


def test_kubo_finds_us_through_another_and_fetches(ipfs, peer, second_peer, tmp_path):
    """Kubo is connected to one of us only; the other, which has the content, is found in the DHT."""
    source = make_file(tmp_path / "source", 3_000_000, 3)
    cid = second_peer("add", source)
    second_peer("connect", peer.address)
    ipfs.cli("swarm", "connect", peer.address)
    ipfs.cli("get", "-o", tmp_path / "copy", cid)
    assert (tmp_path / "copy").read_bytes() == source.read_bytes()


def test_we_find_kubo_through_another_and_fetch(ipfs, peer, second_peer, tmp_path):
    source = make_file(tmp_path / "source", 3_000_000, 4)
    ipfs.cli("swarm", "connect", second_peer.address)
    cid = add(ipfs, "--cid-version=1", source)
    wait_until(lambda: ipfs.id in second_peer("findprovs", cid), 30, lambda: "the provider is found")
    peer("connect", second_peer.address)
    peer("get", cid, tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == source.read_bytes()


def test_we_fetch_from_kubo_and_from_one_of_us_together(ipfs, peer, second_peer, tmp_path):
    source = make_file(tmp_path / "source", 40_000_000, 5)
    cid = add(ipfs, "--cid-version=1", source)
    assert second_peer("add", source) == cid
    peer("connect", ipfs.address)
    peer("connect", second_peer.address)
    answer = peer("get", cid, tmp_path / "copy")
    assert "from 2 peers" in answer
    assert (tmp_path / "copy").read_bytes() == source.read_bytes()
