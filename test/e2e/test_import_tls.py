"""Registries over HTTPS: whose certificates are trusted, and what is said of the others."""
import shutil

import pytest
from lib import expect, fake_registry, images, tls

LOOPBACK = ("IP:127.0.0.1", "DNS:localhost")


@pytest.fixture(scope="module")
def authority():
    return tls.Authority()


@pytest.fixture
def registry():
    """registry(certificate) -> a FakeRegistry that speaks HTTPS."""
    started = []

    def start(certificate, **options):
        started.append(fake_registry.FakeRegistry(tls=certificate, **options))
        return started[-1]
    yield start
    for r in started:
        r.close()


def node_for(start_node, registry, *args):
    return start_node(upstream={registry.address: registry.url}, args=args)


def test_an_authority_of_the_operator_is_trusted(start_node, registry, authority):
    secure = registry(authority.sign(*LOOPBACK), auth=("bearer", None, None))
    image = secure.push(images.small_files(layers=3, files=5, seed="tls"), "x", "1")
    node = node_for(start_node, secure, "--upstream-ca", authority.certificate)
    node.cli("image", "import", f"{secure.address}/x:1", check=True)
    expect.serves(node, f"{secure.address}/x", "1", image)
    assert secure.requests("GET /token"), "the token service is asked over HTTPS too"


@pytest.mark.parametrize("trusted", ["another authority", "the system's only"])
def test_an_unknown_authority_is_refused(start_node, registry, authority, trusted):
    secure = registry(authority.sign(*LOOPBACK))
    secure.push(images.tiny(), "x", "1")
    args = ["--upstream-ca", tls.Authority("another").certificate] if trusted == "another authority" else []
    node = node_for(start_node, secure, *args)
    expect.fails(node.cli("image", "import", f"{secure.address}/x:1"), secure.address, "certificate|trust")
    assert not secure.requests(), "nothing is asked before it is clear who answers"
    assert not expect.has(node, f"{secure.address}/x", "1")


def test_a_certificate_for_another_name_is_refused(start_node, registry, authority):
    secure = registry(authority.sign("DNS:registry.example"))
    secure.push(images.tiny(), "x", "1")
    node = node_for(start_node, secure, "--upstream-ca", authority.certificate)
    expect.fails(node.cli("image", "import", f"{secure.address}/x:1"), secure.address, "certificate|name")
    assert not secure.requests()


def test_a_file_without_certificates_is_named(start_node, registry, authority, directory):
    secure = registry(authority.sign(*LOOPBACK))
    secure.push(images.tiny(), "x", "1")
    file = f"{directory}/ca.pem"
    node = node_for(start_node, secure, "--upstream-ca", file)
    expect.fails(node.cli("image", "import", f"{secure.address}/x:1"), file)
    with open(file, "w") as f:
        f.write("no certificate")
    expect.fails(node.cli("image", "import", f"{secure.address}/x:1"), file)
    shutil.copy(authority.certificate, file)
    node.cli("image", "import", f"{secure.address}/x:1", check=True)
