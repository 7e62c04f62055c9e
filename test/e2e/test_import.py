"""Importing from registries: names, credentials, resuming, retries, redirects, platforms."""
import base64
import json
import os
import stat
import threading

import pytest
from lib import expect, fake_registry, images
from lib.system import in_thread, temporary_directory

OTHER = "arm64" if images.ARCHITECTURE != "arm64" else "amd64"
OWN = f"linux/{images.ARCHITECTURE}"


@pytest.fixture
def node(start_node, upstream):
    return start_node(upstream={"docker.io": upstream.url})


def largest(image):
    return max(image.blobs.values(), key=lambda b: b.size)


# names

@pytest.mark.parametrize("oci", [False, True])
def test_single_manifest_is_kept_byte_for_byte(node, upstream, oci):
    image = upstream.push(images.small_files(layers=5, files=300, seed=f"kept-{oci}", oci=oci), "library/kept", f"v{oci}")
    node.cli("image", "import", f"kept:v{oci}", check=True)
    expect.serves(node, "kept", f"v{oci}", image)
    expect.serves(node, "library/kept", f"v{oci}", image)


def test_any_host_and_path_by_tag_and_digest(node, upstream):
    image = upstream.push(images.tiny(b"path"), "a/b-c/d.e", "1.0_x")
    node.cli("image", "import", f"{upstream.address}/a/b-c/d.e:1.0_x", check=True)
    other = upstream.push(images.tiny(b"by digest"), "digest/only", "unused")
    node.cli("image", "import", f"{upstream.address}/digest/only@{other.digest}", check=True)
    listed = node.cli("image", "ls").stdout
    assert f"{upstream.address}/a/b-c/d.e:1.0_x" in listed
    assert other.digest[:19] in listed
    expect.serves(node, f"{upstream.address}/a/b-c/d.e", "1.0_x", image)
    expect.serves(node, f"{upstream.address}/digest/only", other.digest, other)


def test_no_tag_means_latest(node, upstream):
    image = upstream.push(images.tiny(b"latest"), "library/plain", "latest")
    node.cli("image", "import", "plain", check=True)
    expect.serves(node, "plain", "latest", image)


def test_second_import_of_a_tag_takes_the_new_digest(node, upstream):
    upstream.push(images.tiny(b"old"), "library/moving", "1")
    node.cli("image", "import", "moving:1", check=True)
    new = upstream.push(images.tiny(b"new"), "library/moving", "1")
    node.cli("image", "import", "moving:1", check=True)
    expect.serves(node, "moving", "1", new)


def test_post_image_answers_at_once_and_imports(node, upstream):
    image = upstream.push(images.tiny(b"posted"), "library/posted", "7")
    answer = node.post("/api/v1/image", {"name": "posted", "tag": "7"})
    assert answer.ok().items() >= {"error": False, "msg": "Upload order is given and being processed."}.items()
    node.wait_for(lambda: expect.has(node, "posted", "7"), 20, "posted:7 is there")
    expect.serves(node, "posted", "7", image)


# credentials

def auth_file(host, user, password):
    path = os.path.join(temporary_directory(), "auth.json")
    token = base64.b64encode(f"{user}:{password}".encode()).decode()
    with open(path, "w") as f:
        json.dump({"auths": {host: {"auth": token}}}, f)
    return path


def no_secret(node, *secrets):
    log = node.daemon.output(1 << 26)
    for s in secrets:
        assert s not in log, f"{s} is in the log"


@pytest.mark.parametrize("kind", ["basic", "bearer"])
def test_credentials_from_an_auth_file(start_node, kind):
    fake = fake_registry.FakeRegistry(auth=(kind, "user", "s3cr:et-pw"))
    image = fake.push(images.small_files(layers=4, files=20, seed="auth"), "private/app", "1")
    node = start_node(args=["--registry-auth-file", auth_file(fake.address, "user", "s3cr:et-pw")])
    node.cli("image", "import", f"{fake.address}/private/app:1", check=True)
    expect.serves(node, f"{fake.address}/private/app", "1", image)
    assert fake.tokens <= 2, "a token is asked for once, not once a blob"
    no_secret(node, "s3cr:et-pw", base64.b64encode(b"user:s3cr:et-pw").decode(), "token-1")
    fake.close()


