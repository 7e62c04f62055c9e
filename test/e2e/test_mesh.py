"""Several nodes that share their state and know of each other."""
import time

import pytest
from lib.system import wait_until


def peer_id(node):
    return node.get("/api/v1/health").ok()["peer"]


def address(node):
    return f"/ip4/127.0.0.1/tcp/{node.p2p_port}/p2p/{peer_id(node)}"


def nodes_seen_by(node):
    return {n["peer"]: n for n in node.get("/api/v1/node").ok()["nodes"]}


def value(node, key):
    answer = node.get(f"/api/v1/crdt/{key}")
    return answer.ok()["crdt"]["value"] if answer.status == 200 else None


def connected(node):
    return {p["ID"] for p in node.get("/api/v1/peers").ok()["peers"] if p["connected"]}


def everybody_knows(nodes):
    ids = {peer_id(n) for n in nodes}
    for n in nodes:
        wait_until(lambda: set(nodes_seen_by(n)) == ids, 20, lambda: f"{nodes_seen_by(n)} are all nodes")


@pytest.fixture
def pair(start_node, upstream, busybox):
    first = start_node(upstream={"docker.io": upstream.url})
    second = start_node(upstream={"docker.io": upstream.url}, args=["--bootstrap", address(first)])
    everybody_knows([first, second])
    return first, second


def test_a_strategy_of_one_node_is_one_of_the_other(pair):
    first, second = pair
    assert first.apply("busybox:1.35.0", percentage=100).ok()
    wait_until(lambda: second.get("/api/v1/strategy").ok()["strategies"], 10, lambda: "the strategy has come")
    row, = second.get("/api/v1/strategy").ok()["strategies"]
    assert (row["nametag"], row["percentage"]) == ("busybox:1.35.0", 100)
    for node in pair:
        node.wait_told("busybox:1.35.0", "loaded|held|stored", 60)
    assert second.delete(f"/api/v1/strategy/{row['id']}").ok()
    wait_until(lambda: not first.get("/api/v1/strategy").ok()["strategies"], 10, lambda: "the strategy is gone")


def test_an_image_comes_from_a_peer_where_no_registry_can_be_reached(start_node, upstream, busybox):
    first = start_node(upstream={"docker.io": upstream.url})
    second = start_node(upstream={"docker.io": "http://127.0.0.1:1"}, args=["--bootstrap", address(first)])
    everybody_knows([first, second])
    assert first.apply("busybox:1.35.0", percentage=100).ok()
    wait_until(lambda: holds(second), 60, lambda: f"{second.get('/api/v1/strategy').ok()} is held")
    for digest in busybox.blobs:
        assert second.registry_request("HEAD", f"/v2/busybox/blobs/{digest}").status == 200


def test_half_of_two_nodes_is_one(pair):
    assert pair[0].apply("busybox:1.35.0", percentage=50).ok()
    wait_until(lambda: sum(holds(n) for n in pair) == 1, 60, lambda: "one node has the image")
    # The other has come to its own verdict, on the state in which the first one has the image.
    assert pair[0].post("/api/v1/crdt", {"key": "later", "value": "1"}).ok()
    wait_until(lambda: value(pair[1], "later") == "1", 10, lambda: "what came later is known")
    wait_until(lambda: {own_row(n).get("chosen") for n in pair} == {False, True}, 10,
               lambda: "one node says that it is chosen, the other that it is not")
    assert sum(holds(n) for n in pair) == 1


def own_row(node):
    """What a node says of itself in the only strategy; empty before it knows it."""
    row, = node.get("/api/v1/strategy").ok()["strategies"] or [{"nodes": []}]
    return next((n for n in row["nodes"] if n["self"]), {})


def holds(node):
    """Whether a node says that it has the image, and that it should."""
    own = own_row(node)
    return bool(own.get("chosen")) and own["state"] in ("stored", "loaded")


def test_raw_keys_are_shared_and_survive(pair):
    first, second = pair
    assert first.post("/api/v1/crdt", {"key": "raw/key", "value": "1"}).ok()
    wait_until(lambda: value(second, "raw%2Fkey") == "1", 10, lambda: "the key has come")
    second.kill()
    assert first.post("/api/v1/crdt", {"key": "raw/key", "value": "2"}).ok()
    assert first.post("/api/v1/crdt", {"key": "other", "value": "3"}).ok()
    second.start()
    wait_until(lambda: value(second, "raw%2Fkey") == "2" and value(second, "other") == "3", 20,
               lambda: "what was missed has come")


def test_what_is_written_on_one_node_is_on_the_other_at_once(pair):
    first, second = pair
    took = []
    for number in range(21):
        begin = time.monotonic()
        assert first.post("/api/v1/crdt", {"key": f"timed{number}", "value": "x"}).ok()
        while value(second, f"timed{number}") != "x":
            assert time.monotonic() < begin + 10
        took.append(time.monotonic() - begin)
    print("from POST to the other node's answer, ms:", sorted(round(t * 1000) for t in took))
    assert sorted(took)[10] < 0.25, took  # 50 ms on a machine with nothing else to do


def test_a_strategy_survives_the_node_that_took_it_when_that_is_killed_right_after_its_answer(pair):
    first, second = pair
    for percentage in range(10, 60, 10):
        assert first.apply("busybox:1.35.0", percentage=percentage, execute=percentage == 50).ok()
        first.kill()
        wait_until(lambda: [s["percentage"] for s in second.get("/api/v1/strategy").ok()["strategies"]] == [percentage],
                   20, lambda: f"the other has {percentage} %")
        if percentage < 50:
            first.start()
            everybody_knows([first, second])
            wait_until(lambda: len(connected(second)) == 1, 20, lambda: "they are connected again")
            assert [s["percentage"] for s in first.get("/api/v1/strategy").ok()["strategies"]] == [percentage]
    # The one that is left resolves nothing anew: it carries out what was accepted.
    assert second.delete("/api/v1/strategy/percentage-busybox:1.35.0-50-active").ok()
    first.start()
    wait_until(lambda: not first.get("/api/v1/strategy").ok()["strategies"], 20, lambda: "it hears of the removal")


def test_a_node_that_stops_or_dies_is_noticed(start_node):
    first = start_node()
    second = start_node(args=["--bootstrap", address(first)])
    third = start_node(args=["--bootstrap", address(first)])
    everybody_knows([first, second, third])
    gone = [peer_id(second), peer_id(third)]
    second.stop()
    for node in (first, third):
        wait_until(lambda: nodes_seen_by(node)[gone[0]]["state"] == "offline", 3, lambda: "its farewell is heard")
    third.kill()
    wait_until(lambda: not nodes_seen_by(first)[gone[1]]["online"], 40, lambda: "its end is noticed")
    assert nodes_seen_by(first)[peer_id(first)]["online"]
    second.start()
    wait_until(lambda: nodes_seen_by(first)[gone[0]]["online"], 20, lambda: "its return is noticed")
