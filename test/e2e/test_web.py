"""The web application in a real browser, against real nodes."""
import os
import re
import shutil
import urllib.parse

import pytest

from lib import browser as browser_lib
from lib import fake_registry, images
from lib.system import run, temporary_directory, wait_until

SCRIPT = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def browser():
    reason = browser_lib.why_not()
    if reason:
        pytest.skip(reason)
    b = browser_lib.Browser()
    yield b
    b.close()


@pytest.fixture
def node(start_node, upstream, busybox):
    return start_node(upstream={"docker.io": upstream.url})


@pytest.fixture
def tab(browser, node):
    tabs = []

    def open_tab(path="/", **options):
        tabs.append(browser_lib.Tab(browser, node.api_address, **options))
        tabs[-1].open(path)
        return tabs[-1]
    yield open_tab
    for t in tabs:
        t.close()


def fill_strategy(page, image, percentage):
    page.get_by_label("Image", exact=True).fill(image)
    page.get_by_label("Percentage", exact=True).fill(str(percentage))


def row(page, text):
    return page.get_by_role("row").filter(has_text=text)


def test_a_strategy_is_applied_raised_and_removed(tab, node):
    page = tab().page
    page.get_by_text("No strategies yet").wait_for()
    page.get_by_role("button", name="Apply a strategy").click()
    fill_strategy(page, "busybox:1.35.0", 50)
    page.get_by_role("dialog").get_by_text("distromash strategy apply busybox:1.35.0 --percentage 50").wait_for()
    page.get_by_role("button", name="Show what would change").click()
    page.get_by_text("1 of 1 node has it then.").wait_for()
    assert node.get("/api/v1/strategy").ok()["strategies"] == []
    page.get_by_role("button", name="Apply", exact=True).click()
    row(page, "busybox:1.35.0").get_by_text("stored").wait_for()
    row(page, "busybox:1.35.0").get_by_text("50 %").wait_for()

    page.get_by_role("button", name="Edit busybox:1.35.0").click()
    page.get_by_label("Percentage", exact=True).fill("100")
    page.get_by_role("button", name="Save").click()
    row(page, "busybox:1.35.0").get_by_text("100 %").wait_for()
    assert [s["percentage"] for s in node.get("/api/v1/strategy").ok()["strategies"]] == [100]

    page.get_by_role("button", name="Pause busybox:1.35.0").click()
    row(page, "busybox:1.35.0").get_by_text("paused").wait_for()
    page.get_by_role("button", name="Resume busybox:1.35.0").click()
    row(page, "busybox:1.35.0").get_by_text("stored").wait_for()

    page.get_by_role("button", name="Remove busybox:1.35.0").click()
    page.get_by_text("no container uses it").wait_for()
    page.get_by_role("button", name="Remove", exact=True).click()
    page.get_by_text("No strategies yet").wait_for()
    assert node.get("/api/v1/strategy").ok()["strategies"] == []


def test_what_others_do_shows_without_a_click(tab, node):
    page = tab().page
    node.apply("busybox:1.35.0").ok()
    row(page, "busybox:1.35.0").get_by_text("stored").wait_for()
    page.get_by_text("1 of 1 images in place").wait_for()
    assert node.cli("strategy", "rm", "busybox:1.35.0").returncode == 0
    page.get_by_text("No strategies yet").wait_for()


def test_what_is_wrong_is_said_at_its_field(tab, node):
    t = tab()
    page = t.page
    page.get_by_role("button", name="Apply a strategy").click()
    fill_strategy(page, "busybox:1.35.0", 101)
    page.get_by_text("A whole number from 1 to 100.").wait_for()
    assert page.get_by_label("Percentage", exact=True).get_attribute("aria-invalid") == "true"
    assert t.violations() == []
    page.get_by_label("Percentage", exact=True).fill("100")

    # What only the node can tell: this is a CID, but not that of a peer.
    t.expect_complaint("422")
    page.get_by_label("On nodes that I name").check()
    page.get_by_label("Peer ids").fill("bafybeicieit3h4abhx5vtvamibtmsq4uqwzwcx32p4geoour6gybtpdcyq")
    page.get_by_role("button", name="Apply", exact=True).click()
    page.locator("#strategy-target-wrong").wait_for()
    assert page.evaluate("document.activeElement.id") == "strategy-target"
    assert node.get("/api/v1/strategy").ok()["strategies"] == []


