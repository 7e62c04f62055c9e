"""Every route of the API, who may call it, events, metrics, documentation."""
import glob
import json
import re
import socket

import pytest
from lib import images
from lib.node import Node
from lib.system import REPOSITORY


@pytest.fixture(scope="module")
def node(binary, upstream):
    upstream.push(images.tiny(b"api"), "library/api", "1")
    n = Node(binary, upstream={"docker.io": upstream.url})
    n.cli("image", "import", "api:1", check=True)
    yield n
    n.end_of_test()


@pytest.mark.parametrize("path", ["/api/v1/strategy", "/api/v1/crdt", "/api/v1/node", "/api/v1/peers", "/api/v1/image",
                                  "/api/v1/transfer", "/api/v1/health"])
def test_listings_are_json_and_say_no_error(node, path):
    answer = node.get(path)
    assert answer.headers["Content-Type"].startswith("application/json")
    assert answer.ok().get("error", False) is False


def test_crdt_routes_have_the_shapes_of_the_prototype(node):
    assert node.post("/api/v1/crdt", {"key": "a:b/c", "value": "1"}).ok() == {"error": False, "msg": "success"}
    entry = {"key": "a:b/c", "value": "1"}
    assert node.get("/api/v1/crdt/a%3Ab%2Fc").ok() == {"error": False, "crdt": entry}
    assert entry in node.get("/api/v1/crdt").ok()["crdts"]
    assert node.post("/api/v1/crdt", {"key": "a:b/c", "value": "2"}).ok()
    assert node.get("/api/v1/crdt/a%3Ab%2Fc").ok()["crdt"]["value"] == "2"
    assert node.delete("/api/v1/crdt/a%3Ab%2Fc").ok() == {"error": False, "msg": "success"}
    assert node.get("/api/v1/crdt/a%3Ab%2Fc").status == 404


def test_purge_leaves_our_own_records_alone(node):
    assert node.apply("api:1").ok()
    assert node.post("/api/v1/crdt", {"key": "mine", "value": "1"}).ok()
    assert node.delete("/api/v1/crdt").ok() == {"error": False, "msg": "success"}
    assert node.get("/api/v1/crdt/mine").status == 404
    assert node.get("/api/v1/strategy").ok()["strategies"][0]["nametag"] == "api:1"
    assert node.delete("/api/v1/strategy/percentage-api:1-100-active").ok()


def test_pinning_what_is_here(node):
    cid = re.search(r"\bbafybei[a-z2-7]{52}\b", json.dumps(node.cli_json("image", "show", "api:1")))[0]
    assert node.post(f"/api/v1/pin/{cid}").ok() == {"error": False, "msg": "OK"}
    assert cid in node.cli("pin", "ls", check=True).stdout
    node.cli("pin", "rm", cid, check=True)
    assert cid not in node.cli("pin", "ls", check=True).stdout


def test_metrics_are_prometheus_text(node):
    answer = node.get("/metrics")
    assert answer.status == 200 and answer.headers["Content-Type"].startswith("text/plain")
    names = set(re.findall(r"^# TYPE (\S+) (?:counter|gauge|histogram|summary)$", answer.body.decode(), re.M))
    assert names and all(n.startswith(("distromash_", "process_")) for n in names), names


def test_swagger_is_served_with_its_document(node):
    page = node.get("/swagger/")
    assert page.status == 200 and b"swagger" in page.body.lower()
    redirect = node.get("/swagger")
    assert redirect.status in (200, 301, 302, 307, 308)
    referred = re.findall(r'(?:src|href)="\.?/?([^":?#]+\.(?:js|css))"', page.body.decode())
    for name in referred:
        name = name.removeprefix("swagger/")
        assert node.get(f"/swagger/{name}").status == 200, name


def test_openapi_document_names_every_route(node):
    page = node.get("/swagger/openapi.json")
    if page.status == 404:
        page = node.get("/swagger/openapi.yaml")
    text = page.body.decode()
    assert page.status == 200 and "3.1" in text
    for path in ("/strategy", "/strategy/{key}", "/crdt", "/crdt/{key}", "/image", "/pin/{cid}", "/node", "/peers",
                 "/transfer", "/event", "/health"):
        assert path in text, path


