"""Peers that promise blocks and send others, or none: a wrong one costs one block and its sender, and goes no further."""
import hashlib
import os

import pytest
from lib import images
from lib.attacks import BITSWAP, BLOB, is_over
from lib.rogue import Ended, Rogue, field, fields, framed, read_message
from lib.swarm import LEAF, NOWHERE, address, is_connected, layer_of, metric, peer_id, wait_stored
from lib.system import wait_until

NAME = "promised:1"


@pytest.fixture(scope="module")
def image():
    return images.random_layers(30, seed="promised")


@pytest.fixture
def origin(start_node, upstream, image):
    """Honest and slow, so that others are asked as well."""
    upstream.push(image, "library/promised", "1")
    node = start_node(upstream={"docker.io": upstream.url}, args=["--upload-limit", "4MB"])
    node.cli("image", "import", NAME, check=True, timeout=120)
    return node


@pytest.fixture
def receiver(start_node, origin):
    node = start_node(upstream=NOWHERE, args=["--bootstrap", address(origin)])
    wait_until(lambda: is_connected(node, peer_id(origin)), 10, "the receiver has met the origin")
    return node


class Promiser:
    """Says over /distromash/blob/1 that it has all of the layer; `give(leaf)` is what it sends when asked."""

    def __init__(self, to, image, give):
        self.blob, self.give, self.asked = layer_of(image), give, []
        content = self.blob.read()
        self.leaves = [content[i:i + LEAF] for i in range(0, len(content), LEAF)]
        self.out = None
        self.rogue = Rogue(f"127.0.0.1:{to.p2p_port}", speaks={BLOB: self.answer, BITSWAP: is_over})

    def say(self, kind, *parts):
        self.out.write(framed(field(kind, b"".join(parts))))

    def answer(self, stream):
        self.out = self.rogue.open(BLOB)
        self.say(1, field(6, 1))
        digest = bytes.fromhex(self.blob.digest.split(":")[1])
        while True:
            (kind, body), = fields(read_message(stream))
            said = dict(fields(body))
            if kind == 2 and said.get(5) == digest and said.get(8):
                runs = field(10, bytes([0]) + field(1, len(self.leaves))[1:])
                self.say(2, field(5, digest), field(6, self.blob.size), runs)
            elif kind == 5:
                self.hashes(said.get(2, 0))
            elif kind == 7:
                self.asked.append(said.get(2, 0))
                data = self.give(self.leaves[self.asked[-1]])
                if data:
                    self.say(13, field(2, self.asked[-1]), field(3, data))

    def hashes(self, first):
        some = self.leaves[first:first + 1024]
        self.say(6, field(2, first), field(3, b"".join(hashlib.sha256(x).digest() for x in some)))


def bans(node, peer):
    return [e for e in node.log_events("peer banned") if e["peer"] == peer]


def is_refused(node, identity):
    try:
        Rogue(f"127.0.0.1:{node.p2p_port}", identity=identity).see_the_end(5)
    except Ended:
        pass  # before it had a session
    return True


def stored(node):
    wait_stored(node, NAME)
    node.cli("store", "verify", check=True)


def test_wrong_bytes_of_a_blob_cost_one_block_and_their_sender(start_node, origin, receiver, image):
    liar = Promiser(receiver, image, lambda leaf: os.urandom(len(leaf)))
    assert origin.apply(NAME).ok()
    liar.rogue.see_the_end()
    assert len(liar.asked) == 1
    assert bans(receiver, liar.rogue.id)
    stored(receiver)
    assert is_refused(receiver, liar.rogue.identity)
    # Who has it from the receiver alone has what the origin has.
    other = start_node(upstream=NOWHERE, args=["--bootstrap", address(receiver)])
    stored(other)
    answer = other.registry_request("GET", f"/v2/promised/blobs/{layer_of(image).digest}")
    assert images.sha256(answer.body) == layer_of(image).digest


def test_a_peer_that_is_silent_after_its_promise_holds_nobody_up(origin, receiver, image):
    mute = Promiser(receiver, image, lambda leaf: None)
    assert origin.apply(NAME).ok()
    stored(receiver)
    assert len(mute.asked) <= 2, "asked again of a peer that has sent nothing"
    mute.rogue.pipe.close()


class BlockLiar:
    """Says over bitswap that it has every block, and sends other bytes for each that it is asked for."""

    def __init__(self, to):
        self.out, self.asked = None, 0
        self.rogue = Rogue(f"127.0.0.1:{to.p2p_port}", speaks={BITSWAP: self.answer})

    def answer(self, stream):
        self.out = self.out or self.rogue.open(BITSWAP)
        while True:
            for number, wantlist in fields(read_message(stream)):
                entries = [dict(fields(e)) for n, e in fields(wantlist) if n == 1] if number == 1 else []
                for entry in entries:
                    self.reply(entry)

    def reply(self, entry):
        if entry.get(3):
            return  # taken back
        if entry.get(4):
            self.out.write(framed(field(4, field(1, entry[1]) + field(2, 0))))
            return
        self.asked += 1
        self.out.write(framed(field(3, field(1, entry[1][:4]) + field(2, os.urandom(LEAF)))))


def test_wrong_bytes_of_a_cid_cost_one_block_and_their_sender(origin, receiver, directory):
    root = origin.cli_json("image", "show", NAME)["root"]
    liar = BlockLiar(receiver)
    receiver.cli("get", root, "-o", os.path.join(directory, "tree"), check=True)
    liar.rogue.see_the_end()
    assert liar.asked and metric(receiver, "distromash_bitswap_unasked_blocks_total") == 1
    assert bans(receiver, liar.rogue.id) and is_refused(receiver, liar.rogue.identity)
    # What the receiver has is what the origin has: nothing else has this root.
    assert receiver.cli("cid", os.path.join(directory, "tree"), check=True).stdout.split()[0] == root
    receiver.cli("store", "verify", check=True)


def test_a_peer_that_is_silent_after_its_haves_holds_nobody_up(origin, receiver, directory):
    root = origin.cli_json("image", "show", NAME)["root"]
    mute = BlockLiar(receiver)
    mute.reply = lambda entry: entry.get(4) and BlockLiar.reply(mute, entry)
    receiver.cli("get", root, "-o", os.path.join(directory, "tree"), check=True)
    assert receiver.cli("cid", os.path.join(directory, "tree"), check=True).stdout.split()[0] == root
    mute.rogue.pipe.close()