def test_an_import_shows_how_far_it_is(browser, start_node, fake):
    fake.push(images.random_layers(4, 2, seed="web"), "library/web", "1")
    node = start_node(upstream={"docker.io": fake.url})
    t = browser_lib.Tab(browser, node.api_address)
    page = t.open("/image")
    page.get_by_text("The fleet knows no images yet").wait_for()
    page.get_by_role("button", name="Import an image").click()
    page.get_by_label("Image", exact=True).fill("web:1")
    page.get_by_role("button", name="Import", exact=True).click()
    page.get_by_role("dialog").get_by_text("done").wait_for()
    page.get_by_role("button", name="Close").last.click()
    row(page, "web:1").get_by_text("3.8 MiB").wait_for()
    page.get_by_role("link", name="web:1").click()
    page.get_by_role("heading", name="web:1").wait_for()
    page.get_by_text("docker pull 127.0.0.1:5005/ciq").wait_for()
    page.get_by_role("button", name="Let go of it here").click()
    page.get_by_role("button", name="Let go", exact=True).click()
    page.get_by_text("The fleet knows no images yet").wait_for()
    t.close()


def test_a_registry_that_is_down_is_said_with_what_to_do(browser, start_node, fake):
    fake.close()
    node = start_node(upstream={"docker.io": fake.url})
    t = browser_lib.Tab(browser, node.api_address)
    page = t.open("/image")
    t.expect_complaint("503")
    page.get_by_role("button", name="Import an image").click()
    page.get_by_label("Image", exact=True).fill("web:1")
    page.get_by_role("button", name="Import", exact=True).click()
    page.get_by_role("alert").get_by_text("cannot be reached from this node").wait_for()
    t.close()


def test_a_lost_connection_shows_and_recovers(tab, node):
    t = tab()
    page = t.page
    node.apply("busybox:1.35.0").ok()
    row(page, "busybox:1.35.0").get_by_text("stored").wait_for()
    t.expect_complaint("ERR_")
    node.kill()
    page.get_by_text("The connection to this node is lost").wait_for()
    assert row(page, "busybox:1.35.0").count() == 1, "what is known stays in sight"
    node.start()
    node.apply("busybox:1.35.0", percentage=70).ok()
    page.get_by_role("button", name="Try now").click()
    row(page, "busybox:1.35.0").get_by_text("70 %").wait_for()
    page.get_by_role("status").filter(has_text="live").wait_for()
    assert page.get_by_text("The connection to this node is lost").count() == 0


def test_nodes_that_connect_and_leave_show(tab, node, start_node):
    t = tab("/peers")
    page = t.page
    page.get_by_text("This node is alone").wait_for()
    line = page.get_by_text("distromash run --bootstrap /ip4/127.0.0.1").first.text_content()
    other = start_node(args=["--bootstrap", line.split()[-1]])
    identity = other.get("/api/v1/node").ok()["node"]["peer"]
    mesh = page.get_by_role("group", name="The mesh: this node is connected to 1 other")
    mesh.wait_for()
    assert t.violations() == []
    mesh.get_by_role("link", name=identity[-8:]).click()
    page.get_by_role("heading", name=identity).wait_for()
    page.get_by_text(re.compile("incoming, distromash")).wait_for()
    page.go_back()
    mesh.wait_for()
    other.kill()
    mesh.wait_for(state="detached")


