"""Strategies and a real Docker: images come and go, and what is not ours or in use stays and says why."""
import pytest
from lib import images

KEY = "percentage-{}-100-active"


@pytest.fixture
def node(start_node, upstream, docker):
    return start_node(upstream={"docker.io": upstream.url}, docker=docker)


@pytest.fixture(autouse=True)
def _empty_docker(docker):
    yield
    for c in docker.api("GET", "/v1.41/containers/json?all=1")[1]:
        docker.remove_container(c["Id"])
    for name in docker.images():
        docker.remove(name)


def there(node, docker, name, image, seconds=60):
    node.wait_for(lambda: docker.images().get(name) == image.id, seconds,
                  lambda: f"{name} in {docker.images()}; {node.told(name)}")


def gone(node, docker, name, seconds=30):
    node.wait_for(lambda: name not in docker.images(), seconds, lambda: f"{name} gone; {node.told(name)}")


def apply(node, name, **kw):
    answer = node.apply(name, **kw)
    assert answer.ok()["error"] is False


def remove(node, name, percentage=100):
    assert node.delete(f"/api/v1/strategy/percentage-{name}-{percentage}-active").ok()["error"] is False


@pytest.mark.parametrize("name,make", [
    ("busybox:1.35.0", images.busybox), ("files:1", lambda: images.small_files(layers=5, files=1500)),
    ("oci:1", lambda: images.small_files(layers=2, files=20, seed="oci", oci=True)),
    ("index:1", images.multi_platform), ("list:1", lambda: images.multi_platform(oci=False, attestation=False))])
def test_in_and_out_again(node, docker, upstream, name, make):
    image = upstream.push(make(), "library/" + name.split(":")[0], name.split(":")[1])
    before = docker.image_ids()
    apply(node, name)
    there(node, docker, name, image)
    assert set(docker.images()) == {name}, "the alias that Docker pulled by is dropped"
    node.wait_told(name, "loaded")
    remove(node, name)
    gone(node, docker, name)
    node.wait_for(lambda: docker.image_ids() == before, 10, "its layers are gone too")
    assert node.strategy(KEY.format(name)) is None


def test_700_mb_in_one_layer_in_and_out(node, docker, upstream):
    image = upstream.push(images.random_layers(700), "library/700mb", "v1")
    apply(node, "700mb:v1")
    there(node, docker, "700mb:v1", image, seconds=180)
    remove(node, "700mb:v1")
    gone(node, docker, "700mb:v1", seconds=60)


def test_apply_from_the_command_line(node, docker, upstream, busybox):
    node.cli("strategy", "apply", "busybox:1.35.0", "--percentage", "100", check=True)
    there(node, docker, "busybox:1.35.0", busybox)
    assert "busybox:1.35.0" in node.cli("strategy", "ls").stdout
    assert "busybox:1.35.0" in node.cli("strategy", "show", "busybox:1.35.0").stdout
    node.cli("strategy", "rm", "busybox:1.35.0", check=True)
    gone(node, docker, "busybox:1.35.0")


def test_target_strategy_for_this_node(node, docker, upstream, busybox):
    me = node.get("/api/v1/node").ok()
    peer = next(v for v in _strings(me) if v.startswith(("12D3Koo", "Qm")))
    assert node.apply("busybox:1.35.0", kind="target", target=peer, percentage=0).ok()
    there(node, docker, "busybox:1.35.0", busybox)


def test_target_strategy_for_another_node_is_pending_here(node, docker, busybox):
    other = "12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA"
    assert node.apply("busybox:1.35.0", kind="target", target=other).ok()
    node.wait_told("busybox:1.35.0", "pending")
    assert "busybox:1.35.0" not in docker.images()


def _strings(value):
    if isinstance(value, str):
        yield value
    for v in value.values() if isinstance(value, dict) else value if isinstance(value, list) else []:
        yield from _strings(v)


def test_execute_false_is_a_plan_only(node, docker, busybox):
    apply(node, "busybox:1.35.0", execute=False)
    assert node.get("/api/v1/strategy").ok()["strategies"][0]["execute"] is False
    apply(node, "busybox:1.35.0", execute=True)
    there(node, docker, "busybox:1.35.0", busybox)
    assert len(node.get("/api/v1/strategy").ok()["strategies"]) == 1, "applied again = replaced"
    apply(node, "busybox:1.35.0", execute=False)
    node.wait_told("busybox:1.35.0", "paused")
    assert docker.images()["busybox:1.35.0"] == busybox.id, "what a paused strategy has placed stays"


def test_new_digest_of_a_tag_after_applying_again(node, docker, upstream):
    old = upstream.push(images.tiny(b"version one"), "library/moving", "1")
    apply(node, "moving:1")
    there(node, docker, "moving:1", old)
    new = upstream.push(images.tiny(b"version two"), "library/moving", "1")
    apply(node, "moving:1")
    there(node, docker, "moving:1", new)
    node.wait_for(lambda: old.id not in docker.image_ids(), 30, "the old version is removed")


@pytest.mark.parametrize("running", [False, True])
def test_image_that_a_container_uses_stays_until_it_is_free(node, docker, upstream, busybox, running):
    apply(node, "busybox:1.35.0")
    there(node, docker, "busybox:1.35.0", busybox)
    container = docker.create_container("busybox:1.35.0", ["sleep", "1000"])
    if running:
        assert docker.api("POST", f"/v1.41/containers/{container}/start")[0] == 204
    remove(node, "busybox:1.35.0")
    node.wait_for(lambda: container[:12] in _kept(node), 30, lambda: f"kept and why: {_kept(node)}")
    assert docker.images()["busybox:1.35.0"] == busybox.id
    docker.remove_container(container)
    gone(node, docker, "busybox:1.35.0", seconds=90)


