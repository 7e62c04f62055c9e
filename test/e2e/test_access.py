"""Who may use API and registry from elsewhere: TLS, passwords, tokens, roles."""
import base64
import http.client
import os
import ssl

import pytest
from lib import expect
from lib.system import free_port, run, temporary_directory, wait_until
from lib.tls import Authority

TOKEN = "0123456789abcdef-of-the-tests"


@pytest.fixture(scope="module")
def files():
    """Paths of a certificate, its key, and who may do what."""
    folder = temporary_directory()
    authority = Authority()
    certificate = authority.sign("IP:127.0.0.1", "DNS:localhost")
    out = {"ca": authority.certificate, "cert": certificate.certificate, "key": certificate.key}
    hashed = run(["openssl", "passwd", "-6", "secret"], check=True).stdout.strip()
    for name, text in (("htpasswd", f"alice:{hashed}\nbob:{hashed}\n"), ("tokens", f"ci {TOKEN}\n"),
                       ("access", "alice * read,push,delete\nbob team/* read\nci * admin\n")):
        out[name] = os.path.join(folder, name)
        with open(out[name], "w") as f:
            f.write(text)
    return out


@pytest.fixture
def node(start_node, files, upstream):
    return start_node(upstream={"docker.io": upstream.url}, args=[
        "--registry-cert", files["cert"], "--registry-key", files["key"], "--registry-htpasswd", files["htpasswd"],
        "--registry-token-file", files["tokens"], "--registry-access", files["access"]])


def ask(files, address, method, path, body=None, **headers):
    context = ssl.create_default_context(cafile=files["ca"])
    c = http.client.HTTPSConnection(address, timeout=30, context=context)
    try:
        c.request(method, path, body, headers)
        r = c.getresponse()
        return r.status, r.headers, r.read()
    finally:
        c.close()


@pytest.mark.parametrize("option,words", [("--api", "--api-token-file"), ("--registry", "--registry-htpasswd")])
def test_off_loopback_never_without(binary, option, words):
    p = run([binary, "run", "--data-dir", temporary_directory(), option, f"0.0.0.0:{free_port()}"])
    sentence = expect.fails(p, "other machines", words)
    assert "cert" in sentence


def test_docker_logs_in_pushes_and_pulls(node, docker, upstream, busybox):
    docker.pull(f"{upstream.address}/library/busybox:1.35.0")
    name = f"{node.registry_address}/team/app:1"
    docker.tag(f"{upstream.address}/library/busybox:1.35.0", name)
    assert "no basic auth credentials" in docker.cli("push", name, check=False).stderr
    assert docker.cli("login", "-u", "alice", "-p", "wrong", node.registry_address, check=False).returncode
    docker.cli("login", "-u", "alice", "-p", "secret", node.registry_address)
    docker.cli("push", name)
    docker.remove(name)
    docker.cli("login", "-u", "bob", "-p", "secret", node.registry_address)
    docker.pull(name)
    denied = docker.cli("push", name, check=False)
    assert denied.returncode and "denied" in denied.stderr
    for one in (name, f"{upstream.address}/library/busybox:1.35.0"):
        docker.remove(one)
    docker.cli("logout", node.registry_address)
    assert docker.cli("pull", name, check=False).returncode


def test_roles_over_tls(node, files):
    def status(method, path, who=None, token=None):
        headers = {}
        if who:
            headers["Authorization"] = "Basic " + base64.b64encode(f"{who}:secret".encode()).decode()
        if token:
            headers["Authorization"] = "Bearer " + token
        return ask(files, node.registry_address, method, path, **headers)[0]

    assert status("GET", "/v2/") == 401 and status("GET", "/v2/", "bob") == 200
    assert status("POST", "/v2/team/app/blobs/uploads/", "bob") == 403
    assert status("POST", "/v2/team/app/blobs/uploads/", "alice") == 202
    assert status("POST", "/v2/team/app/blobs/uploads/", token=TOKEN) == 202
    assert status("GET", "/v2/other/app/tags/list", "bob") == 403
    assert status("GET", "/v2/_catalog", "bob") == 403 and status("GET", "/v2/_catalog", token=TOKEN) == 200
    answer = ask(files, node.registry_address, "GET", "/v2/team/app/tags/list")
    assert answer[0] == 401 and answer[1]["WWW-Authenticate"].startswith("Basic ")


def test_who_speaks_no_tls_is_not_served(node):
    c = http.client.HTTPConnection(node.registry_address, timeout=10)
    with pytest.raises((http.client.HTTPException, OSError)):
        c.request("GET", "/v2/")
        c.getresponse()


def test_the_api_wants_a_token_over_tls(start_node, files):
    node = start_node(args=["--api-cert", files["cert"], "--api-key", files["key"], "--api-token-file", files["tokens"]],
                      wait=False)

    def answers():
        try:
            return ask(files, node.api_address, "GET", "/api/v1/health")[0]
        except OSError:
            return None

    assert wait_until(answers, 20, lambda: "the API answers") == 401
    assert ask(files, node.api_address, "GET", "/metrics")[0] == 401
    status, headers, _ = ask(files, node.api_address, "GET", "/api/v1/strategy", Authorization="Bearer wrong-wrong-wrong-wrong")
    assert (status, headers["WWW-Authenticate"]) == (401, 'Bearer realm="distromash"')
    assert ask(files, node.api_address, "GET", "/api/v1/health", Authorization=f"Bearer {TOKEN}")[0] == 200
    assert ask(files, node.api_address, "GET", "/")[0] == 200, "the page that asks for the token"
    cli = [node.binary, "node", "ls", "--api", f"https://{node.api_address}"]
    told = run(cli, env={"DISTROMASH_API_TOKEN": TOKEN, "DISTROMASH_API_CA": files["ca"]}, check=True)
    assert "linux" in told.stdout
    expect.fails(run(cli, env={"DISTROMASH_API_CA": files["ca"]}), "token")
    for _ in range(12):
        status = ask(files, node.api_address, "GET", "/api/v1/health", Authorization="Bearer wrong-wrong-wrong-wrong")[0]
    assert status == 429
