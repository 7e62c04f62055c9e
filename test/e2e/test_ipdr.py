"""The commands of the prototype's ipdr: names, flags and output as scripts of its users expect them."""
import os

import pytest
from lib.system import Daemon, free_port, run, temporary_directory, wait_until

# Of ipdr's own unit test and README.
VECTORS = [("QmaCm7VNsmM61FApFevTcJ1PxPabmfY4Tf2dFjpAdVdHLF", "bafybeifqi3ldg5yclcz33zahr37aieo4epzbhhjxjpwoqyau2mzdxakqhq",
            "ciqlarwwgn3qewftxxsapdx6aqi5yi7scootos7m5bqbjuzshoavapa"),
           ("QmYMg6WAuvF5i5yFmjT8KkqewZ5Ngh4U9Mp1bGfdjraFVk", "bafybeieu3achjmrtbaajlwftu2igtqrjtleeym7olo7ofy4smesmrkqu6m",
            "ciqjjwaeoszdgcaasxmlhjuqnhbctgwijqz64w564lrzeyjezcvbj4y")]


@pytest.mark.parametrize("v0, v1, docker_name", VECTORS)
def test_convert_gives_the_originals_names(binary, v0, v1, docker_name):
    def convert(name, to):
        return run([binary, "ipdr", "convert", name, f"--format={to}"], check=True).stdout.strip()
    for name in (v0, v1, f"/ipfs/{v0}", docker_name):
        assert convert(name, "docker") == docker_name
        assert convert(name, "ipfs") == v1
    assert run([binary, "ipdr", "convert", "busybox", "-f", "docker"]).returncode == 1


def test_push_dig_and_pull_as_scripts_call_them(start_node, docker, upstream, busybox):
    node = start_node(upstream={"docker.io": "http://127.0.0.1:1"})
    env = {"DOCKER_HOST": docker.host}

    def ipdr(*args, check=True):
        return node.cli("ipdr", *args, "--docker-registry-host", node.registry_address, env=env, check=check)
    docker.pull(f"{upstream.address}/library/busybox:1.35.0")
    docker.tag(f"{upstream.address}/library/busybox:1.35.0", "team/app:1")
    root = ipdr("push", "team/app:1", "--silent", "--ipfs-host", "127.0.0.1:5001").stdout
    assert root.startswith("bafybei") and root.count("\n") == 1
    root = root.strip()
    assert ipdr("push", "team/app:1").stdout == f"/ipfs/{root}\n"
    assert ipdr("dig", "team/app:1", "--short=true").stdout == f"{root}\n"
    assert ipdr("dig", "team/app").stdout == "1\n"
    assert ipdr("dig", "team/other:1", check=False).returncode == 1
    docker.remove("team/app:1")
    docker.remove(f"{upstream.address}/library/busybox:1.35.0")
    tag = ipdr("pull", f"/ipfs/{root}").stdout.strip()
    assert tag == f"{node.registry_address}/{node.cli('ipdr', 'convert', root).stdout.strip()}:latest"
    assert docker.image(tag)["Id"] == busybox.id
    docker.remove(tag)


def test_pull_brings_a_root_that_only_a_peer_has(start_node, docker, upstream, busybox):
    first = start_node(upstream={"docker.io": upstream.url})
    first.cli("image", "import", "busybox:1.35.0", check=True)
    root = first.cli_json("image", "show", "busybox:1.35.0")["root"]
    peer = first.get("/api/v1/health").ok()["peer"]
    # Another mesh: what it knows of the image is the CID.
    second = start_node(upstream={"docker.io": "http://127.0.0.1:1"},
                        args=["--bootstrap", f"/ip4/127.0.0.1/tcp/{first.p2p_port}/p2p/{peer}"])
    tag = second.cli("ipdr", "pull", root, "--registry", second.registry_address, env={"DOCKER_HOST": docker.host},
                     check=True).stdout.strip()
    assert docker.image(tag)["Id"] == busybox.id
    docker.remove(tag)


def test_server_is_a_node_whose_registry_has_that_port(binary):
    port, api = free_port(), free_port()
    env = {"DISTROMASH_DATA_DIR": temporary_directory(), "DISTROMASH_API_LISTEN": f"127.0.0.1:{api}",
           "DISTROMASH_P2P": f"/ip4/127.0.0.1/tcp/{free_port()}", "DISTROMASH_ENGINE": "none"}
    log = os.path.join(temporary_directory(), "log")
    server = Daemon([binary, "ipdr", "server", "--port", str(port), "--cid-resolver", "file:~/.ipdr/cids", "--silent"], log, env=env)
    import http.client

    def answers():
        assert server.running(), server.output()
        try:
            c = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            c.request("GET", "/v2/")
            return c.getresponse().status == 200
        except OSError:
            return False
    wait_until(answers, 20, lambda: server.output())
    server.stop()
