"""go-libp2p and a host of ours: all key types, private networks, and Yamux under a thousand streams."""
import base64
import os
import secrets

import pytest
from lib.system import temporary_directory, wait_until
from peers.line_peer import CommandFailed


def know_each_other(ours, theirs):
    [seen] = ours.do("peers")["peers"]
    assert seen["id"] == theirs.id and "interop/peer" in seen["agent"]
    assert "/test/echo/1" in seen["protocols"] and theirs.address.startswith(seen["addresses"][0])
    wait_until(lambda: theirs.do("protocols", ours.id)["agent"], 10, lambda: "we are identified", every=0.02)
    told = theirs.do("protocols", ours.id)
    assert told["agent"] == "host_tool" and "/test/echo/1" in told["protocols"]


def meet(dialler, other):
    assert dialler.do("dial", other.address)["peer"] == other.id


def identified(ours):
    wait_until(lambda: ours.do("peers")["peers"] and ours.do("peers")["peers"][0]["agent"], 10,
               lambda: "the peer is identified", every=0.02)


@pytest.mark.parametrize("key", ["rsa", "secp256k1", "ecdsa", "ed25519"])
def test_shakes_hands_with_keys_of_all_types_both_ways(go_peer, host_tool, key):
    for we_dial in (True, False):
        ours, theirs = host_tool(), go_peer("-key", key)
        meet(*((ours, theirs) if we_dial else (theirs, ours)))
        identified(ours)
        know_each_other(ours, theirs)
        assert ours.do("ping", theirs.id)["ms"] < 1000
        assert theirs.do("ping", ours.id)["ms"] < 1000


def test_refuses_another_peer_than_the_one_dialled(go_peer, host_tool):
    ours, theirs, stranger = host_tool(), go_peer(), go_peer()
    wrong = theirs.address.replace(theirs.id, stranger.id)
    with pytest.raises(CommandFailed, match="another peer"):
        ours.do("dial", wrong)


def test_private_network(go_peer, host_tool):
    folder = temporary_directory()
    key = os.path.join(folder, "swarm.key")
    with open(key, "w") as f:
        f.write(f"/key/swarm/psk/1.0.0/\n/base16/\n{secrets.token_hex(32)}\n")
    ours, theirs = host_tool(our_rsa_key(folder), key), go_peer("-swarm-key", key)
    meet(theirs, ours)
    identified(ours)
    assert theirs.do("echo", ours.id, 20, 300_000)["streams"] == 20
    assert ours.do("echo", theirs.id, 20, 300_000)["streams"] == 20
    outside = go_peer()
    with pytest.raises(CommandFailed):
        outside.do("dial", ours.address)
    with pytest.raises(CommandFailed):
        ours.do("dial", outside.address)


def our_rsa_key(folder):
    """The prototype's kind of identity, in the form of its file privateKey."""
    import subprocess
    pem = os.path.join(folder, "key.pem")
    subprocess.run(["openssl", "genrsa", "-traditional", "-out", pem, "2048"], check=True, capture_output=True)
    der = base64.b64decode("".join(line for line in open(pem).read().splitlines() if "-----" not in line))
    length = bytes([len(der) & 0x7F | 0x80, len(der) >> 7])
    file = os.path.join(folder, "privateKey")
    with open(file, "wb") as f:
        f.write(b"\x08\x00\x12" + length + der)
    return file


def test_our_own_identity_may_be_rsa(go_peer, host_tool):
    ours, theirs = host_tool(our_rsa_key(temporary_directory())), go_peer()
    assert ours.id.startswith("Qm")
    meet(theirs, ours)
    identified(ours)
    know_each_other(ours, theirs)


@pytest.mark.parametrize("who_opens", ["we", "they"])
def test_a_thousand_streams_at_once_half_closed_and_read_to_their_end(go_peer, host_tool, who_opens):
    ours, theirs = host_tool(), go_peer()
    meet(ours, theirs)
    identified(ours)
    one, other = (ours, theirs) if who_opens == "we" else (theirs, ours)
    assert one.do("echo", other.id, 1000, 2_000)["streams"] == 1000
    # Larger than the first window of a stream: it has to be granted again and again.
    assert one.do("echo", other.id, 40, 2_000_000)["streams"] == 40


def test_resets_reach_the_other_side_and_end_one_stream_only(go_peer, host_tool):
    ours, theirs = host_tool(), go_peer()
    meet(theirs, ours)
    identified(ours)
    for _ in range(20):
        assert ours.do("reset", theirs.id)["reset"]
        assert theirs.do("reset", ours.id)["reset"]
    assert ours.do("echo", theirs.id, 10, 1000)["streams"] == 10
