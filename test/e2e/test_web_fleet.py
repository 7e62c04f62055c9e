"""The web application before three real nodes, each in a network of its own: the operator's tour, and every page."""
import os
import re

import pytest
from lib import browser as browser_lib
from lib import images, proxy
from lib.lan import Lan, LanNode
from lib.system import wait_until

MIB = 1 << 20
# The link to the registry: slow enough that filling can be watched.
UPSTREAM_RATE = 4 * MIB
IMAGE = "shop/till:2.1"

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


def row(page, text):
    return page.get_by_role("row").filter(has_text=text)


def copies(page, there, wanted):
    """Waits until the list says how many nodes have the image, of how many that shall."""
    row(page, IMAGE).get_by_role("cell", name=f"{there}/{wanted}", exact=True).wait_for(timeout=60_000)


def test_the_tour(tab, fleet):
    overview = tab()
    page = overview.page
    page.get_by_text("3 of 3 nodes online").wait_for()
    page.get_by_role("button", name="Apply a strategy").click()
    page.get_by_label("Image", exact=True).fill(IMAGE)
    page.get_by_label("Percentage", exact=True).fill("50")
    page.get_by_role("button", name="Show what would change").click()
    page.get_by_text("2 of 3 nodes have it then.").wait_for()
    assert overview.violations() == []
    shot(page, "apply")
    page.get_by_role("button", name="Apply", exact=True).click()

    # It fills: on one page the bytes, on the other the nodes.
    moving = tab("/transfer", node=importing_node(fleet))
    moving.page.get_by_role("progressbar").first.wait_for()
    moving.page.get_by_text(re.compile(r"\w+: .* of 11\.\d MiB, .*/s, .* left")).wait_for()
    moving.page.get_by_text(re.compile(r"\w+: [5-9]\.\d MiB of")).wait_for()
    shot(moving.page, "transfers")
    copies(page, 2, 2)
    shot(page, "strategies")

    page.get_by_role("button", name=f"Edit {IMAGE}").click()
    page.get_by_label("Percentage", exact=True).fill("100")
    page.get_by_role("button", name="Show what would change").click()
    page.get_by_text("3 of 3 nodes have it then.").wait_for()
    page.get_by_role("button", name="Save").click()
    copies(page, 3, 3)
    page.get_by_role("link", name=IMAGE).first.click()
    page.get_by_role("heading", name=IMAGE).wait_for()
    explained = page.get_by_role("table", name="Nodes of this strategy")
    for rank in (1, 2, 3):
        explained.get_by_text(f"rank {rank} of 3 members").wait_for()
    shot(page, "strategy")

    # A node dies: seen, said where the node is listed and on its own page, and seen again when it is back.
    victim = peer_of(fleet[2])
    fleet[2].kill()
    page.get_by_text("2 of 3 nodes online").wait_for(timeout=60_000)
    page.get_by_role("link", name="Nodes", exact=True).click()
    row(page, victim[-8:]).get_by_text("offline").wait_for()
    shot(page, "nodes")
    page.goto(f"http://{fleet[0].api_address}/peers/{victim}")
    page.get_by_role("heading", name=victim).wait_for()
    page.get_by_role("definition").filter(has_text="offline").wait_for()
    page.get_by_role("button", name="Forget this node").click()
    page.get_by_role("dialog").get_by_text(f"distromash node forget {victim}").wait_for()
    page.get_by_role("button", name="Forget", exact=True).click()
    page.get_by_text("2 of 2 nodes online").wait_for()
    page.get_by_role("button", name="Undo").click()
    page.get_by_text("2 of 3 nodes online").wait_for()
    row(page, victim[-8:]).get_by_role("link").click()
    page.get_by_role("heading", name=victim).wait_for()
    page.get_by_role("button", name="Edit the labels").click()
    page.get_by_label("One key=value a line").fill("site=attic")
    page.get_by_role("dialog").get_by_text(f"distromash node label {victim} site=attic").wait_for()
    page.get_by_role("button", name="Save").click()
    page.get_by_role("definition").get_by_text("site=attic").wait_for()
    fleet[2].start()
    page.get_by_text("3 of 3 nodes online").wait_for(timeout=60_000)

    page.goto(f"http://{fleet[0].api_address}/strategy")
    page.get_by_role("button", name=f"Remove {IMAGE}").click()
    page.get_by_text("3 nodes have the image for it.").wait_for()
    page.get_by_role("button", name="Remove", exact=True).click()
    page.get_by_text("No strategies yet").wait_for()
    for node in fleet:
        wait_until(lambda: node.get("/api/v1/strategy").ok()["strategies"] == [], 30, lambda: "it is gone everywhere")


def importing_node(fleet):
    """Which node has begun to fetch; the page that is looked at may be that of another."""
    def find():
        return next((i for i, n in enumerate(fleet) if any(
            t["state"] == "running" for t in n.get("/api/v1/transfer").ok()["transfers"])), None)
    return wait_until(lambda: (find() or 0) + 1 if find() is not None else 0, 20, lambda: "somebody imports") - 1


PAGES = {"start": "/", "strategies": "/strategy", "strategy": "/strategy/{id}", "images": "/image",
         "image": "/image/busybox%3A1.35.0", "nodes": "/peers", "node": "/peers/{peer}", "other-node": "/peers/{other}",
         "transfers": "/transfer", "state": "/crdt", "no-strategy": "/strategy/none", "no-image": "/image/none",
         "no-node": "/peers/none"}
LOOKS = {"light": {"color_scheme": "light"}, "dark": {"color_scheme": "dark"},
         "narrow": {"viewport": {"width": 360, "height": 740}, "color_scheme": "light"},
         "4k": {"viewport": {"width": 3840, "height": 2160}, "color_scheme": "dark"}}


@pytest.mark.parametrize("look", LOOKS)
def test_every_page_can_be_linked_to_and_is_accessible(tab, fleet, look):
    identity = fleet[0].apply("busybox:1.35.0").ok()["strategy"]["id"]
    for node in fleet:
        wait_until(lambda: holds(node, identity), 60, lambda: "every node has the image")
    t = tab(**LOOKS[look])
    t.expect_complaint("404")
    t.expect_complaint("400")  # of the id that is none
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
