"""The node's registry as docker, skopeo and curl see it."""
import base64
import hashlib
import json
import re
import socket
import time

import pytest
from lib import expect, fake_registry, images
from lib.node import Node
from lib.system import in_thread, run, temporary_directory


@pytest.fixture(scope="module")
def image():
    return images.small_files(layers=5, files=200, seed="pulled")


@pytest.fixture(scope="module")
def node(binary, upstream, image):
    upstream.push(image, "library/pulled", "1")
    upstream.push(images.multi_platform(), "library/multi", "1")
    n = Node(binary, upstream={"docker.io": upstream.url})
    n.cli("image", "import", "pulled:1", check=True)
    n.cli("image", "import", "multi:1", "--platform", "all", check=True)
    yield n
    n.end_of_test()


@pytest.fixture(scope="module")
def root_names(node):
    """{"cid": CIDv1, "ciq": dockerized} of pulled:1."""
    shown = json.dumps(node.cli_json("image", "show", "pulled:1"))
    cid = re.search(r"\bbafybei[a-z2-7]{52}\b", shown)[0]
    raw = base64.b32decode(cid[1:].upper() + "=" * (-len(cid[1:]) % 8))
    return {"cid": cid, "ciq": base64.b32encode(raw[2:]).decode().rstrip("=").lower()}


def layer_of(image):
    return max(image.blobs.values(), key=lambda b: b.size)


def blob(node, image, headers=None, method="GET", name="pulled"):
    return node.registry_request(method, f"/v2/{name}/blobs/{layer_of(image).digest}", headers)


def test_base_route_and_health(node):
    for path in ("/v2/", "/v2"):
        answer = node.registry_request("GET", path)
        assert answer.status == 200 and answer.headers["Docker-Distribution-API-Version"] == "registry/2.0"
    answer = node.registry_request("GET", "/health")
    assert (answer.status, answer.body.strip()) == (200, b"OK")


def test_every_name_of_the_image_works(node, image, root_names):
    for name, reference in (("pulled", "1"), ("library/pulled", "1"), ("pulled", image.digest),
                            (root_names["ciq"], "latest"), (root_names["cid"], "latest"), (root_names["ciq"], image.digest)):
        expect.serves(node, name, reference, image)


def test_names_with_a_port_in_the_path_or_as_mirror_clients_say(node, fake):
    image = fake.push(images.tiny(b"of another host"), "a/b", "1")
    node.cli("image", "import", f"{fake.address}/a/b:1", check=True)
    expect.serves(node, f"{fake.address}/a/b", "1", image)
    mirrored = node.registry_request("GET", f"/v2/a/b/manifests/1?ns={fake.address}")
    assert (mirrored.status, mirrored.body) == (200, image.manifest)
    assert mirrored.headers["OCI-Namespace"] == fake.address
    assert not expect.has(node, "a/b", "1")


def test_head_has_what_docker_needs_and_no_body(node, image):
    answer = node.registry_request("HEAD", "/v2/pulled/manifests/1", {"Accept": expect.ACCEPT})
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["Content-Type"] == image.media_type
    assert int(answer.headers["Content-Length"]) == len(image.manifest)
    assert answer.headers["Docker-Content-Digest"] == image.digest
    answer = blob(node, image, method="HEAD")
    assert (answer.status, int(answer.headers["Content-Length"])) == (200, layer_of(image).size)
    assert answer.headers["Docker-Content-Digest"] == layer_of(image).digest


@pytest.mark.parametrize("spec,first,last", [("500-1499", 500, 1499), ("500-", 500, None), ("-500", -500, None),
                                             ("0-0", 0, 0), ("0-", 0, None), ("100-999999999999", 100, None)])
def test_ranges(node, image, spec, first, last):
    data = layer_of(image).read()
    first = first % len(data)
    last = len(data) - 1 if last is None else last
    answer = blob(node, image, {"Range": f"bytes={spec}"})
    assert answer.status == 206
    assert answer.headers["Content-Range"] == f"bytes {first}-{last}/{len(data)}"
    assert answer.body == data[first:last + 1]


@pytest.mark.parametrize("spec", ["500-0", "999999999999-", "-0"])
def test_ranges_that_cannot_be(node, image, spec):
    answer = blob(node, image, {"Range": f"bytes={spec}"})
    assert answer.status == 416
    assert answer.headers["Content-Range"] == f"bytes */{layer_of(image).size}"


@pytest.mark.parametrize("value", ["bytes=x-y", "lines=1-2", "bytes=", "bytes=1-2-3", "bytes=18446744073709551616-"])
def test_ranges_that_mean_nothing_are_no_ranges(node, image, value):
    answer = blob(node, image, {"Range": value})
    assert answer.status in (200, 400, 416)
    if answer.status == 200:
        assert hashlib.sha256(answer.body).hexdigest() == layer_of(image).digest[7:]


@pytest.mark.parametrize("path,status,code", [
    ("/v2/pulled/manifests/2", 404, "MANIFEST_UNKNOWN"),
    ("/v2/pulled/manifests/sha256:" + "0" * 64, 404, "MANIFEST_UNKNOWN"),
    ("/v2/nothing/here/manifests/1", 404, "NAME_UNKNOWN|MANIFEST_UNKNOWN"),
    ("/v2/pulled/blobs/sha256:" + "0" * 64, 404, "BLOB_UNKNOWN"),
    ("/v2/pulled/blobs/sha256:xyz", 400, "DIGEST_INVALID"),
    ("/v2/pulled/manifests/sha256:baddigest", 400, "DIGEST_INVALID"),
    ("/v2/UPPER/manifests/1", 400, "NAME_INVALID"),
    ("/v2/pulled/manifests/" + "t" * 129, 404, "MANIFEST_UNKNOWN"),
    pytest.param("/v2/" + "a/" * 200 + "manifests/1", 400, "NAME_INVALID", id="long name"),
])
def test_errors_are_what_docker_needs(node, path, status, code):
    answer = node.registry_request("GET", path)
    assert answer.status == status, answer
    assert answer.headers["Content-Type"] == "application/json"
    error, = answer.json["errors"]
    assert re.fullmatch(code, error["code"]) and error["message"] and error["detail"] is not None


