"""src/runtime/docker against a real Docker and a real registry, without the rest of the product."""
import json
import os
import queue
import subprocess
import threading

import pytest
from lib import images, proxy
from lib.system import run, temporary_directory, wait_until

TOOL = os.environ["DOCKER_ENGINE_TOOL"]


@pytest.fixture(scope="module")
def sources(upstream):
    """Two pullable images: (source by digest, image)."""
    out = []
    for name in ("one", "two"):
        image = upstream.push(images.tiny(name.encode(), config={"Labels": {"made-for": name}}), f"engine/{name}", "v1")
        out.append((f"{upstream.address}/engine/{name}@{image.digest}", image))
    return out


def tool(docker, *words):
    """What the command printed, one object a line."""
    p = run([TOOL, docker.socket_path, *words], check=True)
    return [json.loads(line) for line in p.stdout.splitlines()]


def ask(docker, *words):
    return tool(docker, *words)[-1]


class Running:
    """A command that goes on; next() is its next line."""

    def __init__(self, docker, *words):
        self.process = subprocess.Popen([TOOL, docker.socket_path, *words], stdout=subprocess.PIPE, text=True)
        self.lines = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(json.loads(line))

    def next(self, seconds=30):
        return self.lines.get(timeout=seconds)

    def until(self, **wanted):
        """Skips lines up to the one with these members."""
        while True:
            line = self.next()
            if all(line.get(k) == v for k, v in wanted.items()):
                return line

    def end(self):
        self.process.terminate()
        self.process.wait(10)


@pytest.fixture
def start(docker):
    started = []

    def begin(*words):
        started.append(Running(docker, *words))
        return started[-1]
    yield begin
    for one in started:
        one.end()


def test_docker_engine_is_an_image_engine(docker, sources, upstream):
    index = upstream.push(images.multi_platform(), "engine/index", "v1")
    p = run([TOOL, docker.socket_path, "conformance", *(s for s, _ in sources),
             f"{upstream.address}/engine/index@{index.digest}"])
    assert p.returncode == 0, p.stdout + p.stderr
    assert docker.image_ids() == set()


def test_info_says_which_docker_it_is(docker):
    version = docker.api("GET", "/version")[1]
    assert ask(docker, "info") == {
        "name": "docker", "version": version["Version"], "api": "1.41", "graph": True,
        "platform": f"{version['Os']}/{version['Arch']}", "root": os.path.join(docker.directory, "data")}


def test_image_id_is_the_config_digest_and_labels_are_read(docker, sources):
    source, image = sources[0]
    assert ask(docker, "pull", source)["id"] == image.id
    seen = ask(docker, "inspect", source)
    assert seen == {"id": image.id, "tags": [], "digests": [source], "labels": {"made-for": "one"}}
    assert ask(docker, "remove", source, image.id)["outcome"] == "removed"


def test_pull_counts_the_bytes_of_all_layers(docker, upstream):
    image = upstream.push(images.random_layers(12, layers=3, seed="engine"), "engine/layers", "v1")
    source = f"{upstream.address}/engine/layers:v1"
    seen = ask(docker, "pull", source)
    layers = sum(b.size for b in image.blobs.values()) - min(b.size for b in image.blobs.values())
    assert (seen["layers"], seen["total"], seen["downloaded"], seen["extracted"]) == (3, layers, layers, layers)
    again = ask(docker, "pull", source)
    assert again["id"] == seen["id"] and again["total"] == 0
    assert ask(docker, "remove", source, image.id)["outcome"] == "removed"


def test_an_image_under_a_running_container_stays(docker, sources, busybox, upstream):
    name = f"{upstream.address}/library/busybox:1.35.0"
    image = ask(docker, "pull", name)["id"]
    docker.cli("run", "-d", "--name", "at-work", "--network", "none", name, "sleep", "600")
    kept = ask(docker, "remove", name, image)
    assert kept == {"outcome": "in_use", "users": ["at-work running"], "reason": "container at-work uses it"}
    docker.cli("stop", "-t", "0", "at-work")
    assert ask(docker, "remove", name, image)["users"] == ["at-work stopped"]
    docker.cli("rm", "at-work")
    assert ask(docker, "remove", name, image)["outcome"] == "removed"