def test_a_node_is_limited_read_and_cleared(tab, node):
    node.apply("busybox:1.35.0").ok()
    node.wait_told("busybox:1.35.0", "stored")
    peer = node.get("/api/v1/health").ok()["peer"]
    t = tab(f"/peers/{peer}")
    page = t.page
    page.get_by_role("button", name="Change the limits").click()
    page.get_by_label("Sends to peers").fill("fast")
    page.get_by_role("button", name="Change", exact=True).click()
    page.get_by_text("A number of bytes, as in 500KB or 10MB").wait_for()
    assert page.evaluate("document.activeElement.id") == "limit-upload"
    assert t.violations() == []
    page.get_by_label("Sends to peers").fill("2MB")
    page.get_by_text("distromash node limit --upload 2000000 --download 0").wait_for()
    page.get_by_role("button", name="Change", exact=True).click()
    page.get_by_text("Sends at most 1.9 MiB/s, receives as much as it can").wait_for()
    assert node.get("/api/v1/node/limits").ok()["limits"] == {"upload": 2_000_000, "download": 0}

    page.get_by_role("button", name="Read and compare all of it").click()
    page.get_by_text("Every blob is what its digest says.").wait_for()
    page.get_by_text("1 of those that strategies want").wait_for()
    node.delete("/api/v1/strategy/busybox%3A1.35.0").ok()
    page.get_by_text("0 of those that strategies want").wait_for()
    log = page.get_by_role("table", name="Log of this node")
    row(log, "busybox:1.35.0").filter(has_text="the strategy is gone").wait_for()
    row(log, "busybox:1.35.0").filter(has_text="stored").wait_for()
    page.get_by_role("button", name="Remove what nothing keeps").click()
    page.get_by_role("dialog").get_by_text("distromash store gc").wait_for()
    page.get_by_role("button", name="Remove", exact=True).click()
    page.get_by_text(re.compile(r"Freed \d")).wait_for()


def test_a_tree_is_pinned_and_unpinned(tab, node):
    node.apply("busybox:1.35.0").ok()
    node.wait_told("busybox:1.35.0", "stored")
    root = node.get("/api/v1/image/busybox%3A1.35.0").ok()["image"]["root"]
    t = tab(f"/peers/{node.get('/api/v1/health').ok()['peer']}")
    page = t.page
    page.get_by_text("Nothing is pinned.").wait_for()
    page.get_by_role("button", name="Pin a tree").click()
    page.get_by_label("CID of its root").fill("no cid!")
    page.get_by_role("button", name="Pin", exact=True).click()
    page.get_by_text("Paste a CID").wait_for()
    assert page.evaluate("document.activeElement.id") == "pin-cid"
    assert t.violations() == []
    page.get_by_label("CID of its root").fill(root)
    page.get_by_role("dialog").get_by_text(f"distromash pin add {root}").wait_for()
    page.get_by_role("button", name="Pin", exact=True).click()
    pin = page.get_by_role("listitem").filter(has_text=root)
    pin.get_by_role("link", name="busybox:1.35.0").wait_for()
    assert node.get("/api/v1/pin").ok()["pins"] == [root]
    page.get_by_role("button", name=f"Unpin {root}").click()
    page.get_by_role("dialog").get_by_text(f"distromash pin rm {root}").wait_for()
    page.get_by_role("dialog").get_by_role("button", name="Unpin", exact=True).click()
    page.get_by_text("Nothing is pinned.").wait_for()
    page.get_by_role("button", name="Undo").click()
    pin.wait_for()
    explained = node.cli("node", "explain", node.get("/api/v1/health").ok()["peer"], check=True).stdout
    assert "busybox:1.35.0" in explained and "rank 1 of 1 member" in explained, explained
    assert node.cli("pin", "rm", root).returncode == 0
    pin.wait_for(state="detached")


@pytest.fixture
def steered(binary, start_node, upstream, busybox):
    """Two nodes of a private mesh: an operator's, and one that is none."""
    first_folder, second_folder = (os.path.join(temporary_directory(), "data") for _ in range(2))
    assert run([binary, "init", "--data-dir", first_folder]).returncode == 0
    os.mkdir(second_folder)
    for name in ("swarm.key", "operators"):
        shutil.copy(os.path.join(first_folder, name), second_folder)
    first = start_node(data_dir=first_folder, upstream={"docker.io": upstream.url})
    peer = first.get("/api/v1/health").ok()["peer"]
    second = start_node(data_dir=second_folder, upstream={"docker.io": upstream.url},
                        args=["--bootstrap", f"/ip4/127.0.0.1/tcp/{first.p2p_port}/p2p/{peer}"])
    for n in (first, second):
        wait_until(lambda: len(n.get("/api/v1/node").ok()["nodes"]) == 2, 30, lambda: "they know each other")
    return first, second


