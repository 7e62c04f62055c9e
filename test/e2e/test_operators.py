"""A private mesh: who may steer it, how nodes join, and how its key is changed."""
import os
import re
import socket

import pytest
from lib import expect
from lib.registry import Remote
from lib.system import free_port, run, temporary_directory, wait_until

from test_mesh import connected, everybody_knows, nodes_seen_by, peer_id


def folder():
    return os.path.join(temporary_directory(), "data")


def strategies(node):
    return {s["nametag"] for s in node.get("/api/v1/strategy").ok()["strategies"]}


def operators(node):
    return [o["peer"] for o in node.get("/api/v1/operator").ok()["operators"]]


@pytest.fixture
def mesh(binary, start_node, upstream, busybox):
    """start(count): the first has run `init`, the others the line that it printed."""
    def start(count, **options):
        first_folder, nodes, line = folder(), [], None
        for number in range(count):
            data_dir = folder() if number else first_folder
            if number:
                done = run([binary, *line.split()[1:], "--data-dir", data_dir], timeout=20)
                assert done.returncode == 0, done.stderr
            else:
                assert run([binary, "init", "--data-dir", data_dir], timeout=20).returncode == 0
            nodes.append(start_node(data_dir=data_dir, upstream={"docker.io": upstream.url}, **options))
            if number == 0:
                address = f"/ip4/127.0.0.1/tcp/{nodes[0].p2p_port}"
                # The folder is in use: the line is printed from a copy of what it needs.
                copy = folder()
                os.makedirs(copy)
                for name in ("privateKey", "swarm.key", "operators"):
                    with open(os.path.join(data_dir, name), "rb") as f, open(os.path.join(copy, name), "wb") as g:
                        g.write(f.read())
                said = run([binary, "init", "--data-dir", copy, "--p2p", address], timeout=20).stdout
                line = re.search(r"^  (distromash join .*)$", said, re.M)[1]
                assert peer_id(nodes[0]) in line
        everybody_knows(nodes)
        return nodes
    return start


def test_a_push_to_a_node_that_is_no_operator_stays_there_and_says_so(mesh, busybox):
    first, second = mesh(2)
    assert b"known to this node only" in pushed_with_warning(second, busybox, "team/app", "1")
    expect.serves(second, "team/app", "1", busybox)
    shown = second.get(f"/api/v1/image/{busybox.digest}").ok()["image"]
    assert shown["digest"] == busybox.digest and shown["names"] == []
    assert not expect.has(first, "team/app", "1")
    assert first.get("/api/v1/image/mesh%2Fteam%2Fapp:1").status == 404
    assert b"" == pushed_with_warning(first, busybox, "team/app", "1")
    second.wait_for(lambda: second.get("/api/v1/image/mesh%2Fteam%2Fapp:1").status == 200, 20, "the operator's name has come")


def pushed_with_warning(node, image, repository, tag):
    """Pushes; gives what the answer warns of."""
    remote = Remote(node.registry_address)
    remote.push(image, repository, "other")
    status, headers, body = remote.request("PUT", f"/v2/{repository}/manifests/{tag}", image.manifest, {"Content-Type": image.media_type})
    assert status == 201, body
    return headers.get("Warning", "").encode()


def test_only_operators_steer_and_others_say_whom_to_ask(mesh, binary):
    first, second, third = mesh(3)
    root = peer_id(first)
    assert operators(second) == [root]
    refused = second.apply("busybox:1.35.0")
    assert refused.status == 403 and root in refused.message, refused
    for refused in (second.post("/api/v1/operator", {"peer": peer_id(second)}),
                    second.post("/api/v1/image", {"ref": "busybox:1.35.0"}),
                    second.delete(f"/api/v1/operator/{root}")):
        assert refused.status in (403, 404, 405), refused
    assert first.apply("busybox:1.35.0").ok()
    for node in (first, second, third):
        node.wait_told("busybox:1.35.0", "loaded|held|stored", 60)
    key = first.get("/api/v1/strategy").ok()["strategies"][0]["id"]
    assert second.delete(f"/api/v1/strategy/{key}").status == 403
    # A second operator, who then may, and after that may not.
    said = first.cli("operator", "add", peer_id(second), check=True).stdout
    assert peer_id(second) in said
    wait_until(lambda: operators(second) == [root, peer_id(second)], 10, lambda: "the second knows that it may")
    assert second.post(f"/api/v1/strategy/{key}/pause").ok()
    wait_until(lambda: not third.strategy(key)["execute"], 10, lambda: "the third obeys the second")
    expect.fails(second.cli("operator", "rm", root))
    assert "(root)" in third.cli("operator", "ls", check=True).stdout
    said = first.cli("operator", "rm", peer_id(second), check=True).stdout
    assert "signed by this node now" in said
    for node in (second, third):
        wait_until(lambda: operators(node) == [root], 10, lambda: "all know that it is no operator any more")
    assert second.post(f"/api/v1/strategy/{key}/resume").status == 403
    assert not third.strategy(key)["execute"], "what it had said stays"
    for node in (first, second, third):
        node.restart()
        assert operators(node) == [root] and strategies(node) == {"busybox:1.35.0"}
    assert first.delete(f"/api/v1/strategy/{key}").ok()
    wait_until(lambda: not strategies(third), 20, lambda: "and it is removed")


