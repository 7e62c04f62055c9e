"""Pubsub and the shared state between peers of ours (mesh_peer) and of Go (go/mesh: go-ds-crdt), both ways."""
import json
import os
import queue
import random
import subprocess
import threading
import time

import pytest

from conftest import built

class Peer:
    """Commands in, lines out; what it hears on the topic `chat` is kept apart."""

    def __init__(self, *command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        self.answers = queue.Queue()
        self.heard = []
        threading.Thread(target=self._read, daemon=True).start()
        self.address = self._answer().removeprefix("ready ")
        self.heard.clear()

    def _read(self):
        for line in self.process.stdout:
            if line.startswith("heard "):
                self.heard.append(line[6:].strip())
            else:
                self.answers.put(line.strip())

    def _answer(self):
        return self.answers.get(timeout=60)

    def __call__(self, *words):
        self.process.stdin.write(" ".join(str(w) for w in words) + "\n")
        answer = self._answer()
        assert not answer.startswith("error"), answer
        return answer

    def connect(self, other):
        self("connect", other.address)

    def map(self):
        return json.loads(self("dump").removeprefix("dump "))

    def stop(self):
        self.process.stdin.close()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@pytest.fixture
def peers(tmp_path):
    made = []
    go = built("mesh")

    def make(kind):
        folder = tmp_path / str(len(made))
        folder.mkdir()
        made.append(Peer(os.environ["MESH_PEER"], folder) if kind == "ours" else Peer(go, kind))
        return made[-1]
    yield make
    for p in made:
        p.stop()


def until(holds, seconds=60):
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.05)


def same(*peers):
    maps = [p.map() for p in peers]
    return all(m == maps[0] for m in maps)


@pytest.mark.parametrize("kind", ["rsa", "ed25519"])
def test_messages_go_both_ways(peers, kind):
    ours, theirs = peers("ours"), peers(kind)
    ours.connect(theirs)
    for number in range(20):
        until(lambda: ours("publish", "chat", f"ours {number}") and f"ours {number}" in theirs.heard)
        until(lambda: theirs("publish", "chat", f"theirs {number}") and f"theirs {number}" in ours.heard)


def test_we_forward_between_go_peers(peers):
    left, ours, right = peers("rsa"), peers("ours"), peers("ed25519")
    left.connect(ours)
    right.connect(ours)
    until(lambda: left("publish", "chat", "from the left") and "from the left" in right.heard)
    until(lambda: right("publish", "chat", "from the right") and "from the right" in left.heard)


@pytest.mark.parametrize("kind", ["rsa", "ed25519"])
def test_keys_go_both_ways(peers, kind):
    ours, theirs = peers("ours"), peers(kind)
    theirs.connect(ours)
    ours("put", "/from/us", "1")
    until(lambda: theirs.map().get("/from/us") == "1")
    theirs("put", "/from/them", "2")
    until(lambda: ours.map().get("/from/them") == "2")
    ours("put", "/from/them", "3")
    until(lambda: theirs.map().get("/from/them") == "3")
    theirs("del", "/from/us")
    until(lambda: "/from/us" not in ours.map())
    ours("del", "/from/them")
    until(lambda: theirs.map() == {} and same(ours, theirs))


def test_a_thousand_keys_with_overwrites_and_deletes_converge_after_each_was_away(peers):
    ours, theirs = peers("ours"), peers("rsa")
    draw = random.Random(5)

    def write(peer, count, name):
        for number in range(count):
            key = f"/k{draw.randrange(1000)}"
            if draw.random() < 0.15:
                peer("del", key)
            else:
                peer("put", key, f"{name} {number}")

    ours.connect(theirs)
    write(ours, 300, "ours")
    write(theirs, 300, "theirs")
    until(lambda: same(ours, theirs), 120)
    assert len(ours.map()) > 300
    for away in range(2):  # both write while they are apart
        ours("disconnect")
        write(ours, 200, f"ours apart {away}")
        write(theirs, 200, f"theirs apart {away}")
        assert not same(ours, theirs)
        (ours if away else theirs).connect(theirs if away else ours)
        until(lambda: same(ours, theirs), 180)
    for number in range(1000):
        (ours if number % 2 else theirs)("put", f"/k{number}", f"last {number}")
    until(lambda: same(ours, theirs), 120)
    assert len(ours.map()) == 1000


def test_a_go_joiner_gets_our_state_and_we_get_theirs(peers):
    ours, theirs = peers("ours"), peers("ed25519")
    for number in range(100):
        ours("put", f"/ours/{number}", number)
    theirs("put", "/theirs", "x")
    theirs.connect(ours)
    until(lambda: same(ours, theirs) and len(ours.map()) == 101)
