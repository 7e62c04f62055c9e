"""The registry as a mirror: what nobody has is fetched while it is asked for."""
import http.client

from lib import expect, images
from lib.node import http_request
from lib.registry import Registry, Remote
from lib.system import free_port, in_thread, wait_until


def start(start_node, proxy_or_registry, *args):
    return start_node(upstream={"docker.io": f"http://{proxy_or_registry.address}"}, args=args)


def test_docker_pulls_through_the_node_by_host_name_and_as_mirror(start_node, docker, upstream, busybox):
    mirror = f"127.0.0.1:{free_port()}"
    node = start(start_node, upstream, "--mirror", mirror)
    name = f"{node.registry_address}/docker.io/library/busybox:1.35.0"
    docker.pull(name)
    assert docker.image(name)["Id"] == busybox.id
    docker.remove(name)
    upstream.push(busybox, "team/app", "1")
    docker.pull(f"{mirror}/team/app:1")
    assert docker.image(f"{mirror}/team/app:1")["Id"] == busybox.id
    docker.remove(f"{mirror}/team/app:1")
    assert not expect.has(node, "team/app", "1"), "nobody said that this is an image of Docker Hub"


def test_nothing_that_was_pushed_is_seen_through_the_mirror(start_node, upstream, busybox):
    mirror = f"127.0.0.1:{free_port()}"
    node = start(start_node, upstream, "--mirror", mirror)
    Remote(node.registry_address).push(images.tiny(b"ours"), "team/shadow", "1")
    assert expect.has(node, "team/shadow", "1")
    assert http_request(mirror, "GET", "/v2/team/shadow/manifests/1").status == 404
    assert http_request(mirror, "POST", "/v2/team/shadow/blobs/uploads/").status == 405


def test_each_blob_costs_upstream_one_fetch_and_the_answer_says_where_it_comes_from(start_node, upstream, counting_proxy):
    image = upstream.push(images.random_layers(20, seed="mirrored"), "library/mirrored", "1")
    node = start(start_node, counting_proxy)
    layer = max(image.blobs.values(), key=lambda b: b.size)
    manifest = node.registry_request("GET", "/v2/library/mirrored/manifests/1")
    assert (manifest.body, manifest.headers["X-Distromash-Source"]) == (image.manifest, "upstream")
    path = f"/v2/library/mirrored/blobs/{layer.digest}"
    answers = [in_thread(lambda: node.registry_request("GET", path)) for _ in range(4)]
    for answer in answers:
        a = answer.result()
        assert images.sha256(a.body) == layer.digest
        assert a.headers["X-Distromash-Source"] in ("upstream", "store")
    assert sum(1 for r in counting_proxy.requests if r[1] == path) == 1
    assert node.registry_request("GET", path).headers["X-Distromash-Source"] == "store"
    metrics = node.get("/metrics").body.decode()
    assert 'distromash_registry_sent_bytes_total{source="upstream"}' in metrics


def test_a_tag_means_what_it_did_while_upstream_is_down(start_node):
    registry = Registry()
    image = registry.push(images.tiny(b"first"), "library/tagged", "1")
    node = start(start_node, registry, "--tag-ttl", "0s")
    expect.serves(node, "library/tagged", "1", image)
    registry.stop()
    answer = node.registry_request("GET", "/v2/library/tagged/manifests/1")
    assert (answer.status, answer.body) == (200, image.manifest)
    assert answer.headers["Warning"].startswith("110 ")


def test_a_blob_that_breaks_in_the_middle_is_never_wrong(start_node, upstream, counting_proxy):
    image = upstream.push(images.random_layers(3, seed="broken"), "library/broken", "1")
    node = start(start_node, counting_proxy)
    layer = max(image.blobs.values(), key=lambda b: b.size)
    path = f"/v2/library/broken/blobs/{layer.digest}"
    counting_proxy.cut_after[path] = 1_000_000
    node.registry_request("GET", "/v2/library/broken/manifests/1")
    try:
        got = node.registry_request("GET", path)
        assert got.status >= 400 or images.sha256(got.body) == layer.digest
    except http.client.IncompleteRead as e:
        assert len(e.partial) < layer.size
    counting_proxy.cut_after.clear()
    assert images.sha256(node.registry_request("GET", path).body) == layer.digest
    assert node.cli("store", "verify").returncode == 0


def test_a_peer_is_asked_before_upstream(start_node, upstream, counting_proxy):
    image = upstream.push(images.random_layers(5, seed="of a peer"), "library/peers", "1")
    first = start(start_node, counting_proxy)
    second = start(start_node, counting_proxy, "--bootstrap",
                   f"/ip4/127.0.0.1/tcp/{first.p2p_port}/p2p/{first.get('/api/v1/health').ok()['peer']}")
    wait_until(lambda: second.get("/api/v1/peers").ok()["peers"], 20, "the nodes are connected")
    layer = max(image.blobs.values(), key=lambda b: b.size)
    path = f"/v2/library/peers/blobs/{layer.digest}"
    for node, source in ((first, "upstream"), (second, "peer")):
        expect.serves(node, "library/peers", "1", image)
        answer = node.registry_request("GET", path)
        assert images.sha256(answer.body) == layer.digest
        assert f'distromash_registry_sent_bytes_total{{source="{source}"}} 0' not in node.get("/metrics").body.decode(), source
    assert sum(1 for r in counting_proxy.requests if r[1] == path) == 1