def test_credentials_from_docker_config_and_helper(start_node):
    fake = fake_registry.FakeRegistry(auth=("bearer", "robot$x", "from-the-helper"))
    fake.push(images.tiny(b"helper"), "private/app", "1")
    home = temporary_directory()
    helper = os.path.join(home, "docker-credential-dmtest")
    with open(helper, "w") as f:
        f.write('#!/bin/sh\nread -r server\n[ "$1" = get ] && [ "$server" = "%s" ] || exit 1\n'
                'echo \'{"ServerURL":"x","Username":"robot$x","Secret":"from-the-helper"}\'\n' % fake.address)
    os.chmod(helper, stat.S_IRWXU)
    os.mkdir(os.path.join(home, ".docker"))
    with open(os.path.join(home, ".docker", "config.json"), "w") as f:
        json.dump({"credHelpers": {fake.address: "dmtest"}}, f)
    node = start_node(env={"HOME": home, "PATH": home + ":" + os.environ["PATH"]})
    node.cli("image", "import", f"{fake.address}/private/app:1", check=True)
    no_secret(node, "from-the-helper")
    fake.close()


@pytest.mark.parametrize("kind", ["basic", "bearer"])
def test_missing_and_wrong_credentials_say_so_and_do_not_loop(start_node, kind):
    fake = fake_registry.FakeRegistry(auth=(kind, "user", "right"))
    fake.push(images.tiny(), "private/app", "1")
    for args in ([], ["--registry-auth-file", auth_file(fake.address, "user", "wrong")]):
        node = start_node(args=args)
        expect.fails(node.cli("image", "import", f"{fake.address}/private/app:1"), "401|unauthori|credential|denied")
        assert len(fake.requests("/v2/|/token")) < 12
        fake.log.clear()
        no_secret(node, "wrong", base64.b64encode(b"user:wrong").decode())
    fake.close()


def test_anonymous_token_flow(start_node):
    fake = fake_registry.FakeRegistry(auth=("bearer", None, None))
    image = fake.push(images.small_files(layers=3, files=10, seed="anonymous"), "library/open", "1")
    node = start_node(upstream={"docker.io": fake.url})
    node.cli("image", "import", "open:1", check=True)
    expect.serves(node, "open", "1", image)
    token, = {r.path.split("scope=")[1] for r in fake.requests("/token")}
    assert token in ("repository:library/open:pull", "repository%3Alibrary%2Fopen%3Apull")
    fake.close()


def test_expired_token_is_renewed_in_the_middle(start_node):
    fake = fake_registry.FakeRegistry(auth=("bearer", None, None))
    image = fake.push(images.tiny(b"expiring"), "library/open", "1")

    def expire(handler):
        fake.valid_tokens.clear()
        handler.authorised()
    fake.fault("GET /v2/library/open/blobs/", expire, times=1)
    node = start_node(upstream={"docker.io": fake.url})
    node.cli("image", "import", "open:1", check=True)
    expect.serves(node, "open", "1", image)
    fake.close()


# transport

def test_redirect_does_not_take_the_token_to_another_host(start_node):
    fake = fake_registry.FakeRegistry(auth=("bearer", None, None))
    elsewhere = fake_registry.FakeRegistry()
    image = fake.push(images.tiny(b"redirected"), "library/cdn", "1")
    elsewhere.push(image, "library/cdn", "1")
    fake.redirect_blobs_to = elsewhere
    node = start_node(upstream={"docker.io": fake.url})
    node.cli("image", "import", "cdn:1", check=True)
    got = elsewhere.requests("GET .*/blobs/")
    assert got and all("authorization" not in r.headers for r in got)
    fake.close(), elsewhere.close()


def test_redirect_loop_ends(start_node, fake):
    fake.push(images.tiny(), "x")
    fake.fault("/blobs/", lambda h: fake_registry.redirect(fake.url + h.path)(h))
    node = start_node()
    expect.fails(node.cli("image", "import", f"{fake.address}/x"), "redirect")
    assert len(fake.requests("/blobs/")) < 200


def test_broken_blob_resumes_where_it_broke(start_node, fake):
    image = fake.push(images.random_layers(4, seed="resume"), "x")
    layer = largest(image)
    fake.fault(f"GET .*{layer.digest}", fake_registry.cut_after(1_500_000), times=2)
    node = start_node()
    node.cli("image", "import", f"{fake.address}/x", check=True)
    gets = fake.requests(f"GET .*{layer.digest}")
    assert [g.headers.get("range") for g in gets] == [None, "bytes=1500000-", "bytes=3000000-"]
    assert sum(g.sent for g in gets) == layer.size
    expect.serves(node, f"{fake.address}/x", "latest", image)