def test_operators_are_added_and_removed(browser, steered):
    first, second = steered
    peers = [n.get("/api/v1/health").ok()["peer"] for n in steered]
    t, u = (browser_lib.Tab(browser, n.api_address) for n in steered)
    page, other = t.open("/peers"), u.open("/strategy")
    # Who is no operator is told so, and whom to go to.
    u.expect_complaint("403")
    other.get_by_role("button", name="Apply a strategy").click()
    fill_strategy(other, "busybox:1.35.0", 100)
    other.get_by_role("button", name="Apply", exact=True).click()
    alert = other.get_by_role("dialog").get_by_role("alert")
    alert.get_by_text(peers[0]).wait_for()
    alert.get_by_text("Open the page of one of those nodes").wait_for()
    other.get_by_role("button", name="Cancel").click()
    other.get_by_role("link", name="Nodes", exact=True).click()
    other.get_by_text("Only these nodes change strategies").wait_for()
    assert other.get_by_role("button", name="Add an operator").count() == 0

    page.get_by_role("button", name="Add an operator").click()
    page.get_by_label("Peer id of the node").fill("no peer!")
    page.get_by_role("button", name="Add", exact=True).click()
    page.get_by_text("Paste the peer id of a node").wait_for()
    assert page.evaluate("document.activeElement.id") == "operator-peer"
    assert t.violations() == []
    page.get_by_label("Peer id of the node").fill(peers[1])
    page.get_by_role("dialog").get_by_text(f"distromash operator add {peers[1]}").wait_for()
    page.get_by_role("button", name="Add", exact=True).click()
    page.get_by_role("listitem").filter(has_text=peers[1][-8:]).get_by_text("added by").wait_for()
    other.get_by_role("button", name="Add an operator").wait_for()  # it has heard
    assert second.apply("busybox:1.35.0").ok()
    wait_until(lambda: len(first.get("/api/v1/strategy").ok()["strategies"]) == 1, 20, lambda: "the first obeys")

    page.get_by_role("button", name="Remove operator").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Drop what it has signed").check()
    dialog.get_by_text(f"distromash operator rm {peers[1]} --drop-records").wait_for()
    assert t.violations() == []
    dialog.get_by_label("Drop what it has signed").uncheck()
    dialog.get_by_role("button", name="Remove", exact=True).click()
    page.get_by_text("signed by this node now").wait_for()
    other.get_by_text("Only these nodes change strategies").wait_for()
    page.get_by_role("button", name="Undo").click()
    other.get_by_role("button", name="Add an operator").wait_for()
    t.close()
    u.close()


def test_what_is_still_wanted_is_not_let_go_of(tab, node):
    node.post("/api/v1/image", {"ref": "busybox:1.35.0"}).ok()
    node.apply("busybox:1.35.0").ok()
    node.wait_told("busybox:1.35.0", "stored")
    t = tab("/image/busybox%3A1.35.0")
    t.expect_complaint("409")
    t.page.get_by_role("button", name="Let go of it here").click()
    t.page.get_by_role("button", name="Let go", exact=True).click()
    alert = t.page.get_by_role("dialog").get_by_role("alert")
    alert.get_by_text("remove that first").wait_for()
    t.page.get_by_role("button", name="Cancel").click()
    t.page.get_by_role("heading", name="busybox:1.35.0").wait_for()
    # It still follows what happens.
    node.delete("/api/v1/strategy/busybox%3A1.35.0").ok()
    t.page.get_by_role("definition").get_by_text("none", exact=True).wait_for()


def test_what_was_removed_by_mistake_comes_back(tab, node):
    page = tab().page
    node.apply("busybox:1.35.0", percentage=70, selector={}).ok()
    page.get_by_role("button", name="Remove busybox:1.35.0").click()
    page.get_by_role("button", name="Remove", exact=True).click()
    page.get_by_text("No strategies yet").wait_for()
    page.get_by_role("button", name="Undo").click()
    row(page, "busybox:1.35.0").get_by_text("70 %").wait_for()
    page.get_by_text("Taken back.").wait_for()


