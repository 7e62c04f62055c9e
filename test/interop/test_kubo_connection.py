"""Kubo and a node of ours: connect, ping and identify in both directions, in the open and in a private network."""
import os
import re

import pytest
from lib.system import run, temporary_directory, wait_until


def private_folder(node_binary):
    """A data folder as `distromash init` makes it, and the key in it."""
    folder = os.path.join(temporary_directory(), "data")
    p = run([node_binary, "init", "--data-dir", folder], timeout=20)
    assert p.returncode == 0, p.stderr
    with open(os.path.join(folder, "swarm.key")) as f:
        return folder, f.read()


def addresses_printed(n):
    """What the node prints at its start, to be pasted elsewhere."""
    return re.findall(r"^address\s+(\S+)$", n.log_tail(), re.M)


def peers_of(n):
    return {p["ID"]: p for p in n.get("/api/v1/peers").ok()["peers"] if p["connected"]}


def check_both_ways(kubo, node, **options):
    """Kubo dials the address that our node prints; then a second node dials Kubo by --bootstrap."""
    ours = node(**options)
    [address] = addresses_printed(ours)
    kubo.cli("swarm", "connect", address)
    our_id = address.rsplit("/", 1)[1]
    assert our_id in kubo.peers()
    wait_until(lambda: peers_of(ours).get(kubo.id, {}).get("agent"), 10, lambda: "our node has identified Kubo")
    seen = peers_of(ours)[kubo.id]
    assert seen["direction"] == "incoming" and seen["agent"].startswith("kubo/0.42.0")
    assert "/ipfs/bitswap/1.2.0" in seen["protocols"]
    assert f"/ip4/127.0.0.1/tcp/{kubo.port}" in seen["Addrs"]
    assert kubo.cli("ping", "-n", "3", our_id).count("Pong received") == 3
    about_us = kubo.cli("id", our_id)
    assert '"AgentVersion": "distromash/' in about_us and "/ipfs/ping/1.0.0" in about_us and address in about_us
    ours.stop()
    wait_until(lambda: our_id not in kubo.peers(), 10, lambda: "Kubo sees that our node has left")

    options["args"] = [*options.get("args", []), "--bootstrap", kubo.address]
    dialler = node(**options)
    wait_until(lambda: peers_of(dialler).get(kubo.id, {}).get("agent"), 10, lambda: "our node has dialled Kubo")
    assert peers_of(dialler)[kubo.id]["direction"] == "outgoing"
    [address] = addresses_printed(dialler)
    assert address.rsplit("/", 1)[1] in kubo.peers()
    assert kubo.id in dialler.cli("peers").stdout


def test_connects_pings_and_identifies_both_ways(kubo, node):
    check_both_ways(kubo(), node)


def test_the_same_in_a_private_network(kubo, node):
    from lib.node import binary_path
    folder, key = private_folder(binary_path())
    check_both_ways(kubo(swarm_key=key), node, data_dir=folder)


def test_finds_peers_by_the_file_peerstore_and_redials_them(kubo, node):
    there = kubo()
    ours = node()
    with open(os.path.join(ours.data_dir, "peerstore"), "w") as f:
        f.write(f"# our Kubo\n\n{there.address.replace('/p2p/', '/ipfs/')}\n")
    ours.restart()
    wait_until(lambda: there.id in peers_of(ours), 10, lambda: "our node has dialled the peer in its peerstore")
    there.cli("swarm", "disconnect", f"/p2p/{peer_id(ours)}")
    wait_until(lambda: peer_id(ours) in there.peers(), 20, lambda: "our node has dialled again")


def peer_id(n):
    return n.get("/api/v1/health").ok()["peer"]


@pytest.mark.parametrize("who_has_the_key", ["kubo", "node", "each another"])
def test_refuses_each_other_without_the_shared_key(kubo, node, who_has_the_key):
    from lib.node import binary_path
    folder, key = private_folder(binary_path())
    _, other_key = private_folder(binary_path())
    there = kubo(swarm_key={"kubo": key, "node": None, "each another": other_key}[who_has_the_key])
    ours = node(args=["--bootstrap", there.address], **({} if who_has_the_key == "kubo" else {"data_dir": folder}))
    [address] = addresses_printed(ours)
    assert there.run("swarm", "connect", address, timeout=60).returncode != 0
    wait_until(lambda: "known peer cannot be reached" in ours.log_tail(100_000), 40,
               lambda: "our node has given up the first attempt")
    assert there.peers() == [] and peers_of(ours) == {}
