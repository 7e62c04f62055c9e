"""The description of the API and the running server agree: every documented answer is given, no route is undocumented."""
import contextlib
import glob
import os
import re
import shutil
import socket
import subprocess
import urllib.parse

import pytest
from lib import fake_registry, images
from lib.node import Node
from lib.system import REPOSITORY, free_port, in_thread, run, temporary_directory, wait_until

UNKNOWN_CID = "bafybeicieit3h4abhx5vtvamibtmsq4uqwzwcx32p4geoour6gybtpdcyq"
EVIL = {"headers": {"Origin": "http://evil.example"}}
def no_token(handler):
    handler.answer(200, b"nonsense", {"Content-Type": "application/json"})


# What upstream does that is answered with 401, 502, 504 and 429: the registry, and the fault of it.
FAULTS = (({}, "/manifests/", fake_registry.status(401)),
          ({"auth": ("bearer", None, None)}, "/token", no_token),
          ({}, "/manifests/", fake_registry.hang()),
          ({}, "/manifests/", fake_registry.status(429, {"Retry-After": "60"})))
EVENT_CLIENTS_MAX = 128  # src/api/event_feed.hpp
METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH")


def documented(document):
    """{(method, path): its operation} of the whole description."""
    return {(method.upper(), path): operation for path, item in document["paths"].items()
            for method, operation in item.items() if method != "parameters"}


def expected(document):
    """Every (method, path, status) of it."""
    return {(method, path, int(status)) for (method, path), operation in documented(document).items()
            for status in operation["responses"] if status != "default"}


def quoted(text):
    return urllib.parse.quote(text, safe="")


def strategy(name, **more):
    return {"type": "percentage", "nametag": name, "percentage": 100, **more}