def test_a_node_that_wants_a_token_is_logged_in_to(browser, start_node, directory):
    token = "a-token-of-the-operator"
    with open(f"{directory}/tokens", "w") as f:
        f.write(f"operator {token}\n")
    os.chmod(f"{directory}/tokens", 0o600)
    node = start_node(args=["--api-token-file", f"{directory}/tokens"], wait=False)
    wait_until(lambda: node.answers("/"), 20, lambda: f"the page is served: {node.log_tail()}")
    t = browser_lib.Tab(browser, node.api_address)
    t.expect_complaint("401")
    page = t.page
    page.goto(f"http://{node.api_address}/strategy")
    dialog = page.get_by_role("dialog", name="This node wants a token")
    dialog.get_by_label("Token").fill("not-the-token-of-anybody")
    assert t.violations() == []
    dialog.get_by_role("button", name="Log in").click()
    dialog.get_by_text("This node does not know that token.").wait_for()
    dialog.get_by_role("button", name="Close").click()
    page.get_by_role("status").filter(has_text="not logged in").wait_for()
    page.get_by_role("button", name="Log in").click()
    dialog.get_by_label("Token").fill(token)
    dialog.get_by_role("button", name="Log in").click()
    page.get_by_text("No strategies yet").wait_for()
    page.get_by_role("status").filter(has_text="live").wait_for()
    # The token goes with every request, and stays nowhere.
    page.get_by_role("link", name="Shared state").click()
    page.get_by_role("heading", name="History").wait_for()
    assert token not in page.url
    assert token not in page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])")
    page.reload()
    dialog.wait_for()
    t.close()


def test_names_are_text(tab, node):
    t = tab("/crdt")
    node.post("/api/v1/crdt", {"key": SCRIPT, "value": SCRIPT}).ok()
    t.page.get_by_role("button", name=SCRIPT).click()
    t.page.get_by_role("dialog").get_by_role("heading", name=SCRIPT).wait_for()
    assert t.page.locator("img").count() == 0
    for path in ("/image/", "/strategy/", "/peers/"):
        t.expect_complaint("400" if path == "/peers/" else "404")
        t.page.goto(f"http://{node.api_address}{path}{urllib.parse.quote(SCRIPT, safe='')}")
        t.page.get_by_role("heading", name=SCRIPT).wait_for()
        assert t.page.locator("img").count() == 0


def test_keys_are_set_edited_and_deleted(tab, node):
    page = tab("/crdt").page
    page.get_by_role("button", name="Set a key").click()
    page.get_by_label("Key", exact=True).fill("mine")
    page.get_by_label("Value", exact=True).fill("one")
    page.get_by_role("button", name="Set", exact=True).click()
    row(page, "mine").get_by_text("one").wait_for()
    page.get_by_role("button", name="mine", exact=True).click()
    page.get_by_role("button", name="Edit", exact=True).click()
    page.get_by_label("Value", exact=True).fill("two")
    page.get_by_role("button", name="Set", exact=True).click()
    row(page, "mine").get_by_text("two").wait_for()
    assert node.get("/api/v1/crdt/mine").ok()["crdt"]["value"] == "two"
    page.get_by_role("button", name="mine", exact=True).click()
    page.get_by_role("button", name="Delete", exact=True).click()
    dialog = page.get_by_role("dialog", name="Delete mine?")
    dialog.get_by_text(f"curl -X DELETE http://{node.api_address}/api/v1/crdt/mine").wait_for()
    dialog.get_by_role("button", name="Delete").click()
    row(page, "mine").wait_for(state="detached")
    page.get_by_role("button", name="Undo").click()
    row(page, "mine").get_by_text("two").wait_for()
    head = node.get("/api/v1/history").ok()["history"]["heads"][0]
    page.get_by_text(head["cid"]).wait_for()
    node.delete("/api/v1/crdt/mine").ok()
    row(page, "mine").wait_for(state="detached")
    assert node.get("/api/v1/crdt/mine").status == 404


def test_all_of_it_works_by_keyboard(tab, node):
    page = tab().page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.get_by_role("button", name="Apply a strategy").focus()
    page.keyboard.press("Enter")
    page.get_by_label("Image", exact=True).wait_for()
    page.keyboard.press("Escape")
    page.get_by_role("dialog").wait_for(state="detached")
    assert page.evaluate("document.activeElement.textContent") == "Apply a strategy"
    node.post("/api/v1/crdt", {"key": "needle", "value": "x"}).ok()
    page.get_by_role("link", name="Shared state").press("Enter")
    row(page, "needle").wait_for()
    page.keyboard.press("/")
    page.keyboard.type("no such key")
    page.get_by_text("Nothing matches").wait_for()