def test_registry_without_ranges_still_works(start_node):
    fake = fake_registry.FakeRegistry(ranges=False)
    image = fake.push(images.random_layers(4, seed="resume"), "x")
    fake.fault(f"GET .*{largest(image).digest}", fake_registry.cut_after(1_500_000), times=1)
    node = start_node()
    node.cli("image", "import", f"{fake.address}/x", check=True)
    expect.serves(node, f"{fake.address}/x", "latest", image)
    fake.close()


@pytest.mark.parametrize("code", [429, 500, 502, 503])
def test_transient_errors_are_retried(start_node, fake, code):
    image = fake.push(images.tiny(b"retried"), "x")
    for what in ("/manifests/", "/blobs/"):
        fake.fault(f"GET .*{what}", fake_registry.status(code), times=2)
    node = start_node()
    node.cli("image", "import", f"{fake.address}/x", check=True)
    expect.serves(node, f"{fake.address}/x", "latest", image)


def test_retry_after_is_obeyed(start_node, fake):
    fake.push(images.tiny(b"later"), "x")
    fake.fault("GET .*/blobs/", fake_registry.status(429, {"Retry-After": "2"}), times=1)
    node = start_node()
    node.cli("image", "import", f"{fake.address}/x", check=True)
    refused = next(r for r in fake.requests("/blobs/") if r.status == 429)
    again = next(r for r in fake.requests("GET") if r.path == refused.path and r.time > refused.time)
    assert 1.9 <= again.time - refused.time < 10


def test_two_imports_of_one_image_share_the_work(start_node, fake):
    image = fake.push(images.random_layers(4, seed="shared"), "x")
    layer = largest(image)
    fake.fault(f"GET .*{layer.digest}", fake_registry.stall_after(1_000_000), times=1)
    node = start_node()
    first = in_thread(lambda: node.cli("image", "import", f"{fake.address}/x"))
    fake.wait_for_request(f"GET .*{layer.digest}")
    second = in_thread(lambda: node.cli("image", "import", f"{fake.address}/x"))
    fake.wait_for_request("manifests/latest", count=2)
    fake.clear_faults()
    assert first.result().returncode == 0 and second.result().returncode == 0
    assert len([r for r in fake.requests(f"GET .*{layer.digest}") if not r.headers.get("range")]) == 1
    for blob in image.blobs:
        assert sum(r.sent for r in fake.requests(f"GET .*{blob}")) == image.blobs[blob].size
    expect.serves(node, f"{fake.address}/x", "latest", image)


def test_layers_shared_between_images_are_fetched_once(start_node, fake):
    image = fake.push(images.tiny(b"common"), "x")
    node = start_node()
    node.cli("image", "import", f"{fake.address}/x", check=True)
    fake.push(image, "y/z", "2")
    node.cli("image", "import", f"{fake.address}/y/z:2", check=True)
    assert not fake.requests("GET /v2/y/z/blobs/")


def test_blobs_come_a_bounded_number_at_once(start_node, upstream, counting_proxy):
    upstream.push(images.small_files(layers=24, files=4, seed="many"), "many", "1")
    counting_proxy.rate = 400_000
    node = start_node()
    node.cli("image", "import", f"{counting_proxy.address}/many:1", check=True)
    assert 1 < counting_proxy.concurrent_max <= 8


# platforms

@pytest.mark.parametrize("oci", [False, True])
def test_platform_auto_takes_our_own_only(start_node, fake, oci):
    image = fake.push(images.multi_platform(oci=oci, attestation=oci), "m")
    node = start_node()
    node.cli("image", "import", f"{fake.address}/m", check=True)
    expect.serves(node, f"{fake.address}/m", "latest", image, platforms=[OWN])
    fetched = {r.path.rsplit("/", 1)[1] for r in fake.requests("GET .*/blobs/")}
    own = next(d for d, (_, m) in image.manifests.items() if image.ids[OWN].encode() in m and b"layers" in m)
    assert fetched == {b["digest"] for b in expect.blobs_of(image.manifests[own][1])}


def test_platform_all_takes_everything_with_attestations(start_node, fake):
    image = fake.push(images.multi_platform(), "m")
    node = start_node()
    node.cli("image", "import", f"{fake.address}/m", "--platform", "all", check=True)
    expect.serves(node, f"{fake.address}/m", "latest", image)


def test_platform_list(start_node, fake):
    image = fake.push(images.multi_platform(), "m")
    node = start_node()
    node.cli("image", "import", f"{fake.address}/m", "--platform", f"linux/{OTHER}", "--platform", "linux/arm/v7",
             check=True)
    expect.serves(node, f"{fake.address}/m", "latest", image, platforms=[f"linux/{OTHER}", "linux/arm/v7"])


