"""Four nodes with a Docker each: a strategy holds on exactly the share of them that it names, without a coordinator."""
import pytest
from lib import dockerd as dockerd_lib
from lib import proxy
from lib.system import wait_until
from test_mesh import address, everybody_knows, nodes_seen_by, peer_id

NAME = "busybox:1.35.0"
NODES = 4
GRACE = 6  # seconds; a substitute goes a third of that after the owner is back


@pytest.fixture(scope="module")
def dockers():
    reason = dockerd_lib.why_not()
    if reason:
        pytest.skip(reason)
    return [dockerd_lib.Dockerd() for _ in range(NODES)]


@pytest.fixture
def counted(upstream):
    p = proxy.CountingProxy(upstream.address)
    yield p
    p.close()


@pytest.fixture
def fleet(start_node, dockers, counted):
    for d in dockers:
        assert NAME not in d.images(), "a test left something behind"
    nodes = []
    for d in dockers:
        args = ["--offline-grace", f"{GRACE}s"]
        if nodes:
            args += ["--bootstrap", address(nodes[0])]
        nodes.append(start_node(upstream={"docker.io": counted.url}, docker=d, args=args))
    everybody_knows(nodes)
    return nodes


def having(dockers):
    return [i for i, d in enumerate(dockers) if NAME in d.images()]


def strategy(node):
    """The only one; as if nobody had it while the node has not heard of it."""
    return (node.get("/api/v1/strategy").ok()["strategies"] or [{"desired": 0, "actual": 0, "nodes": []}])[0]


def everybody_says(nodes, count):
    """Every node's API shows so many nodes chosen, and all of them done."""
    for n in nodes:
        wait_until(lambda: (strategy(n)["desired"], strategy(n)["actual"]) == (count, count), 90,
                   lambda: f"{count} have it: {strategy(n)}")


def remove_everywhere(nodes, dockers):
    row = strategy(nodes[0])
    assert nodes[-1].delete(f"/api/v1/strategy/{row['id']}").ok()
    wait_until(lambda: not having(dockers), 60, lambda: f"it is gone from {having(dockers)}")


def test_a_share_is_exact_and_comes_from_upstream_once(fleet, dockers, counted, busybox):
    tried = fleet[1].post("/api/v1/strategy?dry_run=1", {"type": "percentage", "nametag": NAME, "percentage": 50}).ok()
    assert sum(n["gains"] for n in tried["dry_run"]["nodes"]) == 2
    before = set()
    for percentage, count in ((50, 2), (51, 3), (100, 4)):
        assert fleet[percentage % NODES].apply(NAME, percentage=percentage).ok()
        everybody_says(fleet, count)
        # As everybody says that it is settled, nobody else is about to have it.
        now = set(having(dockers))
        assert len(now) == count and now >= before, "raising the share only adds"
        before = now
    blobs = sum(n for path, n in counted.sent.items() if "/blobs/" in path)
    assert 0 < blobs <= 1.05 * busybox.size, counted.sent

    user = dockers[2].create_container(NAME)
    row = strategy(fleet[0])
    assert fleet[3].delete(f"/api/v1/strategy/{row['id']}").ok()
    wait_until(lambda: having(dockers) == [2], 60, lambda: f"only one still has it: {having(dockers)}")
    shown = fleet[2].get("/api/v1/image").ok()["images"][0]
    assert shown["state"] == "kept" and "used by container" in shown["reason"], shown
    dockers[2].remove_container(user)
    wait_until(lambda: not having(dockers), 30, lambda: f"it goes with the container: {having(dockers)}")


def test_lowering_a_share_takes_the_image_away_where_it_is_not_wanted(fleet, dockers):
    assert fleet[0].apply(NAME, percentage=100).ok()
    everybody_says(fleet, 4)
    assert fleet[1].apply(NAME, percentage=25).ok()
    wait_until(lambda: len(having(dockers)) == 1, 60, lambda: f"one has it: {having(dockers)}")
    everybody_says(fleet, 1)
    remove_everywhere(fleet, dockers)


def test_a_node_that_is_gone_is_replaced_after_the_grace_and_takes_over_when_it_is_back(fleet, dockers):
    assert fleet[0].apply(NAME, percentage=50).ok()
    everybody_says(fleet, 2)
    first = having(dockers)
    gone = first[1]
    gone_id = peer_id(fleet[gone])
    rest = [n for i, n in enumerate(fleet) if i != gone]
    fleet[gone].stop()
    for n in rest:
        wait_until(lambda: nodes_seen_by(n)[gone_id]["state"] == "offline", 5,
                   lambda: "a farewell is heard at once")
        assert strategy(n)["actual"] == 1
    others = [i for i in range(NODES) if i not in first]
    wait_until(lambda: any(NAME in dockers[i].images() for i in others), 60, lambda: "another has taken its place")
    assert sum(NAME in dockers[i].images() for i in others) == 1
    fleet[gone].start()
    wait_until(lambda: having(dockers) == first, 60, lambda: f"the owners have it, nobody else: {having(dockers)}")
    everybody_says(fleet, 2)
    remove_everywhere(fleet, dockers)


def test_labels_select_and_are_changed_from_any_node(fleet, dockers):
    chosen = peer_id(fleet[2])
    done = fleet[1].cli("node", "label", chosen, "site=store", check=True)
    assert "site=store" in done.stdout
    assert fleet[3].apply(NAME, percentage=100, selector={"site": "store"}).ok()
    wait_until(lambda: having(dockers) == [2], 60, lambda: f"it is where the label is: {having(dockers)}")
    uncounted = [n for n in strategy(fleet[0])["nodes"] if "rank" not in n]
    assert len(uncounted) == 3 and not any(n["chosen"] for n in uncounted)
    fleet[0].cli("node", "label", chosen, "site-", check=True)
    fleet[0].cli("node", "label", peer_id(fleet[3]), "site=store", check=True)
    wait_until(lambda: having(dockers) == [3], 60, lambda: f"it has moved: {having(dockers)}")
    remove_everywhere(fleet, dockers)


def test_a_node_is_forgotten_once_it_is_gone(fleet):
    gone = peer_id(fleet[3])
    assert fleet[0].request("DELETE", f"/api/v1/peers/{gone}").status == 409
    fleet[3].stop()
    wait_until(lambda: nodes_seen_by(fleet[0])[gone]["state"] == "offline", 5, lambda: "its farewell is heard")
    fleet[0].cli("node", "forget", gone, check=True)
    for n in fleet[:3]:
        wait_until(lambda: gone not in nodes_seen_by(n), 10, lambda: "it is no member")