def test_tls_hello_gets_a_plain_400_at_once(node):
    host, port = node.registry_address.split(":")
    hello = bytes.fromhex("16030100a5010000a10303") + b"\x00" * 154
    start = time.monotonic()
    with socket.create_connection((host, int(port)), timeout=10) as s:
        s.sendall(hello)
        answer = s.recv(4096)
    assert answer.startswith(b"HTTP/1.1 400")
    assert time.monotonic() - start < 1


def test_keep_alive_and_many_clients(node, image):
    def pull():
        for _ in range(20):
            answer = blob(node, image)
            assert hashlib.sha256(answer.body).hexdigest() == layer_of(image).digest[7:]
    for t in [in_thread(pull) for _ in range(8)]:
        t.result()


def test_clients_that_leave_early_do_no_harm(node, image):
    host, port = node.registry_address.split(":")
    for _ in range(50):
        with socket.create_connection((host, int(port))) as s:
            s.sendall(f"GET /v2/pulled/blobs/{layer_of(image).digest} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            s.recv(1000)
    assert blob(node, image).status == 200


def test_skopeo_copies_and_inspects(node, image):
    d = temporary_directory()
    address = f"docker://{node.registry_address}/pulled:1"
    shown = json.loads(run(["skopeo", "inspect", "--tls-verify=false", address], check=True).stdout)
    assert shown["Digest"] == image.digest
    run(["skopeo", "copy", "--src-tls-verify=false", address, f"dir:{d}"], check=True)
    with open(f"{d}/manifest.json", "rb") as f:
        assert f.read() == image.manifest
    run(["skopeo", "copy", "--all", "--src-tls-verify=false", f"docker://{node.registry_address}/multi:1",
         f"oci:{d}/multi:1"], check=True)


def test_curl_resumes(node, image):
    d = temporary_directory()
    data = layer_of(image).read()
    with open(f"{d}/blob", "wb") as f:
        f.write(data[:100_000])
    run(["curl", "-sSf", "-C", "-", "-o", f"{d}/blob",
         f"http://{node.registry_address}/v2/pulled/blobs/{layer_of(image).digest}"], check=True)
    with open(f"{d}/blob", "rb") as f:
        assert f.read() == data


def test_docker_local_as_host_name(node):
    answer = node.registry_request("GET", "/v2/", {"Host": "docker.local:5005"})
    assert answer.status == 200


def test_blob_is_served_while_it_is_imported(start_node):
    fake = fake_registry.FakeRegistry()
    image = fake.push(images.random_layers(8, seed="growing"), "grow", "1")
    layer = layer_of(image)
    fake.fault(f"GET .*{layer.digest}", fake_registry.stall_after(5_000_000), times=1)
    node = start_node()
    importing = in_thread(lambda: node.cli("image", "import", f"{fake.address}/grow:1"))
    fake.wait_for_request(f"GET .*{layer.digest}")
    host, port = node.registry_address.split(":")
    with socket.create_connection((host, int(port)), timeout=30) as s:
        s.sendall(f"GET {expect.registry_path(fake.address + '/grow', 'blobs', layer.digest)} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        got = b""
        while len(got.partition(b"\r\n\r\n")[2]) < 4_000_000:  # arrives although the blob is not complete
            chunk = s.recv(1 << 20)
            assert chunk, got[:300]
            got += chunk
        assert f"Content-Length: {layer.size}".lower().encode() in got.partition(b"\r\n\r\n")[0].lower()
        fake.clear_faults()
        while chunk := s.recv(1 << 20):
            got += chunk
    assert images.sha256(got.partition(b"\r\n\r\n")[2]) == layer.digest
    assert importing.result().returncode == 0
    fake.close()


def test_blob_that_turns_out_wrong_never_completes(start_node):
    fake = fake_registry.FakeRegistry()
    image = fake.push(images.random_layers(8, seed="growing"), "grow", "1")
    layer = layer_of(image)
    gate = []

    def wrong_at_the_end(h):
        data = bytearray(layer.read())
        data[-1] ^= 1
        h.begin(200, len(data), "application/octet-stream")
        h.body(bytes(data[:5_000_000]))
        h.wfile.flush()
        gate.append(h.registry._released.wait(60))
        h.body(bytes(data[5_000_000:]))
    fake.fault(f"GET .*{layer.digest}", wrong_at_the_end, times=1)
    fake.fault(f"GET .*{layer.digest}", fake_registry.wrong_bytes())
    node = start_node()
    importing = in_thread(lambda: node.cli("image", "import", f"{fake.address}/grow:1"))
    fake.wait_for_request(f"GET .*{layer.digest}")
    host, port = node.registry_address.split(":")
    with socket.create_connection((host, int(port)), timeout=60) as s:
        s.sendall(f"GET {expect.registry_path(fake.address + '/grow', 'blobs', layer.digest)} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        got = s.recv(1 << 20)
        fake._released.set()
        try:
            while chunk := s.recv(1 << 20):
                got += chunk
        except ConnectionError:
            pass
    assert len(got.partition(b"\r\n\r\n")[2]) < layer.size
    assert importing.result().returncode == 1
    fake.close()
