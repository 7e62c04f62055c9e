"""Strategies on a node without Docker (--engine none): the image is held and served."""
import pytest
from lib import expect, images


@pytest.fixture
def node(start_node, upstream, busybox):
    return start_node(upstream={"docker.io": upstream.url})


def held(node, name="busybox", tag="1.35.0"):
    return node.registry_request("HEAD", f"/v2/{name}/manifests/{tag}").status == 200


def test_strategy_brings_the_image_into_the_store(node, busybox):
    assert node.apply("busybox:1.35.0").ok()
    node.wait_told("busybox:1.35.0", "loaded|held|stored")
    expect.serves(node, "busybox", "1.35.0", busybox)


def test_payloads_and_shapes_of_the_prototype(node):
    payload = {"type": "percentage", "nametag": "busybox:1.35.0", "percentage": 50, "target": "doesntmatter", "execute": True}
    assert node.post("/api/v1/strategy", payload).ok()["error"] is False
    listed = node.get("/api/v1/strategy").ok()
    assert listed["error"] is False
    row, = listed["strategies"]
    assert {k: row[k] for k in ("type", "nametag", "percentage", "execute")} == {
        k: payload[k] for k in ("type", "nametag", "percentage", "execute")}
    for key in ("percentage-busybox:1.35.0-50-active", "percentage-busybox%3A1.35.0-50-active"):
        shown = node.get(f"/api/v1/strategy/{key}").ok()["strategy"]
        assert (shown["nametag"], shown["percentage"]) == ("busybox:1.35.0", 50)
    assert node.request("PUT", "/api/v1/strategy", {**payload, "percentage": 80}).ok()["error"] is False
    row, = node.get("/api/v1/strategy").ok()["strategies"]
    assert row["percentage"] == 80
    assert node.delete("/api/v1/strategy/percentage-busybox:1.35.0-80-active").ok()["error"] is False
    assert node.get("/api/v1/strategy").ok()["strategies"] in ([], None)


def test_percentage_is_ignored_for_targets(node):
    peer = "12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA"
    assert node.apply("busybox:1.35.0", kind="target", target=peer, percentage=0).ok()
    assert node.apply("busybox:1.35.0", kind="target", target=peer, percentage=400).ok()


def test_one_percent_of_one_node_is_one(node):
    assert node.apply("busybox:1.35.0", percentage=1).ok()
    node.wait_told("busybox:1.35.0", "loaded|held|stored")


def test_applied_and_acknowledged_survives_kill_9(node):
    assert node.apply("busybox:1.35.0").ok()
    node.kill()
    node.start()
    assert node.get("/api/v1/strategy").ok()["strategies"][0]["nametag"] == "busybox:1.35.0"
    node.wait_told("busybox:1.35.0", "loaded|held|stored")


def test_dry_run_changes_nothing(node):
    p = node.cli("strategy", "apply", "busybox:1.35.0", "--percentage", "100", "--dry-run", check=True)
    assert "busybox:1.35.0" in p.stdout
    assert node.get("/api/v1/strategy").ok()["strategies"] in ([], None)


def test_explain_says_who_and_why(node):
    node.cli("strategy", "apply", "busybox:1.35.0", "--percentage", "100", check=True)
    assert "busybox:1.35.0" in node.cli("strategy", "explain", "busybox:1.35.0", check=True).stdout


def test_pause_and_resume(node):
    node.cli("strategy", "apply", "busybox:1.35.0", "--percentage", "100", check=True)
    node.wait_told("busybox:1.35.0", "loaded|held|stored")
    node.cli("strategy", "pause", "busybox:1.35.0", check=True)
    assert node.get("/api/v1/strategy").ok()["strategies"][0]["execute"] is False
    node.cli("strategy", "resume", "busybox:1.35.0", check=True)
    assert node.get("/api/v1/strategy").ok()["strategies"][0]["execute"] is True


def test_progress_is_seen_live(start_node, upstream, counting_proxy):
    upstream.push(images.random_layers(20, seed="progress"), "library/slow", "1")
    counting_proxy.rate = 10_000_000
    node = start_node(upstream={"docker.io": counting_proxy.url})
    with node.events() as events:
        assert node.apply("slow:1").ok()
        events.wait(lambda kind, data: "slow:1" in data, 20)
    node.wait_told("slow:1", r"importing|fetching|\d ?%", seconds=20)
    node.wait_told("slow:1", "loaded|held|stored", seconds=60)
