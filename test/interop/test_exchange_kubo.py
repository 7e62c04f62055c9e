"""Bitswap and the DHT between a peer of ours (exchange_peer) and Kubo, both ways."""
import os
import subprocess
import time

import pytest

import kubo

pytestmark = pytest.mark.skipif(kubo.binary() is None, reason="KUBO names no ipfs program")


class Peer:
    """Our exchange_peer: commands in, one line back."""

    def __init__(self):
        self.process = subprocess.Popen([os.environ["EXCHANGE_PEER"]], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, bufsize=1)
        self.address = self.process.stdout.readline().strip()
        self.id = self.address.rsplit("/", 1)[1]

    def __call__(self, *words):
        self.process.stdin.write(" ".join(str(w) for w in words) + "\n")
        answer = self.process.stdout.readline().strip()
        assert answer.startswith("ok"), answer
        return answer[3:]

    def stop(self):
        self.process.stdin.close()
        assert self.process.wait(20) == 0


@pytest.fixture
def ipfs(tmp_path):
    k = kubo.Kubo(tmp_path / "kubo")
    yield k
    k.stop()


@pytest.fixture
def peer():
    p = Peer()
    yield p
    p.stop()


@pytest.fixture
def second_peer():
    p = Peer()
    yield p
    p.stop()


def make_file(path, size, seed):
    import random
    path.write_bytes(random.Random(seed).randbytes(size))
    return path


def until(holds, seconds=30):
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize("size", [0, 1, 1024, 262144, 262145, 20_000_000])
def test_we_get_what_kubo_added(ipfs, peer, tmp_path, size):
    source = make_file(tmp_path / "source", size, size)
    cid = ipfs("add", "-q", "--cid-version=1", source)
    peer("connect", ipfs.address)
    peer("get", cid, tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == source.read_bytes()


@pytest.mark.parametrize("options", [[], ["--raw-leaves=false"], ["--chunker=size-1048576"], ["--trickle"]])
def test_we_get_trees_of_other_shapes(ipfs, peer, tmp_path, options):
    source = make_file(tmp_path / "source", 5_000_000, 1)
    cid = ipfs("add", "-q", *options, source)
    peer("connect", ipfs.address)
    peer("get", cid, tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == source.read_bytes()


@pytest.mark.parametrize("size", [1, 1024, 262145, 20_000_000])
def test_kubo_gets_what_we_have(ipfs, peer, tmp_path, size):
    source = make_file(tmp_path / "source", size, size)
    cid = peer("add", source)
    ipfs("swarm", "connect", peer.address)
    ipfs("get", "-o", tmp_path / "copy", cid)
    assert (tmp_path / "copy").read_bytes() == source.read_bytes()
    ipfs("pin", "add", cid)
    assert "duplicate blocks received: 0" in " ".join(ipfs("bitswap", "stat").split()) or \
        "dup blocks received: 0" in ipfs("bitswap", "stat")


def test_each_finds_what_the_other_provides(ipfs, peer, tmp_path):
    ours = peer("add", make_file(tmp_path / "ours", 1000, 1))
    theirs = ipfs("add", "-q", "--cid-version=1", make_file(tmp_path / "theirs", 1000, 2))
    peer("connect", ipfs.address)
    until(lambda: peer.id in ipfs("routing", "findprovs", "-n=1", ours))
    until(lambda: ipfs.id in peer("findprovs", theirs))


def test_kubo_finds_us_through_another_and_fetches(ipfs, peer, second_peer, tmp_path):
    """Kubo is connected to one of us only; the other, which has the content, is found in the DHT."""
    source = make_file(tmp_path / "source", 3_000_000, 3)
    cid = second_peer("add", source)
    second_peer("connect", peer.address)
    ipfs("swarm", "connect", peer.address)
    ipfs("get", "-o", tmp_path / "copy", cid)
    assert (tmp_path / "copy").read_bytes() == source.read_bytes()


def test_we_find_kubo_through_another_and_fetch(ipfs, peer, second_peer, tmp_path):
    source = make_file(tmp_path / "source", 3_000_000, 4)
    ipfs("swarm", "connect", second_peer.address)
    cid = ipfs("add", "-q", "--cid-version=1", source)
    until(lambda: ipfs.id in second_peer("findprovs", cid))
    peer("connect", second_peer.address)
    peer("get", cid, tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == source.read_bytes()


def test_we_fetch_from_kubo_and_from_one_of_us_together(ipfs, peer, second_peer, tmp_path):
    source = make_file(tmp_path / "source", 40_000_000, 5)
    cid = ipfs("add", "-q", "--cid-version=1", source)
    assert second_peer("add", source) == cid
    peer("connect", ipfs.address)
    peer("connect", second_peer.address)
    answer = peer("get", cid, tmp_path / "copy")
    assert "from 2 peers" in answer
    assert (tmp_path / "copy").read_bytes() == source.read_bytes()
