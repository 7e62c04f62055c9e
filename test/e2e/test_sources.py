"""Images come in from, and go out to, folders, archives, Docker and other registries: digests as skopeo has them."""
import io
import json
import os
import subprocess
import tarfile

import pytest
from lib import images
from lib.registry import Registry
from lib.system import run, temporary_directory

NOWHERE = {"docker.io": "http://127.0.0.1:1"}


@pytest.fixture
def node(start_node):
    return start_node(upstream=NOWHERE)


@pytest.fixture
def cli(node):
    def call(*args, check=True, **kw):
        more = ["--registry", node.registry_address] if args[1] in ("import", "export") else []
        return node.cli(*args, *more, check=check, **kw)
    return call


def skopeo(*args):
    return run(["skopeo", *args], check=True).stdout


def digest_at(place):
    return images.sha256(skopeo("inspect", "--raw", "--tls-verify=false", place).encode())


def config_at(place):
    return images.sha256(skopeo("inspect", "--raw", "--config", "--tls-verify=false", place).encode())


def layers_at(place):
    return json.loads(skopeo("inspect", "--config", "--tls-verify=false", place))["rootfs"]["diff_ids"]


@pytest.mark.parametrize("form", ["oci", "oci-archive"])
def test_an_image_of_many_platforms_keeps_its_digests_in_and_out(node, cli, upstream, form):
    image = upstream.push(images.multi_platform(), "library/many", "1")
    source = f"docker://{upstream.address}/library/many:1"
    place = f"{form}:{os.path.join(temporary_directory(), 'image')}:1"
    # An image layout holds OCI types: skopeo turns Docker's into them.
    skopeo("copy", "--all", "--src-tls-verify=false", source, place)
    digest = digest_at(place)
    said = cli("image", "import", "many:1", "--from", place)
    assert digest in said.stdout
    shown = node.cli_json("image", "show", "many:1")
    assert (shown["digest"], shown["names"]) == (digest, ["many:1"])
    assert len([p for p in shown["platforms"] if p["imported"]]) == len(image.ids)
    assert node.registry_request("GET", "/v2/_catalog").json["repositories"] == [], "nothing stays where it waited"
    back = f"{form}:{os.path.join(temporary_directory(), 'back')}:again"
    cli("image", "export", "many:1", back)
    assert digest_at(back) == digest
    skopeo("copy", "--all", "--dest-tls-verify=false", back, f"docker://{upstream.address}/library/back:1")
    assert digest_at(f"docker://{upstream.address}/library/back:1") == digest


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
def test_compressed_layers_stay_as_they_are(node, cli, upstream, busybox, compression):
    folder = os.path.join(temporary_directory(), "image")
    skopeo("copy", "--src-tls-verify=false", "--dest-compress-format", compression, "--dest-compress",
           f"docker://{upstream.address}/library/busybox:1.35.0", f"oci:{folder}:1")
    digest = digest_at(f"oci:{folder}:1")
    cli("image", "import", "busybox:1", "--from", f"oci:{folder}")
    shown = node.cli_json("image", "show", "busybox:1")
    assert shown["digest"] == digest
    out = os.path.join(temporary_directory(), "out.tar")
    cli("image", "export", "busybox:1", f"docker-archive:{out}")
    assert config_at(f"docker-archive:{out}") == config_at(f"oci:{folder}:1")
    assert layers_at(f"docker-archive:{out}") == layers_at(f"oci:{folder}:1")


def test_what_docker_saves_comes_in_and_goes_out_again(node, cli, docker, upstream, busybox):
    name = f"{upstream.address}/library/busybox:1.35.0"
    docker.pull(name)
    docker.tag(name, "saved:1")
    archive = os.path.join(temporary_directory(), "saved.tar")
    docker.cli("save", "-o", archive, "saved:1")
    docker.remove(name)
    docker.remove("saved:1")
    cli("image", "import", "mesh/team/saved:1", "--from", f"docker-archive:{archive}")
    with open(archive, "rb") as f:
        packed = subprocess.run(["gzip", "-c"], stdin=f, capture_output=True, check=True).stdout
    compressed = archive + ".gz"
    with open(compressed, "wb") as f:
        f.write(packed)
    cli("image", "import", "saved:2", "--from", f"docker-archive:{compressed}:saved:1")
    first, second = (node.cli_json("image", "show", n)["digest"] for n in ("mesh/team/saved:1", "saved:2"))
    assert first == second, "the same archive gives the same digest"
    docker.pull(f"{node.registry_address}/team/saved:1")
    assert docker.image(f"{node.registry_address}/team/saved:1")["Id"] == busybox.id
    docker.remove(f"{node.registry_address}/team/saved:1")
    out = os.path.join(temporary_directory(), "out.tar")
    cli("image", "export", "saved:2", f"docker-archive:{out}")
    assert "saved:2" in docker.cli("load", "-i", out).stdout
    assert docker.image("saved:2")["Id"] == busybox.id
    docker.remove("saved:2")