def test_only_so_many_users_are_named(docker, sources):
    source, image = sources[0]
    ask(docker, "pull", source)
    other = ask(docker, "pull", sources[1][0])["id"]
    made = [docker.create_container(image.id) for _ in range(35)] + [docker.create_container(other)]
    kept = ask(docker, "remove", source, image.id)
    assert len(kept["users"]) == 32 and "and 29 more" in kept["reason"]
    for container in made:
        docker.remove_container(container)
    assert ask(docker, "remove", source, image.id)["outcome"] == "removed"
    assert ask(docker, "remove", sources[1][0], other)["outcome"] == "removed"


def test_a_pull_from_a_registry_that_is_down_fails_with_dockers_words(docker, sources):
    digest = sources[0][0].partition("@")[2]
    failed = ask(docker, "pull", f"127.0.0.1:1/engine/one@{digest}")
    assert "connection refused" in failed["error"] and failed["error"].startswith("Docker: "), failed


def test_a_full_disk_is_told_apart(docker, upstream, sources):
    """The place where Docker unpacks downloads, on a tiny file system."""
    image = upstream.push(images.random_layers(12, layers=1, seed="engine full"), "engine/full", "v1")
    scratch = os.path.join(docker.directory, "data", "tmp")
    run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", scratch], check=True)
    try:
        failed = ask(docker, "pull", f"{upstream.address}/engine/full@{image.digest}")
    finally:
        run(["umount", scratch], check=True)
    assert failed["code"] == "the disk of the container engine is full", failed
    assert docker.image(image.id) is None


def test_changes_go_on_through_kill_and_restart_of_docker(docker, sources, start):
    watch = start("watch")
    assert watch.next() == {"action": "connected", "subject": ""}
    source, image = sources[0]
    ask(docker, "pull", source)
    assert watch.next() == {"action": "pull", "subject": source}
    docker.remove(source)
    watch.until(action="delete", subject=image.id)
    docker.kill()
    watch.until(action="ended")
    assert docker.socket_path in watch.until(action="unavailable")["subject"]
    down = ask(docker, "inspect", source)
    assert down["code"] == "the container engine is not available", down
    docker.start()
    watch.until(action="connected")
    docker.stop()
    watch.until(action="ended")
    docker.start()
    watch.until(action="connected")
    assert ask(docker, "inspect", source) is None


@pytest.fixture
def slow_source(upstream):
    """20 MB at 2 MB/s."""
    paced = proxy.CountingProxy(upstream.address, rate=2_000_000)
    image = upstream.push(images.random_layers(20, seed="engine slow"), "engine/slow", "v1")
    yield f"{paced.address}/engine/slow@{image.digest}"
    paced.close()


def test_a_docker_killed_within_a_pull_is_unavailable(docker, slow_source, start):
    pull = start("pull", slow_source)
    assert pull.next() == {"begun": True}
    docker.kill()
    failed = pull.next()
    assert failed["code"] == "the container engine is not available", failed
    docker.start()
    assert ask(docker, "inspect", slow_source) is None


def test_a_pull_that_is_given_up_ends_in_docker_too(docker, slow_source, start, upstream):
    pull = start("pull", slow_source)
    assert pull.next() == {"begun": True}
    pull.end()
    partial = os.path.join(docker.directory, "data", "tmp")
    wait_until(lambda: not os.listdir(partial), 20, "Docker has dropped what it had of the layer")
    assert docker.image(slow_source) is None


def test_no_permission_is_unavailable(docker):
    """Another user than root, who may not open the socket."""
    copy = os.path.join(temporary_directory(), "tool")
    run(["install", "-m", "755", TOOL, copy], check=True)
    os.chmod(os.path.dirname(copy), 0o755)
    os.chmod(docker.directory, 0o755)
    p = run([copy, docker.socket_path, "info"], user="nobody", group="nogroup", extra_groups=[], check=True)
    failed = json.loads(p.stdout)
    assert failed["code"] == "the container engine is not available", failed
    assert "no permission" in failed["error"]
