"""Boxes on one local network find each other with no configuration; --no-mdns keeps a node to itself."""
import os
import re

import pytest
from lib.lan import Lan
from lib.node import binary_path
from lib.system import Daemon, run, temporary_directory, wait_until

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


class Box:
    def __init__(self, space, *args):
        self.space = space
        folder = temporary_directory()
        self.log = os.path.join(folder, "log")
        self.daemon = Daemon(["ip", "netns", "exec", space, binary_path(), "run", "--data-dir", os.path.join(folder, "data"),
                              "--engine", "none", "--open-mesh", *args], self.log)
        wait_until(self.is_up, 20, lambda: f"the node is up:\n{open(self.log).read()[-2000:]}")
        self.id = re.search(r"^address\s+\S+/p2p/(\S+)$", open(self.log).read(), re.M)[1]

    def ask(self, path):
        p = run(["ip", "netns", "exec", self.space, "curl", "-sf", f"http://127.0.0.1:3000{path}"], timeout=20)
        return p.stdout if p.returncode == 0 else ""

    def is_up(self):
        return "peer" in self.ask("/api/v1/health")

    def knows(self, other):
        return other.id in self.ask("/api/v1/peers")


@pytest.fixture
def lan():
    made = Lan(3)
    yield made
    made.close()


@pytest.fixture
def box(lan):
    started = []

    def start(i, *args):
        started.append(Box(lan.spaces[i], *args))
        return started[-1]

    yield start
    for one in started:
        one.daemon.stop()


def test_nodes_on_one_network_find_each_other(box):
    first, second = box(0), box(1)
    wait_until(lambda: first.knows(second) and second.knows(first), 20, lambda: "both are connected")


def test_no_mdns_keeps_a_node_to_itself(box):
    quiet, first, second = box(2, "--no-mdns"), box(0), box(1)
    wait_until(lambda: first.knows(second), 20, lambda: "the others are connected")
    assert not first.knows(quiet) and not quiet.knows(first) and not quiet.knows(second)
