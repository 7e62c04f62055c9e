"""What is pushed to a node's registry is an image of the mesh: with docker and skopeo, byte for byte."""
import json
import os

import pytest
from lib import expect, images
from lib.registry import Remote
from lib.system import run, temporary_directory


@pytest.fixture
def node(start_node):
    return start_node(upstream={"docker.io": "http://127.0.0.1:1"})


def skopeo(*args):
    return run(["skopeo", *args], check=True).stdout


def test_skopeo_copies_inspects_lists_syncs_and_deletes_an_image_of_many_platforms(node, upstream):
    image = upstream.push(images.multi_platform(), "library/many", "1")
    source, target = f"docker://{upstream.address}/library/many:1", f"docker://{node.registry_address}/team/many"
    skopeo("copy", "--all", "--src-tls-verify=false", "--dest-tls-verify=false", source, target + ":1")
    skopeo("copy", "--all", "--src-tls-verify=false", "--dest-tls-verify=false", source, target + ":2")
    assert images.sha256(skopeo("inspect", "--raw", "--tls-verify=false", target + ":1").encode()) == image.digest
    for digest, (media_type, data) in image.manifests.items():
        answer = node.registry_request("GET", f"/v2/team/many/manifests/{digest}")
        assert (answer.body, answer.headers["Content-Type"]) == (data, media_type)
    for digest, blob in image.blobs.items():
        assert node.registry_request("GET", f"/v2/team/many/blobs/{digest}").body == blob.read()
    assert json.loads(skopeo("list-tags", "--tls-verify=false", target))["Tags"] == ["1", "2"]
    folder = temporary_directory()
    skopeo("sync", "--all", "--src", "docker", "--dest", "dir", "--src-tls-verify=false",
           f"{node.registry_address}/team/many", folder)
    assert sorted(os.listdir(folder)) == ["many:1", "many:2"]
    shown = node.cli_json("image", "show", "mesh/team/many:1")
    assert shown["digest"] == image.digest
    skopeo("delete", "--tls-verify=false", target + ":1")
    assert not expect.has(node, "team/many", "1") and not expect.has(node, "team/many", "2")
    assert node.cli("image", "show", "mesh/team/many:1").returncode == 1


def test_docker_pushes_and_pulls_what_it_pushed(node, docker, upstream, busybox):
    docker.pull(f"{upstream.address}/library/busybox:1.35.0")
    name = f"{node.registry_address}/team/app:1"
    docker.tag(f"{upstream.address}/library/busybox:1.35.0", name)
    said = docker.cli("push", name).stdout
    digest = images.sha256(node.registry_request("GET", "/v2/team/app/manifests/1").body)
    assert f"digest: {digest}" in said
    again = docker.cli("push", name).stdout
    assert "Layer already exists" in again and digest in again
    mounted = f"{node.registry_address}/team/other:1"
    docker.tag(name, mounted)
    assert "Mounted from team/app" in docker.cli("push", mounted).stdout
    for one in (name, mounted, f"{upstream.address}/library/busybox:1.35.0"):
        docker.remove(one)
    docker.pull(name)
    assert docker.image(name)["Id"] == busybox.id
    docker.remove(name)


def test_docker_cannot_push_what_would_shadow_docker_hub(node, docker, upstream, busybox):
    docker.pull(f"{upstream.address}/library/busybox:1.35.0")
    for name in ("library/busybox:1.35.0", "docker.io/team/app:1"):
        target = f"{node.registry_address}/{name}"
        docker.tag(f"{upstream.address}/library/busybox:1.35.0", target)
        p = docker.cli("push", target, check=False)
        assert p.returncode and "denied" in p.stderr, p.stderr
        docker.remove(target)
    docker.remove(f"{upstream.address}/library/busybox:1.35.0")


def test_a_pushed_image_is_loaded_by_a_strategy(start_node, docker, busybox):
    node = start_node(upstream={"docker.io": "http://127.0.0.1:1"}, docker=docker)
    Remote(node.registry_address).push(busybox, "team/app", "1")
    assert node.apply("mesh/team/app:1", percentage=100).ok()
    node.wait_for(lambda: docker.images().get("mesh/team/app:1") == busybox.id, 60,
                  lambda: f"{docker.images()}; {node.told('mesh/team/app:1')}")
    answer = node.registry_request("DELETE", "/v2/team/app/manifests/1")
    assert answer.status == 409, "a strategy wants it"
    node.cli("strategy", "rm", "mesh/team/app:1", check=True)
    node.wait_for(lambda: "mesh/team/app:1" not in docker.images(), 30, "it is gone again")


def test_an_upload_ends_with_the_node_and_a_pushed_image_does_not(node, busybox):
    remote = Remote(node.registry_address)
    remote.push(busybox, "team/app", "1")
    where = remote.request("POST", "/v2/team/app/blobs/uploads/", None, {"Content-Length": "0"})[1]["Location"]
    assert remote.request("PATCH", where, b"x" * 3_000_000)[0] == 202
    uploads = os.path.join(node.data_dir, "store", "uploads")
    assert len(os.listdir(uploads)) == 1
    node.kill()
    node.start()
    assert os.listdir(uploads) == []
    assert remote.request("GET", where)[0] == 404
    expect.serves(node, "team/app", "1", busybox)


def test_another_node_has_what_was_pushed_to_this_one(start_node, busybox):
    first = start_node(upstream={"docker.io": "http://127.0.0.1:1"})
    peer = first.get("/api/v1/health").ok()["peer"]
    second = start_node(upstream={"docker.io": "http://127.0.0.1:1"},
                        args=["--bootstrap", f"/ip4/127.0.0.1/tcp/{first.p2p_port}/p2p/{peer}"])
    Remote(first.registry_address).push(busybox, "team/app", "1")
    second.wait_for(lambda: second.registry_request("GET", "/v2/team/app/tags/list").status == 200, 20, "the name has come")
    assert second.apply("mesh/team/app:1", percentage=100).ok()
    second.wait_told("mesh/team/app:1", "stored", 60)
    expect.serves(second, "team/app", "1", busybox)