def test_events_are_server_sent(node):
    with node.events() as events:
        assert events.content_type.startswith("text/event-stream")
        assert node.apply("api:1").ok()
        events.wait(lambda kind, data: "api:1" in data, 10)
        assert node.delete("/api/v1/strategy/percentage-api:1-100-active").ok()
        events.wait(lambda kind, data: "api:1" in data, 10)


def test_event_clients_that_never_read_are_bounded(node):
    host, port = node.api_address.split(":")
    before = node.memory()["VmRSS"]
    sockets = []
    for _ in range(40):
        s = socket.create_connection((host, int(port)))
        s.sendall(b"GET /api/v1/event HTTP/1.1\r\nHost: localhost\r\n\r\n")
        sockets.append(s)
    for i in range(300):
        node.post("/api/v1/crdt", {"key": f"k{i}", "value": "v" * 500})
    assert node.memory()["VmRSS"] - before < 16 << 20
    for s in sockets:
        s.close()
    node.delete("/api/v1/crdt")


# who may call

@pytest.mark.parametrize("host", ["localhost:3000", "127.0.0.1", "[::1]:3000", "docker.local:5005", "localhost:9"])
def test_local_names_are_welcome_on_any_port(node, host):
    assert node.get("/api/v1/strategy", headers={"Host": host}).status == 200


@pytest.mark.parametrize("host", ["evil.example", "evil.example:3000", "127.0.0.1.evil.example", "localhost.evil.example", ""])
def test_other_names_are_refused(node, host):
    assert node.get("/api/v1/strategy", headers={"Host": host}).status in (400, 403, 421)
    assert node.post("/api/v1/crdt", {"key": "x", "value": "y"}, headers={"Host": host}).status in (400, 403, 421)


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://localhost.evil.example", "file://"])
def test_web_pages_of_others_cannot_drive_the_api(node, origin):
    for method, path, body in (("POST", "/api/v1/crdt", {"key": "x", "value": "y"}), ("DELETE", "/api/v1/crdt", None),
                               ("POST", "/api/v1/strategy", {}), ("GET", "/api/v1/event", None)):
        answer = node.request(method, path, body, headers={"Origin": origin})
        assert answer.status == 403, (method, path, answer)
        assert "Access-Control-Allow-Origin" not in answer.headers
    assert node.get("/api/v1/crdt/x").status == 404


def test_forms_cannot_post(node):
    """A plain HTML form can send these types across origins without asking first."""
    for media_type in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        answer = node.post("/api/v1/crdt", b'{"key":"x","value":"y"}',
                           headers={"Content-Type": media_type, "Sec-Fetch-Site": "cross-site"})
        assert answer.status in (400, 403, 415)
    assert node.get("/api/v1/crdt/x").status == 404


def test_own_pages_may_call(node):
    origin = f"http://{node.api_address}"
    assert node.post("/api/v1/crdt", {"key": "own", "value": "y"}, headers={"Origin": origin}).status == 200
    assert node.delete("/api/v1/crdt/own", headers={"Origin": origin}).status == 200
    # Through ssh -L another port is in the browser's address bar.
    tunnel = {"Origin": "http://localhost:8080", "Host": "localhost:8080"}
    assert node.post("/api/v1/crdt", {"key": "own", "value": "y"}, headers=tunnel).status == 200


def test_listens_on_loopback_only(node):
    with open("/proc/net/tcp") as f:
        listening = {line.split()[1] for line in f.read().splitlines()[1:] if line.split()[3] == "0A"}
    for address in (node.api_address, node.registry_address):
        port = int(address.split(":")[1])
        assert f"0100007F:{port:04X}" in listening and f"00000000:{port:04X}" not in listening


def test_the_dashboard_asks_for_metrics_that_are_there():
    """As the sources name them: many are served only once there is something to count."""
    with open(f"{REPOSITORY}/packaging/grafana.json", encoding="utf-8") as f:
        asked = set(re.findall(r"\b(?:distromash|process)_\w+", " ".join(
            t["expr"] for p in json.load(f)["panels"] for t in p["targets"])))
    named = set()
    for file in glob.glob(f"{REPOSITORY}/src/**/*.cpp", recursive=True):
        with open(file, encoding="utf-8") as f:
            named |= set(re.findall(r'"((?:distromash|process)_\w+)"', f.read()))
    assert asked and asked - named == set()