class Tour:
    """Asks for everything; `seen` are the (method, path, status) that came."""

    def __init__(self, node, faulty):
        self.node, self.faulty, self.seen = node, faulty, set()
        self.document = node.document()

    def ask(self, method, path, body=None, **kw):
        answer = self.node.request(method, path, body, **kw)  # holds the answer to its schema, too
        template, _ = self.document.path_item(urllib.parse.urlsplit(path).path)
        self.seen.add((method, template, answer.status))
        return answer

    def bodies_that_are_refused(self, method, path):
        self.ask(method, path, b"{", headers={"Content-Type": "application/json"})
        self.ask(method, path, b"a=b", headers={"Content-Type": "text/plain"})
        self.ask(method, path, b" " * (4 << 20), headers={"Content-Type": "application/json"})
        self.ask(method, path, {}, **EVIL)

    def names_that_upstream_refuses(self):
        """All at once: one of the registries does not answer, and is given 20 s for it."""
        names = [f"{registry.address}/x:1" for registry in self.faulty] + ["library/nothing:1", f"127.0.0.1:{free_port()}/x:1"]
        calls = (("POST", "/api/v1/strategy", strategy), ("PUT", "/api/v1/strategy", strategy),
                 ("POST", "/api/v1/image", lambda name: {"ref": name}))
        asked = [in_thread(self.ask, method, path, order(name)) for name in names for method, path, order in calls]
        for a in asked:
            a.result()
        for method, path, order in calls:  # who limits us is waited for at first, and then left alone
            self.ask(method, path, order(f"{self.faulty[-1].address}/x:1"))

    def strategies(self):
        path = "/api/v1/strategy"
        for method in ("POST", "PUT"):
            self.bodies_that_are_refused(method, path)
            self.ask(method, path, strategy("good:1", percentage=101))
            self.ask(method, path, strategy("good:1", type="target", target="nobody"))
        for method in ("POST", "PUT"):
            assert self.ask(method, path + "?dry_run=1", strategy("good:1")).status == 200
        self.ask("POST", path, strategy("good:1"))
        self.ask("POST", path, strategy("good:1", selector={"site": "x"}))
        self.ask("GET", path)
        identity = next(s["id"] for s in self.node.get(path).ok()["strategies"] if s["nametag"] == "good:1" and not s["selector"])
        for key in ("good:1", "none", identity):  # two of that name, none, one
            self.ask("GET", f"{path}/{key}")
            self.ask("GET", f"{path}/{key}/explain")
            self.ask("POST", f"{path}/{key}/pause")
            self.ask("POST", f"{path}/{key}/resume")
        digest = self.node.get(f"{path}/{identity}").ok()["strategy"]["digest"]
        self.node.wait_for(lambda: self.node.get(f"/api/v1/image/{digest}").status == 200, 30,
                           lambda: f"the image is known: {self.node.get(path).ok()}")
        self.ask("DELETE", f"/api/v1/image/{digest}")  # wanted by a strategy
        for key in ("good:1", "none", identity):
            self.ask("DELETE", f"{path}/{key}")
        for s in self.node.get(path).ok()["strategies"]:
            self.node.delete(f"{path}/{s['id']}").ok()

    def images(self):
        path = "/api/v1/image"
        self.bodies_that_are_refused("POST", path)
        answer = self.ask("POST", path, {"ref": "big:1"})
        self.ask("GET", f"/api/v1/transfer/{answer.ok()['transfer']}")
        self.ask("GET", "/api/v1/transfer/none")
        self.ask("GET", "/api/v1/transfer")
        self.node.wait_for(lambda: any(i["name"] == "big:1" and i["complete"] for i in self.node.get(path).ok()["images"]),
                           30, "the image is here")
        self.ask("GET", path)
        image = self.ask("GET", f"{path}/big:1").ok()["image"]
        self.ask("GET", f"{path}/none:1")
        self.contents(image)
        self.ask("DELETE", f"{path}/none:1")
        self.ask("DELETE", f"{path}/big:1", **EVIL)
        self.store()
        self.ask("DELETE", f"{path}/big:1").ok()

    def contents(self, image):
        for cid in (image["root"], "none", UNKNOWN_CID):
            self.ask("POST", f"/api/v1/pin/{cid}")
            self.ask("GET", f"/api/v1/ls/{cid}")
        self.ask("GET", "/api/v1/pin")
        for method in ("POST", "DELETE"):
            self.ask(method, f"/api/v1/pin/{image['root']}", **EVIL)
        for cid in (image["root"], "none", UNKNOWN_CID):
            self.ask("DELETE", f"/api/v1/pin/{cid}")
        for cid in (image["blobs"][0]["cid"], "none", UNKNOWN_CID):
            self.ask("GET", f"/api/v1/cat/{cid}")

    def store(self):
        self.ask("GET", "/api/v1/store")
        for path in ("/api/v1/store/verify", "/api/v1/store/gc"):
            self.ask("POST", path, **EVIL)
            self.ask("POST", path)
            self.ask_while_busy(path)

    def ask_while_busy(self, path):
        """Reading 40 MB takes a moment, in which the store is busy."""
        def busy():
            reading = in_thread(self.node.post, "/api/v1/store/verify")
            while not (answer := self.ask("POST", path)).status == 409 and reading.is_alive():
                pass
            reading.result()
            return answer.status == 409
        wait_until(busy, 30, lambda: "the store is busy")

    def raw_keys(self):
        path = "/api/v1/crdt"
        self.bodies_that_are_refused("POST", path)
        self.ask("POST", path, {"key": "/dm1/node/x", "value": "1"})
        self.ask("POST", path, {"key": "mine", "value": "1"})
        self.ask("GET", path)
        self.ask("GET", f"{path}/mine")
        self.ask("GET", f"{path}/none")
        self.ask("DELETE", f"{path}/{quoted('/dm1/node/x')}")
        self.ask("DELETE", f"{path}/mine")
        self.ask("DELETE", f"{path}/mine")
        self.ask("DELETE", path, **EVIL)
        self.ask("DELETE", path)
        self.ask("GET", "/api/v1/history")

    def the_node(self):
        for path in ("/api/v1/node", "/api/v1/peers", "/api/v1/health", "/metrics", "/api/v1/node/limits"):
            self.ask("GET", path)
        self.bodies_that_are_refused("PUT", "/api/v1/node/limits")
        self.ask("PUT", "/api/v1/node/limits", {"upload": -1})
        self.ask("PUT", "/api/v1/node/limits", {"upload": 0})
        other = "12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA"
        self.operators(other)
        self.members()

    def operators(self, other):
        path = "/api/v1/operator"
        self.ask("GET", path)
        self.bodies_that_are_refused("POST", path)
        self.ask("POST", path, {"peer": "nobody"})
        self.ask("DELETE", f"{path}/nobody")
        self.ask("DELETE", f"{path}/{other}")  # it is none yet
        self.ask("POST", path, {"peer": other})
        self.ask("DELETE", f"{path}/{other}", **EVIL)
        self.ask("DELETE", f"{path}/{other}")
        open_one = Node(self.node.binary, args=["--open-operators"])
        for method, where, body in (("POST", path, {"peer": other}), ("DELETE", f"{path}/{other}", None)):
            self.seen.add((method, self.document.path_item(where)[0], open_one.request(method, where, body).status))
        open_one.end_of_test()

    def members(self):
        """One more node joins, leaves, and is forgotten."""
        health = self.node.get("/api/v1/health").ok()
        data_dir = os.path.join(temporary_directory(), "data")
        os.mkdir(data_dir)
        shutil.copy(os.path.join(self.node.data_dir, "swarm.key"), data_dir)
        other = Node(self.node.binary, data_dir=data_dir,
                     args=["--bootstrap", f"/ip4/127.0.0.1/tcp/{self.node.p2p_port}/p2p/{health['peer']}"])
        peer = other.get("/api/v1/health").ok()["peer"]
        path, unknown = f"/api/v1/peers/{peer}", "/api/v1/peers/12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA"
        wait_until(lambda: self.ask("GET", path).status == 200, 20, lambda: "it is a member")
        self.bodies_that_are_refused("PUT", f"{path}/labels")
        self.ask("PUT", f"{path}/labels", {"site": "store"})
        self.ask("PUT", f"{unknown}/labels", {"site": "store"})
        for member in (path, unknown, "/api/v1/peers/nobody"):
            self.ask("GET", member)
            self.ask("GET", f"{member}/explain")
            self.ask("DELETE", member)
        self.ask("DELETE", path, **EVIL)
        other.stop()
        wait_until(lambda: self.ask("DELETE", path).status == 200, 20, lambda: "it is forgotten")

    def events(self):
        host, port = self.node.api_address.split(":")
        with contextlib.ExitStack() as open_ones:
            for _ in range(EVENT_CLIENTS_MAX + 1):  # fewer, where one that left still counts
                s = open_ones.enter_context(socket.create_connection((host, int(port))))
                s.sendall(b"GET /api/v1/event HTTP/1.1\r\nHost: localhost\r\n\r\n")
                status = int(s.recv(64).split()[1])
                self.seen.add(("GET", "/api/v1/event", status))
                if status != 200:
                    break