def _kept(node):
    """All that the node says about images."""
    return node.cli("image", "ls", "--output", "json").stdout + node.cli("status").stdout


def test_image_that_was_there_before_is_used_and_never_removed(node, docker, upstream, busybox):
    docker.pull(f"{upstream.address}/library/busybox:1.35.0")
    docker.tag(f"{upstream.address}/library/busybox:1.35.0", "busybox:1.35.0")
    apply(node, "busybox:1.35.0")
    node.wait_told("busybox:1.35.0", "loaded")
    remove(node, "busybox:1.35.0")
    node.wait_for(lambda: node.strategy(KEY.format("busybox:1.35.0")) is None, 10, "the strategy is gone")
    marker = upstream.push(images.tiny(b"marker"), "library/marker", "1")
    apply(node, "marker:1")  # the node has worked through a whole later change by the time this is there
    there(node, docker, "marker:1", marker)
    assert docker.images()["busybox:1.35.0"] == busybox.id


def test_another_image_of_that_name_is_a_conflict_unless_replace(node, docker, upstream):
    theirs = upstream.push(images.tiny(b"theirs"), "theirs", "1")
    ours = upstream.push(images.tiny(b"ours"), "library/app", "1")
    docker.pull(f"{upstream.address}/theirs:1")
    docker.tag(f"{upstream.address}/theirs:1", "app:1")
    apply(node, "app:1")
    node.wait_told("app:1", "conflict")
    assert docker.images()["app:1"] == theirs.id
    node.cli("strategy", "apply", "app:1", "--percentage", "100", "--replace", check=True)
    there(node, docker, "app:1", ours)


def test_tag_that_the_user_moved_is_not_ours_any_more(node, docker, upstream, busybox):
    apply(node, "busybox:1.35.0")
    there(node, docker, "busybox:1.35.0", busybox)
    theirs = upstream.push(images.tiny(b"moved by hand"), "theirs", "2")
    docker.pull(f"{upstream.address}/theirs:2")
    docker.tag(f"{upstream.address}/theirs:2", "busybox:1.35.0")
    remove(node, "busybox:1.35.0")
    node.wait_for(lambda: node.strategy(KEY.format("busybox:1.35.0")) is None, 10, "the strategy is gone")
    marker = upstream.push(images.tiny(b"marker 2"), "library/marker", "2")
    apply(node, "marker:2")
    there(node, docker, "marker:2", marker)
    assert docker.images()["busybox:1.35.0"] == theirs.id


def test_image_that_another_strategy_wants_stays(node, docker, upstream, busybox):
    peer = next(v for v in _strings(node.get("/api/v1/node").ok()) if v.startswith(("12D3Koo", "Qm")))
    apply(node, "busybox:1.35.0")
    assert node.apply("busybox:1.35.0", kind="target", target=peer).ok()
    there(node, docker, "busybox:1.35.0", busybox)
    remove(node, "busybox:1.35.0")
    marker = upstream.push(images.tiny(b"marker 3"), "library/marker", "3")
    apply(node, "marker:3")
    there(node, docker, "marker:3", marker)
    assert docker.images()["busybox:1.35.0"] == busybox.id
    node.cli("strategy", "rm", "busybox:1.35.0", check=True)
    gone(node, docker, "busybox:1.35.0")


def test_two_tags_of_one_image_leave_one_by_one(node, docker, upstream, busybox):
    upstream.push(busybox, "library/busybox", "stable")
    apply(node, "busybox:1.35.0")
    apply(node, "busybox:stable")
    there(node, docker, "busybox:1.35.0", busybox)
    there(node, docker, "busybox:stable", busybox)
    remove(node, "busybox:stable")
    gone(node, docker, "busybox:stable")
    assert docker.images()["busybox:1.35.0"] == busybox.id


def test_removal_by_hand_is_healed(node, docker, upstream, busybox):
    apply(node, "busybox:1.35.0")
    there(node, docker, "busybox:1.35.0", busybox)
    docker.cli("rmi", "busybox:1.35.0")
    there(node, docker, "busybox:1.35.0", busybox)


def test_restart_keeps_strategy_and_ownership(node, docker, upstream, busybox):
    apply(node, "busybox:1.35.0")
    there(node, docker, "busybox:1.35.0", busybox)
    node.stop()
    docker.cli("rmi", "busybox:1.35.0")
    node.start()
    there(node, docker, "busybox:1.35.0", busybox)
    node.kill()
    node.start()
    remove(node, "busybox:1.35.0")
    gone(node, docker, "busybox:1.35.0")


def test_docker_that_stops_is_a_state(node, docker, upstream, busybox):
    docker.stop()
    try:
        apply(node, "busybox:1.35.0")
        node.wait_told("busybox:1.35.0", "engine unavailable|engine_unavailable|docker")
        assert node.get("/api/v1/health").status == 200
    finally:
        docker.start()
    there(node, docker, "busybox:1.35.0", busybox, seconds=90)
    docker.stop()
    remove(node, "busybox:1.35.0")
    docker.start()
    gone(node, docker, "busybox:1.35.0", seconds=90)


def test_failed_pull_is_tried_again(start_node, docker):
    from lib import fake_registry
    fake = fake_registry.FakeRegistry()
    image = fake.push(images.tiny(b"comes later"), "library/later", "1")
    node = start_node(upstream={"docker.io": fake.url}, docker=docker)
    fake.fault("GET .*/blobs/", fake_registry.status(404))
    apply(node, "later:1")
    node.wait_told("later:1", "404|not found|unknown", seconds=60)
    fake.clear_faults()
    there(node, docker, "later:1", image, seconds=120)
    fake.close()