TABS_MAX = 60


def tab_to(page, name):
    """Presses Tab until what has that name is reached."""
    reached = []
    for _ in range(TABS_MAX):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("""() => {
            const e = document.activeElement;
            const shown = getComputedStyle(e).outlineStyle !== "none" || e === document.body;
            return (shown ? "" : "unseen: ") +
                (e.ariaLabel || (e.labels && e.labels[0] && e.labels[0].textContent) || e.textContent).trim();
        }"""))
        if reached[-1] == name:
            return
    raise AssertionError(f"{name} is not reached by keyboard, or not seen to be: {reached}")


def test_a_strategy_is_applied_and_removed_by_keyboard_alone(tab, node):
    page = tab().page
    page.get_by_text("No strategies yet").wait_for()
    tab_to(page, "Apply a strategy")
    page.keyboard.press("Enter")
    page.get_by_role("dialog").wait_for()
    tab_to(page, "Image")
    page.keyboard.type("busybox:1.35.0")
    tab_to(page, "Show what would change")
    page.keyboard.press("Enter")
    page.get_by_text("1 of 1 node has it then.").wait_for()
    tab_to(page, "Apply")
    page.keyboard.press("Space")
    row(page, "busybox:1.35.0").get_by_text("stored").wait_for()
    tab_to(page, "Nodes")
    page.keyboard.press("Enter")
    row(page, "this node").wait_for()
    peer = node.get("/api/v1/health").ok()["peer"]
    tab_to(page, f"{peer[:4]}…{peer[-8:]}")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name=peer).wait_for()
    tab_to(page, "Pin a tree")
    page.keyboard.press("Enter")
    page.get_by_role("dialog").wait_for()
    page.keyboard.press("Escape")
    page.get_by_role("dialog").wait_for(state="detached")
    page.get_by_role("link", name="Strategies").press("Enter")
    tab_to(page, "Remove busybox:1.35.0")
    page.keyboard.press("Enter")
    page.get_by_role("dialog").wait_for()
    tab_to(page, "Remove")
    page.keyboard.press("Enter")
    page.get_by_text("No strategies yet").wait_for()
    assert node.get("/api/v1/strategy").ok()["strategies"] == []


def test_the_colours_are_remembered(tab):
    t = tab()
    for choice in ("light", "dark"):
        t.page.get_by_role("button", name=re.compile("Colours")).click()
        assert t.page.evaluate("document.documentElement.dataset.theme") == choice
    t.open()
    assert t.page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "dark"


def test_files_are_cached_and_pages_are_not(node):
    page = node.get("/")
    assert page.headers["Cache-Control"] == "no-cache"
    assert "script-src 'self';" in page.headers["Content-Security-Policy"] and b"<script>" not in page.body
    assert node.get("/", headers={"If-None-Match": page.headers["ETag"]}).status == 304
    files = re.findall(rb'(?:src|href)="(/assets/[^"]+)"', page.body)
    assert files
    for file in files:
        answer = node.get(file.decode())
        assert answer.status == 200 and "immutable" in answer.headers["Cache-Control"]
    assert node.get("/nothing/here").status == 404


def test_all_pages_together_are_small(node):
    """As they go over the wire: the application below 250 kB, with the API explorer below 1 MB."""
    def sizes(path, pattern):
        page = node.get(path).body
        files = {urllib.parse.urljoin(path, f) for f in re.findall(pattern, page.decode())}
        return {path: len(page), **{f: len(node.get(f).body) for f in files}}
    app = sizes("/", r'(?:src|href)="(/assets/[^"]+)"')
    swagger = sizes("/swagger/", r'(?:src|href)="([^":?#]+\.(?:js|css))"')
    assert len(app) >= 3 and len(swagger) >= 3, (app, swagger)
    assert sum(app.values()) < 250_000, app
    assert sum(app.values()) + sum(swagger.values()) < 1_000_000, swagger