@pytest.fixture
def world(binary, fake):
    fake.push(images.tiny(b"good"), "library/good", "1")
    fake.push(images.random_layers(40, 2, seed="openapi"), "library/big", "1")
    faulty = []
    for options, pattern, act in FAULTS:
        faulty.append(fake_registry.FakeRegistry(**options))
        faulty[-1].push(images.tiny(), "x", "1")
        faulty[-1].fault(pattern, act)
    data_dir = os.path.join(temporary_directory(), "data")  # of an operator
    assert run([binary, "init", "--data-dir", data_dir]).returncode == 0
    node = Node(binary, data_dir=data_dir, upstream={"docker.io": fake.url})
    yield Tour(node, faulty)
    for registry in faulty:
        registry.clear_faults()
        registry.close()
    node.end_of_test()


def test_every_documented_answer_is_given(world):
    world.names_that_upstream_refuses()
    world.raw_keys()
    world.the_node()
    world.images()
    world.strategies()
    world.events()
    missing = expected(world.document.document) - world.seen
    assert not missing, f"documented, but never given: {sorted(missing)}"
    unsaid = {s for s in world.seen - expected(world.document.document) if s[1]}
    assert not unsaid, f"given, but not documented: {sorted(unsaid)}"


def routes_in(source):
    """Paths in a source: literals, and `name + "/more"` where the name is a path."""
    out = set(re.findall(r'"((?:/api/v1/|/metrics)[^"?]*)"', source))
    named = {}
    for name, expression in re.findall(r"const std::string (\w+) = ([^;]+);", source):
        named[name] = "".join(named.get(word, word.strip('"')) for word in re.split(r" \+ ", expression))
    return out | set(named.values()) | {named[name] + more for name, more in re.findall(r'(\w+) \+ "(/[^"]*)"', source)
                                        if name in named}


