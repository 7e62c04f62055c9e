"""The web application before three real nodes, each in a network of its own."""
import os

import pytest
from lib import browser as browser_lib
from lib import images, proxy
from lib.lan import Lan, LanNode
from lib.system import wait_until

MIB = 1 << 20
# The link to the registry: slow enough that filling can be watched.
UPSTREAM_RATE = 4 * MIB

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


@pytest.fixture(scope="module")
def browser():
    reason = browser_lib.why_not()
    if reason:
        pytest.skip(reason)
    b = browser_lib.Browser()
    yield b
    b.close()


@pytest.fixture(scope="module")
def fleet(binary, upstream, busybox):
    upstream.push(images.random_layers(12, 3, seed="till"), "shop/till", "2.1")
    link = proxy.CountingProxy(upstream.address, rate=UPSTREAM_RATE)
    lan = Lan(3)
    nodes = []
    for i in range(3):
        first = ["--bootstrap", f"{nodes[0].p2p_address}/p2p/{peer_of(nodes[0])}"] if nodes else []
        nodes.append(LanNode(binary, lan, i, upstream={"docker.io": link.url}, args=["--label", f"site=store-{i}", *first]))
    for n in nodes:
        wait_until(lambda: len(n.get("/api/v1/node").ok()["nodes"]) == 3, 30, lambda: "every node knows every node")
    yield nodes
    for n in nodes:
        n.end_of_test()
    link.close()
    lan.close()


@pytest.fixture
def tab(browser, fleet):
    tabs = []

    def open_tab(path="/", node=0, **options):
        tabs.append(browser_lib.Tab(browser, fleet[node].api_address, **options))
        tabs[-1].open(path)
        return tabs[-1]
    yield open_tab
    for t in tabs:
        t.close()


def peer_of(node):
    return node.get("/api/v1/health").ok()["peer"]


def holds(node, identity):
    """Whether a node says of itself that it has the image of a strategy."""
    return any(n["self"] and n["state"] == "stored" for n in node.strategy(identity)["nodes"])


def shot(page, name):
    if browser_lib.shots_directory():
        page.screenshot(path=f"{browser_lib.shots_directory()}/{name}.png")


PAGES = {"start": "/", "strategies": "/strategy", "strategy": "/strategy/{id}", "images": "/image",
         "image": "/image/busybox%3A1.35.0", "nodes": "/peers", "node": "/peers/{peer}", "other-node": "/peers/{other}",
         "transfers": "/transfer", "state": "/crdt", "no-strategy": "/strategy/none", "no-image": "/image/none",
         "no-node": "/peers/none"}
LOOKS = {"light": {"color_scheme": "light"}, "dark": {"color_scheme": "dark"},
         "narrow": {"viewport": {"width": 360, "height": 740}, "color_scheme": "light"}}


@pytest.mark.parametrize("look", LOOKS)
def test_every_page_can_be_linked_to_and_is_accessible(tab, fleet, look):
    identity = fleet[0].apply("busybox:1.35.0").ok()["strategy"]["id"]
    for node in fleet:
        wait_until(lambda: holds(node, identity), 60, lambda: "every node has the image")
    t = tab(**LOOKS[look])
    t.expect_complaint("404")
    found = {}
    for name, path in PAGES.items():
        page = t.open(path.format(id=identity, peer=peer_of(fleet[0]), other=peer_of(fleet[1])))
        page.get_by_role("region", name="Overview").wait_for()
        page.get_by_text("Asking this node…").first.wait_for(state="detached")
        bad = t.violations() + (["wider than the window"] if t.overflows() else [])
        if bad:
            found[name] = bad
        shot(page, f"{name}-{look}")
    assert not found