def test_a_docker_daemon_is_read_and_written(node, cli, docker, upstream, busybox):
    name = f"{upstream.address}/library/busybox:1.35.0"
    docker.pull(name)
    env = {"DOCKER_HOST": docker.host}
    cli("image", "import", "mesh/from-docker:1", "--from", f"docker-daemon:{name}", env=env)
    docker.remove(name)
    cli("image", "export", "mesh/from-docker:1", "docker-daemon:given:1", env=env)
    assert docker.image("given:1")["Id"] == busybox.id
    docker.remove("given:1")
    absent = cli("image", "import", "mesh/x:1", "--from", "docker-daemon:absent:1", env=env, check=False)
    assert absent.returncode == 1 and "absent:1" in absent.stderr


def test_registries_are_copied_between_without_docker_or_node(node, upstream):
    image = upstream.push(images.multi_platform(), "library/many", "1")
    other = Registry()
    said = node.cli("image", "copy", f"{upstream.address}/library/many:1", f"docker://{other.address}/team/many:2", check=True)
    assert image.digest in said.stdout
    assert digest_at(f"docker://{other.address}/team/many:2") == image.digest
    again = node.cli_json("image", "copy", f"{upstream.address}/library/many:1", f"docker://{other.address}/team/many:3")
    assert again["bytes_written"] == 0, "the blobs are there"
    one = os.path.join(temporary_directory(), "one")
    node.cli("image", "copy", f"docker://{other.address}/team/many:2", f"oci:{one}:1", "--platform", "linux/arm64", check=True)
    held = {f"sha256:{name}" for name in os.listdir(os.path.join(one, "blobs", "sha256"))}
    assert image.ids["linux/arm64"] in held and image.ids["linux/amd64"] not in held
    wrong = node.cli("image", "copy", f"docker://{other.address}/team/many:2", f"oci:{one}:1", "--platform", "linux/s390x")
    assert wrong.returncode == 1 and "linux/s390x" in wrong.stderr


def tar(path, *items):
    with tarfile.open(path, "w") as t:
        for name, data, link in items:
            info = tarfile.TarInfo(name)
            if link:
                info.type, info.linkname = tarfile.SYMTYPE, link
            info.size = len(data)
            t.addfile(info, io.BytesIO(data))
    return path


def test_archives_that_are_not_safe_are_refused_in_one_sentence(node, cli):
    path = os.path.join(temporary_directory(), "bad.tar")
    for items, why in (([("../x", b"x", None)], "leads out"), ([("/etc/x", b"x", None)], "absolute"),
                       ([("a", b"", "/etc/passwd")], "link"), ([("a", b"x", None)], "manifest.json")):
        p = cli("image", "import", "mesh/x:1", "--from", f"docker-archive:{tar(path, *items)}", check=False)
        assert p.returncode == 1 and why in p.stderr and len(p.stderr.splitlines()) == 1, p.stderr
    with open(path, "wb") as f:  # a million entries, 512 bytes each
        header = tarfile.TarInfo("f").tobuf()
        for _ in range(100):
            f.write(header * 10_000)
    p = cli("image", "import", "mesh/x:1", "--from", f"oci-archive:{path}", check=False)
    assert p.returncode == 1 and ("twice" in p.stderr or "more than" in p.stderr), p.stderr
    assert node.running()


def test_a_layout_whose_bytes_are_wrong_leaves_nothing(node, cli, upstream, busybox):
    folder = os.path.join(temporary_directory(), "image")
    skopeo("copy", "--src-tls-verify=false", f"docker://{upstream.address}/library/busybox:1.35.0", f"oci:{folder}:1")
    blobs = os.path.join(folder, "blobs", "sha256")
    layer = max((os.path.join(blobs, n) for n in os.listdir(blobs)), key=os.path.getsize)
    with open(layer, "r+b") as f:
        f.seek(1000)
        f.write(b"\0wrong\0")
    p = cli("image", "import", "busybox:1", "--from", f"oci:{folder}", check=False)
    assert p.returncode == 1 and "do not match" in p.stderr
    assert node.cli("image", "show", "busybox:1").returncode == 1
    assert node.registry_request("GET", "/v2/_catalog").json["repositories"] == []


def test_memory_does_not_depend_on_the_size_of_a_layer(node, upstream):
    image = upstream.push(images.random_layers(300, oci=True), "library/large", "1")
    folder = os.path.join(temporary_directory(), "image")
    argv = [node.binary, "image", "copy", f"{upstream.address}/library/large:1", f"oci:{folder}:1"]
    pid = os.posix_spawn(argv[0], argv, os.environ)
    _, status, used = os.wait4(pid, 0)
    assert status == 0 and image.digest == digest_at(f"oci:{folder}:1")
    assert used.ru_maxrss < 64 * 1024, "KiB"