def test_a_member_that_writes_past_its_api_changes_nothing(mesh, start_node):
    first, second = mesh(2)
    assert first.apply("busybox:1.35.0").ok()
    wait_until(lambda: strategies(second), 10, lambda: "the strategy has come")
    # The same mesh key, but this one obeys nobody and writes what it likes.
    rogue_folder = folder()
    os.makedirs(rogue_folder)
    with open(os.path.join(first.data_dir, "swarm.key")) as f, open(os.path.join(rogue_folder, "swarm.key"), "w") as g:
        g.write(f.read())
    address = f"/ip4/127.0.0.1/tcp/{first.p2p_port}/p2p/{peer_id(first)}"
    rogue = start_node(data_dir=rogue_folder, args=["--bootstrap", address, "--open-operators"])
    wait_until(lambda: strategies(rogue), 20, lambda: "the rogue has the strategy")
    key = rogue.get("/api/v1/strategy").ok()["strategies"][0]["id"]
    assert rogue.post(f"/api/v1/strategy/{key}/pause").ok()
    wait_until(lambda: "a record is not obeyed" in first.log_tail(1 << 20), 20, lambda: "it is noticed")
    assert rogue.delete(f"/api/v1/strategy/{key}").ok()
    assert rogue.post("/api/v1/crdt", {"key": "plain", "value": "x"}).ok()
    for node in (first, second):
        wait_until(lambda: node.get("/api/v1/crdt/plain").status == 200, 20, lambda: "all that it wrote has come")
        assert node.strategy(key)["execute"] and strategies(node) == {"busybox:1.35.0"}
    second.restart()
    assert strategies(second) == {"busybox:1.35.0"}


def test_a_forgotten_node_is_kept_out_until_it_is_taken_back(mesh):
    first, second, stolen = mesh(3)
    gone, kept = peer_id(stolen), peer_id(second)
    refused = second.request("DELETE", f"/api/v1/peers/{gone}?even_online=1")
    assert refused.status == 403, "no operator"
    assert first.request("DELETE", f"/api/v1/peers/{gone}").status == 409, "it is there"
    assert "no member" in first.cli("node", "forget", gone, "--even-online", check=True).stdout
    for node in (first, second):
        wait_until(lambda: gone not in connected(node) and gone not in nodes_seen_by(node), 10, lambda: "it is out")
    # What it writes from now on reaches nobody, and neither does it get anything.
    assert stolen.post("/api/v1/crdt", {"key": "stolen", "value": "x"}).ok()
    assert first.apply("busybox:1.35.0").ok()
    second.wait_told("busybox:1.35.0", "loaded|held|stored", 60)
    # It stays out: when it dials anew, and when the others have been restarted.
    for node in (stolen, second, first):
        node.restart()
    everybody_knows([first, second])
    wait_until(lambda: "banned" in first.log_tail(1 << 20), 10, lambda: "the ban is known again")
    assert gone not in connected(first) and gone not in connected(second) and not strategies(stolen)
    assert first.get("/api/v1/crdt/stolen").status == second.get("/api/v1/crdt/stolen").status == 404
    expect.fails(first.cli("node", "forget", kept, "--undo"))
    assert "may come back" in first.cli("node", "forget", gone, "--undo", check=True).stdout
    stolen.restart()
    everybody_knows([first, second, stolen])
    wait_until(lambda: strategies(stolen) == {"busybox:1.35.0"}, 20, lambda: "it has what it missed")


