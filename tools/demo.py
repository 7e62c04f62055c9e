#!/usr/bin/env python3
"""make demo: a registry, a Docker and one DistroMash node; an image comes by strategy and goes with it.

Everything is started here on loopback ports of its own and ended again; the machine's Docker is used only where no private
one can be run. On a terminal it stays up until Ctrl-C; elsewhere it removes the strategy by itself and ends.
"""
import argparse
import os
import shlex
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "test", "e2e"))
from lib import dockerd, images  # noqa: E402
from lib.node import Node  # noqa: E402
from lib.registry import Registry  # noqa: E402
from lib.system import cleanup, exit_cleanly_on_signals, human, temporary_directory, wait_until  # noqa: E402

IMAGE = "busybox:1.35.0"
TERMINAL = sys.stdout.isatty()
BOLD, DIM, GREEN, OFF = ("\x1b[1m", "\x1b[2m", "\x1b[32m", "\x1b[0m") if TERMINAL else ("", "", "", "")


def step(text):
    print(f"\n{BOLD}{text}{OFF}", flush=True)


def say(text):
    print(f"  {text}", flush=True)


def show(argv, shown=None, env=None, must=True):
    """Prints a command and what it answers; returns its output."""
    print(f"  {GREEN}${OFF} {shown or shlex.join(argv)}", flush=True)
    p = subprocess.run(argv, capture_output=True, text=True, stdin=subprocess.DEVNULL, env={**os.environ, **(env or {})})
    for line in (p.stdout + p.stderr).splitlines():
        say(f"{DIM}{line}{OFF}")
    if p.returncode and must:
        raise SystemExit(f"demo: the command failed with exit code {p.returncode}")
    return p.stdout


def choose_docker():
    """(Docker or None, whether it has the image already, sentence)."""
    running = dockerd.system_docker()
    if running:
        has = IMAGE in running.images()
        return running, has, "Using the Docker that runs here." + (
            f" It already has {IMAGE}, which is not DistroMash's to remove: it will still be there at the end." if has else "")
    reason = dockerd.why_not()
    if reason is None:
        try:
            return dockerd.Dockerd(), False, ("No Docker runs here: a private one was started "
                                              "(own folders, own socket, no network).")
        except AssertionError as e:
            reason = "a private one did not start: " + str(e).strip().splitlines()[-1]
    return None, False, f"No Docker runs here, and {reason}. The node keeps the image in its store only (--engine none)."


class Demo:
    def __init__(self, binary):
        self.binary = binary

    def set_up(self):
        step("1. A registry with busybox:1.35.0 in it stands in for Docker Hub")
        self.registry = Registry()
        image = self.registry.push(images.busybox(), "library/busybox", "1.35.0")
        say(f"{self.registry.url}/v2/library/busybox/manifests/1.35.0  {human(image.size)}, {image.digest[:19]}…")
        self.docker, self.had_it, sentence = choose_docker()
        step("2. A Docker host")
        say(sentence)
        step("3. One DistroMash node on it")
        self.node = Node(self.binary, upstream={"docker.io": self.registry.url}, docker=self.docker,
                         data_dir=os.path.join(temporary_directory("dm-demo-"), "data"))
        say(f"{DIM}{' '.join(['distromash', *self.node.argv[1:]])}{OFF}")
        say(f"API, web pages, swagger  http://{self.node.api_address}/swagger/")
        say(f"registry for docker pull http://{self.node.registry_address}/v2/")
        say(f"state                    {self.node.data_dir}")

    def distromash(self, *args):
        return show([self.binary, *args], shlex.join(["distromash", *args]), {"DISTROMASH_API": self.node.api_address})

    def listed(self):
        """What `docker images` shows of the image."""
        if self.docker is None:
            return self.distromash("image", "ls")
        return show(["docker", "-H", self.docker.host, "images", IMAGE.split(":")[0]])

    def here(self):
        if self.docker is not None:
            return IMAGE in self.docker.images()
        return self.node.registry_request("HEAD", "/v2/busybox/manifests/1.35.0").status == 200

    def apply(self):
        step(f"4. The strategy: {IMAGE} on 100 % of the nodes")
        self.listed()
        start = time.monotonic()
        self.distromash("strategy", "apply", IMAGE, "--percentage", "100")
        wait_until(self.here, 60, lambda: f"{IMAGE} is here:\n{self.node.log_tail()}")
        say(f"{time.monotonic() - start:.1f} s later:")
        self.listed()
        if self.docker is not None:
            show(["docker", "-H", self.docker.host, "run", "--rm", "--network", "none", IMAGE, "echo", "hello from busybox"],
                 must=False)
        self.distromash("strategy", "ls")

    def remove(self):
        step("6. The strategy is removed, and the image with it")
        self.distromash("strategy", "rm", IMAGE)
        if self.docker is not None and not self.had_it:
            wait_until(lambda: not self.here(), 60, lambda: f"{IMAGE} is gone:\n{self.node.log_tail()}")
        self.listed()
        if self.docker is None:  # a store evicts by need
            say("The store keeps it unpinned until the room is needed.")

    def look(self):
        step("5. Look around")
        a = self.node.api_address
        say(f"export DISTROMASH_API={a}")
        say(f"{os.path.relpath(self.binary)} status --watch")
        say(f"{os.path.relpath(self.binary)} image show {IMAGE}")
        if self.docker is not None:
            say(f"docker -H {self.docker.host} images")
        say(f"curl http://{a}/api/v1/strategy")
        say(f"curl http://{self.node.registry_address}/v2/busybox/manifests/1.35.0")

    def end(self):
        self.node.stop()
        cleanup.run_all()
        say("Nothing is left running.")


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--binary", default="build/release/distromash")
    demo = Demo(os.path.abspath(a.parse_args().binary))
    exit_cleanly_on_signals()
    try:
        demo.set_up()
        demo.apply()
        demo.look()
        if sys.stdin.isatty() and TERMINAL:
            step("Running. Ctrl-C removes the strategy and ends everything.")
            try:
                while True:
                    time.sleep(3600)
            except KeyboardInterrupt:
                print()
        demo.remove()
        demo.end()
    except KeyboardInterrupt:
        print("\ndemo: interrupted, cleaning up")
        return 130
    except AssertionError as e:
        print(f"demo: {e}", file=sys.stderr)
        return 1
    finally:
        cleanup.run_all()
    return 0


if __name__ == "__main__":
    sys.exit(main())
