"""What a person or a script can get wrong at the API and the command line: the right status, one sentence, no harm."""
import time

import pytest
from lib import expect, images
from lib.node import Node
from lib.system import MIB


@pytest.fixture(scope="module")
def node(binary, upstream):
    upstream.push(images.tiny(b"known"), "library/known", "1")
    n = Node(binary, upstream={"docker.io": upstream.url})
    yield n
    n.end_of_test()


@pytest.fixture(autouse=True)
def _nothing_left(node):
    yield
    assert node.get("/api/v1/strategy").ok()["strategies"] in ([], None)


GOOD = {"type": "percentage", "nametag": "known:1", "percentage": 50, "target": "", "execute": True}


@pytest.mark.parametrize("change,status,words", [
    ({"percentage": -1}, 400, "percentage"),
    ({"percentage": 101}, 400, "percentage"),
    ({"percentage": 0}, 400, "percentage"),
    ({"percentage": "50"}, 400, "percentage"),
    ({"percentage": 50.5}, 400, "percentage"),
    ({"percentage": 1e300}, 400, "percentage"),
    ({"percentage": None}, 400, "percentage"),
    ({"nametag": ""}, 400, "nametag|name"),
    ({"nametag": "has spaces:1"}, 400, "nametag|name|space"),
    ({"nametag": "x" * 300}, 400, "long|255|nametag|name"),
    ({"nametag": "../../etc"}, 400, "nametag|name"),
    ({"nametag": "UPPER/case:1"}, 400, "lower|name"),
    ({"nametag": "a:b:c:d"}, 400, "name|tag"),
    ({"nametag": "x:" + "t" * 129}, 400, "tag"),
    ({"nametag": "x@sha256:zz"}, 400, "digest|name"),
    ({"nametag": "bad\u0000name"}, 400, "name"),
    ({"nametag": 7}, 400, "nametag"),
    ({"type": "everywhere"}, 400, "type"),
    ({"type": ""}, 400, "type"),
    ({"type": None}, 400, "type"),
    ({"execute": "yes"}, 400, "execute"),
    ({"type": "target", "target": ""}, (400, 422), "target"),
    ({"type": "target", "target": "doesntmatter"}, 422, "peer id|target"),
    ({"type": "target", "target": "QmUdSkPo6Q3U3PmOJZM4Pk2Y5z5pJ8fyj433HQ4tUQbkX7"}, 422, "peer id|target"),
])
def test_strategy_with_a_wrong_field(node, change, status, words):
    expect.api_error(node.post("/api/v1/strategy", {**GOOD, **change}), status, words)
    expect.api_error(node.request("PUT", "/api/v1/strategy", {**GOOD, **change}), status, words)


@pytest.mark.parametrize("missing", ["type", "nametag", "percentage"])
def test_strategy_without_a_field(node, missing):
    expect.api_error(node.post("/api/v1/strategy", {k: v for k, v in GOOD.items() if k != missing}), 400, missing)


def test_unknown_image_and_tag(node):
    expect.api_error(node.post("/api/v1/strategy", {**GOOD, "nametag": "nothing-of-the-kind:1"}), 404, "nothing-of-the-kind")
    expect.api_error(node.post("/api/v1/strategy", {**GOOD, "nametag": "known:2"}), 404, "known:2")


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"5", b'"x"', b"\xff\xfe", b'{"type":"percentage",}',
                                  b"[" * 100_000, b"a=1&b=2"])
@pytest.mark.parametrize("path", ["/api/v1/strategy", "/api/v1/crdt", "/api/v1/image"])
def test_malformed_json(node, path, body):
    expect.api_error(node.post(path, body), 400)


def test_json_of_100_mb_is_refused_early(node):
    before = node.memory()["VmRSS"]
    start = time.monotonic()
    body = b'{"nametag":"' + b"a" * 100_000_000 + b'"}'
    try:
        expect.api_error(node.post("/api/v1/strategy", body), 413)
    except (BrokenPipeError, ConnectionResetError):
        # Refused before the body was through: right, but the answer must still be readable for who waits for it.
        answer = node.post("/api/v1/strategy", b"{}", headers={"Content-Length": "100000000", "Expect": "100-continue"})
        assert answer.status == 413
    assert time.monotonic() - start < 5
    assert node.memory()["VmRSS"] - before < 8 * MIB


@pytest.mark.parametrize("body,words", [({"name": "", "tag": "1"}, "name"), ({"name": "x"}, "tag"),
                                        ({"name": "../x", "tag": "1"}, "name"), ({"name": "x", "tag": "a b"}, "tag"),
                                        ({"name": 1, "tag": "1"}, "name")])
