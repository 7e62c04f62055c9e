#!/usr/bin/env python3
"""make demo: a registry and three DistroMash nodes with a Docker each; an image comes by strategy, survives, and goes.

Everything is started here on loopback ports of its own and ended again; the machine's Docker is not touched. Where no
private Docker can be run (it takes root), the nodes only store. On a terminal it stays up until Ctrl-C; elsewhere it removes the strategy by itself and ends.
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
NODES = 3
GRACE = 6  # seconds before a slot moves
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


def start_dockers():
    """(a Docker for each node or None, sentence)."""
    reason = dockerd.why_not()
    if reason is None:
        try:
            return ([dockerd.Dockerd() for _ in range(NODES)],
                    "A private Docker for each was started (own folders, own socket, no network).")
        except AssertionError as e:
            reason = "a private one did not start: " + str(e).strip().splitlines()[-1]
    return [None] * NODES, f"No Docker of their own: {reason}. The nodes keep the image in their stores only (--engine none)."


class Demo:
    def __init__(self, binary):
        self.binary = binary
        self.nodes = []

    def set_up(self):
        step("1. A registry with busybox:1.35.0 in it stands in for Docker Hub")
        self.registry = Registry()
        image = self.registry.push(images.busybox(), "library/busybox", "1.35.0")
        say(f"{self.registry.url}/v2/library/busybox/manifests/1.35.0  {human(image.size)}, {image.digest[:19]}…")
        step(f"2. {NODES} DistroMash nodes that know of each other")
        self.dockers, sentence = start_dockers()
        say(sentence)
        bootstrap = []
        for docker in self.dockers:
            node = Node(self.binary, upstream={"docker.io": self.registry.url}, docker=docker,
                        data_dir=os.path.join(temporary_directory("dm-demo-"), "data"),
                        args=["--offline-grace", f"{GRACE}s", *bootstrap])
            self.nodes.append(node)
            if not bootstrap:
                peer = node.get("/api/v1/health").ok()["peer"]
                bootstrap = ["--bootstrap", f"/ip4/127.0.0.1/tcp/{node.p2p_port}/p2p/{peer}"]
        say(f"{DIM}{' '.join(['distromash', *self.nodes[-1].argv[1:]])}{OFF}")
        self.ids = [n.get("/api/v1/health").ok()["peer"] for n in self.nodes]
        for n in self.nodes:
            wait_until(lambda: len(n.get("/api/v1/node").ok()["nodes"]) == NODES, 20, lambda: "the nodes know of each other")
        self.distromash("node", "ls")

    def distromash(self, *args, node=0):
        return show([self.binary, *args], shlex.join(["distromash", *args]),
                    {"DISTROMASH_API": self.nodes[node].api_address})

    def name(self, peer):
        return f"node {self.ids.index(peer) + 1}"

    def has(self, n):
        if self.dockers[n] is not None:
            return IMAGE in self.dockers[n].images()
        row = self.nodes[n].get("/api/v1/strategy").ok()["strategies"]
        return any(line["self"] and line["chosen"] and line["state"] == "stored" for r in row for line in r["nodes"])

    def listed(self):
        for n, docker in enumerate(self.dockers):
            where = "docker images" if docker else "its store"
            state = "" if self.nodes[n].daemon.running() or docker else " (stopped)"
            held = docker is not None or self.nodes[n].daemon.running()
            say(f"node {n + 1}, {where}: {IMAGE if held and self.has(n) else '-'}{state}")

    def watch(self, ask, done, seconds=60):
        """Until it is done; says what each node does, when that changes."""
        start, told = time.monotonic(), {}

        def look():
            rows = self.nodes[ask].get("/api/v1/strategy").ok()["strategies"]
            for line in rows[0]["nodes"] if rows else []:
                text = line["state"] + (f", {line['reason']}" if line.get("reason") else "")
                if line.get("bytes_total"):
                    text += f", {100 * line['bytes_done'] // line['bytes_total']} %"
                if told.get(line["peer"]) != text:
                    told[line["peer"]] = text
                    say(f"{DIM}{time.monotonic() - start:5.1f} s  {self.name(line['peer'])}: {text}{OFF}")
            return done(rows[0] if rows else None)
        wait_until(look, seconds, lambda: f"the nodes are done:\n{self.nodes[ask].log_tail(2000)}", every=0.1)

    def apply(self, step_number, percentage, node):
        step(f"{step_number}. {IMAGE} on {percentage} % of the nodes, said to node {node + 1}")
        self.distromash("strategy", "apply", IMAGE, "--percentage", str(percentage), node=node)
        self.watch((node + 1) % NODES, lambda row: row and row["actual"] == row["desired"] and row["percentage"] == percentage)
        self.listed()
        self.distromash("strategy", "explain", IMAGE, node=(node + 1) % NODES)

    def lose_a_node(self):
        owner = max(n for n in range(1, NODES) if self.has(n))
        ask = 0
        step(f"4. Node {owner + 1}, which has it, dies; after the grace ({GRACE} s here, 15 min by default) another takes its place")
        self.nodes[owner].kill()
        self.watch(ask, lambda row: row["actual"] == row["desired"] and
                   any(line["peer"] == self.ids[owner] and not line["online"] for line in row["nodes"]), 90)
        self.listed()
        step("5. It comes back, and the substitute lets the image go")
        self.nodes[owner].start()
        self.watch(ask, lambda row: row["actual"] == row["desired"] and
                   all(line["online"] and (line["chosen"] or line["state"] == "not_chosen") for line in row["nodes"]) and
                   sum(self.has(n) for n in range(NODES)) == row["desired"])
        self.listed()

    def remove(self):
        step("8. The strategy is removed, and the image with it")
        self.distromash("strategy", "rm", IMAGE)
        if self.dockers[0] is not None:
            wait_until(lambda: not any(self.has(n) for n in range(NODES)), 60, lambda: f"{IMAGE} is gone")
        self.listed()
        if self.dockers[0] is None:  # a store evicts by need
            say("The stores keep it unpinned until the room is needed.")

    def look(self):
        step("7. Look around")
        for n, node in enumerate(self.nodes):
            say(f"node {n + 1}: http://{node.api_address}/   swagger /swagger/   DISTROMASH_API={node.api_address}")
        say(f"{os.path.relpath(self.binary)} status --watch")
        for n, docker in enumerate(self.dockers):
            if docker is not None:
                say(f"docker -H {docker.host} images   # of node {n + 1}")

    def end(self):
        for node in self.nodes:
            node.stop()
        cleanup.run_all()
        say("Nothing is left running.")


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--binary", default="build/release/distromash")
    demo = Demo(os.path.abspath(a.parse_args().binary))
    exit_cleanly_on_signals()
    try:
        demo.set_up()
        demo.apply(3, 50, 0)
        demo.lose_a_node()
        demo.apply(6, 100, 2)
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