def test_no_route_is_undocumented(binary):
    """Paths as the sources have them; methods as the server tells them."""
    node = Node(binary)
    document = node.document().document
    routes = set()
    for file in glob.glob(f"{REPOSITORY}/src/api/*.cpp"):
        if not file.endswith("_test.cpp"):
            with open(file, encoding="utf-8") as f:
                routes |= routes_in(f.read())
    paths = {re.sub(r":(\w+)", r"{\1}", r).rstrip("/") for r in routes}
    assert paths, "no routes in the sources"
    assert paths == set(document["paths"])
    for path, item in document["paths"].items():
        known = {m.upper() for m in item if m != "parameters"}
        for method in set(METHODS) - known:
            answer = node.request(method, re.sub(r"\{\w+\}", "x", path), {} if method != "GET" else None)
            assert answer.status == 405, (method, path, answer)
            assert set(re.split(r", *", answer.headers["Allow"])) - {"HEAD", "OPTIONS"} == known, path
    node.end_of_test()


@pytest.fixture
def island():
    """A network namespace with a loopback and nothing else: names that are made up lead nowhere."""
    name = f"dm-openapi-{free_port()}"
    run(["ip", "netns", "add", name], check=True)
    run(["ip", "netns", "exec", name, "ip", "link", "set", "lo", "up"], check=True)
    yield name
    subprocess.run(["ip", "netns", "del", name], capture_output=True)


def test_whatever_the_description_allows_is_answered_without_a_500(root, binary, island):
    found = run([f"{REPOSITORY}/tools/toolchain.sh", "schemathesis"], timeout=300)
    if found.returncode != 0:
        pytest.skip(f"schemathesis could not be had: {found.stderr[-300:]}")
    folder = temporary_directory()
    with open(f"{folder}/schemathesis.toml", "w") as f:  # 502 to 504 are upstream's fault, and documented
        f.write('[checks]\nnot_a_server_error.expected-statuses = ["2xx", "3xx", "4xx", 502, 503, 504]\n')
    script = f"""
        cd {folder}
        {binary} run --data-dir {folder}/data --engine none --no-mdns >{folder}/node.log 2>&1 & node=$!
        trap 'kill $node; wait $node' EXIT
        until curl -sf http://127.0.0.1:3000/api/v1/health >/dev/null; do kill -0 $node || exit 9; done
        {found.stdout.strip()}/schemathesis --config-file {folder}/schemathesis.toml run http://127.0.0.1:3000/swagger/openapi.json --url http://127.0.0.1:3000 \\
            --checks not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance \\
            --exclude-path /api/v1/event --phases examples,coverage,fuzzing --max-examples 6 --seed 1 \\
            --request-timeout 60 --no-color
    """
    p = run(["ip", "netns", "exec", island, "bash", "-c", script], timeout=420, env={"DOCKER_CONFIG": "", "HOME": folder})
    with open(f"{folder}/node.log") as f:
        log = f.read()[-2000:]
    assert p.returncode == 0, f"{p.stdout[-6000:]}{p.stderr[-2000:]}\n{log}"