def test_image_order_with_a_wrong_field(node, body, words):
    expect.api_error(node.post("/api/v1/image", body), 400, words)


@pytest.mark.parametrize("body", [{"key": "", "value": "x"}, {"key": "x", "value": ""}, {"key": "x"}, {"value": "x"},
                                  {"key": 1, "value": "x"}])
def test_crdt_entry_with_a_wrong_field(node, body):
    expect.api_error(node.post("/api/v1/crdt", body), 400, "key|value")


def test_things_that_are_not_there(node):
    for path in ("/api/v1/strategy/percentage-nothing:1-50-active", "/api/v1/crdt/nothing", "/api/v1/nothing", "/nothing"):
        expect.api_error(node.get(path), 404)
    expect.api_error(node.delete("/api/v1/strategy/percentage-nothing:1-50-active"), 404)
    expect.api_error(node.delete("/api/v1/crdt/nothing"), 404)
    unknown = "bafybeifqi3ldg5yclcz33zahr37aieo4epzbhhjxjpwoqyau2mzdxakqhq"
    expect.api_error(node.post(f"/api/v1/pin/{unknown}"), 404)
    expect.api_error(node.post("/api/v1/pin/not-a-cid"), 400, "CID")


def test_wrong_method_says_which_are_right(node):
    for method, path in (("PATCH", "/api/v1/strategy"), ("DELETE", "/api/v1/strategy"), ("POST", "/api/v1/health")):
        answer = node.request(method, path, {})
        expect.api_error(answer, 405)
        assert "GET" in answer.headers["Allow"]


def test_paths_that_try_to_escape(node):
    for path in ("/swagger/../../etc/passwd", "/static/..%2f..%2fetc/passwd", "/api/v1/strategy/..%2f..%2fetc",
                 "/%00", "/" + "a" * 100_000, "/api/v1/crdt/%zz"):
        assert node.get(path).status in (400, 404, 414, 431), path


def test_hand_made_http(node):
    """Requests that no client sends: answered or cut, never a crash."""
    import socket
    host, port = node.api_address.split(":")
    for data in (b"\r\n\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\x16\x03\x01\x00\xa5" + b"x" * 165,
                 b"POST /api/v1/strategy HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
                 b"POST /api/v1/strategy HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                 b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X: " + b"y" * 1_000_000 + b"\r\n\r\n"):
        with socket.create_connection((host, int(port)), timeout=10) as s:
            try:
                s.sendall(data)
                s.shutdown(socket.SHUT_WR)
                while s.recv(65536):
                    pass
            except (ConnectionError, BrokenPipeError):
                pass
    assert node.get("/api/v1/health").status == 200


# the same mistakes at the command line: one sentence, exit code 1 (2 for usage)

@pytest.mark.parametrize("args,code", [
    (["strategy", "apply", "known:1", "--percentage", "0"], (1, 2)),
    (["strategy", "apply", "known:1", "--percentage", "101"], (1, 2)),
    (["strategy", "apply", "known:1", "--percentage", "half"], (2,)),
    (["strategy", "apply", "known:1"], (1, 2)),
    (["strategy", "apply", "has spaces:1", "--percentage", "50"], (1, 2)),
    (["strategy", "apply", "known:1", "--target", "nobody"], (1, 2)),
    (["strategy", "apply", "nothing-of-the-kind:1", "--percentage", "50"], (1,)),
    (["strategy", "rm", "nothing:1"], (1,)),
    (["strategy", "show", "nothing:1"], (1,)),
    (["image", "import", "x y"], (1, 2)),
    (["image", "show", "nothing:1"], (1,)),
    (["image", "rm", "nothing:1"], (1,)),
    (["pin", "add", "not-a-cid"], (1, 2)),
    (["strategy", "ls", "--output", "xml"], (2,)),
    (["frobnicate"], (2,)),
    (["run", "--no-such-flag"], (2,)),
    (["cid", "/no/such/path"], (1,)),
])
def test_command_line_mistakes(node, args, code):
    p = node.cli(*args)
    assert p.returncode in code, f"exit {p.returncode}: {p.stdout}{p.stderr}"
    if p.returncode == 1:
        expect.one_sentence(p.stderr)
    assert p.stderr.strip() and not expect.NOT_FOR_PEOPLE.search(p.stderr)


def test_command_line_without_a_node(node):
    expect.fails(node.cli("strategy", "ls", env={"DISTROMASH_API": "127.0.0.1:9"}), "127.0.0.1:9", "distromash run|running|reach")