def test_platforms_that_the_image_lacks_are_told(start_node, fake):
    image = fake.push(images.multi_platform(), "m")
    node = start_node()
    p = node.cli("image", "import", f"{fake.address}/m", "--platform", OWN, "--platform", "linux/s390x", check=True)
    assert "linux/s390x" in p.stdout
    expect.serves(node, f"{fake.address}/m", "latest", image, platforms=[OWN])


def test_no_such_platform_says_which_there_are(start_node, fake):
    fake.push(images.multi_platform(), "m")
    node = start_node()
    sentence = expect.fails(node.cli("image", "import", f"{fake.address}/m", "--platform", "linux/s390x"), "linux/s390x")
    assert "amd64" in sentence and "unknown" not in sentence.replace("unknown platform", "")
    assert fake.address not in node.cli("image", "ls").stdout


# one image, several imports

def layers_of(image, platform):
    """Digests of the layers of one platform."""
    manifest = next(m for _, m in image.manifests.values() if b"layers" in m and image.ids[platform].encode() in m)
    return [layer["digest"] for layer in json.loads(manifest)["layers"]]


def unpinned_bytes(node):
    store = node.get("/api/v1/store").ok()["store"]
    return store["blob_bytes"] - store["pinned_bytes"]


def test_platforms_of_two_imports_add_up(start_node, fake):
    image = fake.push(images.multi_platform(content=b"adds up"), "m")
    node = start_node()
    for platform in (OWN, f"linux/{OTHER}"):
        node.cli("image", "import", f"{fake.address}/m", "--platform", platform, check=True)
    assert unpinned_bytes(node) == 0
    node.cli("store", "gc", check=True)
    expect.serves(node, f"{fake.address}/m", "latest", image, platforms=[OWN, f"linux/{OTHER}"])
    shown = node.get("/api/v1/image").ok()["images"]
    assert "stored" in json.dumps(shown), shown


def test_a_failing_import_takes_nothing_from_what_was_here(start_node, fake):
    image = fake.push(images.multi_platform(content=b"second fails"), "m")
    node = start_node()
    node.cli("image", "import", f"{fake.address}/m", "--platform", OWN, check=True)
    before = node.get("/api/v1/store").ok()["store"]["pinned_bytes"]
    fake.fault("GET .*/blobs/", fake_registry.status(404))
    expect.fails(node.cli("image", "import", f"{fake.address}/m", "--platform", f"linux/{OTHER}"), "is unknown to")
    assert node.get("/api/v1/store").ok()["store"]["pinned_bytes"] == before
    node.cli("store", "gc", check=True)
    expect.serves(node, f"{fake.address}/m", "latest", image, platforms=[OWN])


def test_an_import_that_fails_beside_another_of_the_same_image(start_node, fake):
    image = fake.push(images.multi_platform(content=b"beside"), "m")
    slow, = layers_of(image, OWN)
    broken, = layers_of(image, f"linux/{OTHER}")
    may_go_on = threading.Event()

    def late(handler):
        may_go_on.wait(60)
        handler.serve(handler.body_of_path(), "application/octet-stream")
    fake.fault(f"GET .*{slow}", late)
    fake.fault(f"GET .*{broken}", fake_registry.status(404))
    node = start_node()
    good = in_thread(lambda: node.cli("image", "import", f"{fake.address}/m", "--platform", OWN, check=True))
    node.wait_for(lambda: fake.requests(f"GET .*{slow}"), 20, "the first import waits for its layer")
    expect.fails(node.cli("image", "import", f"{fake.address}/m", "--platform", f"linux/{OTHER}"), "is unknown to")
    may_go_on.set()
    good.result(60)
    node.cli("store", "gc", check=True)
    expect.serves(node, f"{fake.address}/m", "latest", image, platforms=[OWN])


def test_the_import_of_a_second_platform_goes_on_after_a_crash(start_node, fake):
    image = fake.push(images.multi_platform(content=b"crash"), "m")
    node = start_node()
    node.cli("image", "import", f"{fake.address}/m", "--platform", OWN, check=True)
    fake.fault("GET .*/blobs/", fake_registry.hang())
    fake.log.clear()
    node.cli("image", "import", f"{fake.address}/m", "--platform", "all", "--no-wait", check=True)
    node.wait_for(lambda: fake.requests("GET .*/blobs/"), 20, "the second import waits for a blob")
    node.kill()
    fake.clear_faults()
    node.start()
    node.wait_for(lambda: all(
        node.registry_request("HEAD", expect.registry_path(f"{fake.address}/m", "blobs", d)).status == 200
        for d in image.blobs), 30, "all platforms are here")
    expect.serves(node, f"{fake.address}/m", "latest", image)