def test_a_node_that_was_given_the_files_by_hand_learns_whom_to_obey(mesh, start_node):
    first, = mesh(1)
    data_dir = folder()
    os.makedirs(data_dir)
    with open(os.path.join(first.data_dir, "swarm.key")) as f, open(os.path.join(data_dir, "swarm.key"), "w") as g:
        g.write(f.read())
    with open(os.path.join(data_dir, "peerstore"), "w") as f:
        f.write(f"/ip4/127.0.0.1/tcp/{first.p2p_port}/p2p/{peer_id(first)}\n")
    second = start_node(data_dir=data_dir)
    wait_until(lambda: operators(second) == [peer_id(first)], 20, lambda: "it has learned")
    assert second.apply("busybox:1.35.0").status == 403
    second.restart()
    assert operators(second) == [peer_id(first)]


def test_the_mesh_key_is_changed_while_all_nodes_run(mesh, binary):
    first, second = mesh(2)
    fingerprint = run([binary, "mesh-key", "show", "--data-dir", first.data_dir]).stdout.split()[1]
    said = run([binary, "mesh-key", "rotate", "--data-dir", first.data_dir])
    assert said.returncode == 0, said.stderr
    line = re.search(r"^  (distromash mesh-key rotate --mesh-key \w+)$", said.stdout, re.M)[1]
    changed = "the key of the mesh has changed"
    wait_until(lambda: changed in first.log_tail(1 << 20), 20, lambda: "the first takes both")
    second.restart()  # with the old key
    wait_until(lambda: peer_id(first) in connected(second), 20, lambda: "old and new meet")
    done = run([binary, *line.split()[1:], "--data-dir", second.data_dir])
    assert done.returncode == 0, done.stderr
    wait_until(lambda: changed in second.log_tail(1 << 20), 20, lambda: "the second takes both")
    for node in (first, second):
        assert run([binary, "mesh-key", "finish", "--data-dir", node.data_dir]).returncode == 0
    second.restart()
    wait_until(lambda: peer_id(first) in connected(second), 20, lambda: "both have the new key")
    assert fingerprint not in run([binary, "mesh-key", "show", "--data-dir", second.data_dir]).stdout


def test_the_doctor_says_what_is_wrong(mesh, binary):
    first, second = mesh(2)

    def doctor(node, *more, engine=("--engine", "none")):
        return run([binary, "doctor", "--data-dir", node.data_dir, *engine, *more], timeout=60)
    well = doctor(second)
    assert well.returncode == 0, well.stdout
    root = peer_id(first)
    assert "running node" in well.stdout and root in well.stdout
    first.stop()
    ill = doctor(second, engine=("--docker-host", "unix:///nonexistent"))
    assert ill.returncode == 1
    assert re.search(rf"^BAD\s+peer\s+.*{root}", ill.stdout, re.M), ill.stdout
    assert re.search(r"^BAD\s+engine", ill.stdout, re.M) and "→" in ill.stdout
    second.stop()
    port = free_port()
    with socket.create_server(("127.0.0.1", port)):
        ill = doctor(second, "--api", f"127.0.0.1:{port}")
        assert re.search(rf"^BAD\s+API\s+127\.0\.0\.1:{port}", ill.stdout, re.M), ill.stdout


def test_join_refuses_what_it_cannot_use(binary):
    id_ = "12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA"
    good, key = f"/ip4/127.0.0.1/tcp/1/p2p/{id_}", "00" * 32
    for words in (["/ip4/127.0.0.1/tcp/1", "--mesh-key", key], [good, "--mesh-key", "zz"],
                  [good, "--mesh-key", key, "--operator", "nobody"]):
        expect.fails(run([binary, "join", *words, "--data-dir", folder()]))
    there = folder()
    assert run([binary, "join", good, "--mesh-key", key, "--data-dir", there]).returncode == 0
    assert run([binary, "join", good, "--mesh-key", key, "--data-dir", there]).returncode == 0
    with open(os.path.join(there, "peerstore")) as f:
        assert f.read().count(id_) == 1
    expect.fails(run([binary, "join", good, "--mesh-key", "11" * 32, "--data-dir", there]))
