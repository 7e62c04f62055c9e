"""Peers that lie, stall and flood before a real node: it stays up and small, and an honest transfer beside them completes.

The tests of host and protocols (src/**/*hostile*_test.cpp) go through each limit; here all of a node is attacked over TCP.
"""
import threading

import pytest
from lib import attacks, images
from lib.node import Node
from lib.swarm import NOWHERE, address, wait_stored
from lib.system import MIB, in_thread

RSS_MAX = 64 * MIB
NAME = "besieged:1"


@pytest.fixture(scope="module")
def image():
    return images.random_layers(20, seed="besieged")


@pytest.fixture(scope="module")
def holder(binary, upstream, image):
    """A node with an image that every node of its mesh shall have; a transfer takes 2 s."""
    upstream.push(image, "library/besieged", "1")
    node = Node(binary, upstream={"docker.io": upstream.url}, args=["--upload-limit", "10MB"])
    node.cli("image", "import", NAME, check=True, timeout=120)
    assert node.apply(NAME).ok()
    yield node
    node.end_of_test()


def attack_until(attack, to, stop, began):
    """Rounds of the attack until `stop`, one at least; how many."""
    rounds = 0
    while not rounds or not stop.is_set():
        began.set()
        attack(to, stop)
        rounds += 1
    return rounds


@pytest.mark.parametrize("attack", attacks.ALL, ids=lambda a: a.__name__)
def test_an_honest_transfer_completes_beside(holder, start_node, attack):
    stop, began = threading.Event(), threading.Event()
    attacking = in_thread(attack_until, attack, f"127.0.0.1:{holder.p2p_port}", stop, began)
    try:
        assert began.wait(10)
        honest = start_node(upstream=NOWHERE, args=["--bootstrap", address(holder)])
        wait_stored(honest, NAME)
    finally:
        stop.set()
    rounds = attacking.result(60)
    honest.cli("store", "verify", check=True)
    memory = holder.memory()
    print(f"{attack.__name__}: {rounds} rounds, peak RSS of the node {memory['VmHWM'] / MIB:.1f} MiB")
    assert holder.running() and memory["VmHWM"] <= RSS_MAX, memory
