"""Tests against real counterparts, which they build on first use (test/interop/build_go.sh)."""
import os
import subprocess
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "e2e")]
from lib.node import Node, binary_path  # noqa: E402
from lib.system import cleanup, exit_cleanly_on_signals  # noqa: E402
from peers.kubo import Kubo  # noqa: E402
from peers.line_peer import LinePeer  # noqa: E402

exit_cleanly_on_signals()


def pytest_sessionfinish(session, exitstatus):
    cleanup.run_all()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if report.when == "call" and report.failed:
        for name, value in item.funcargs.items():
            for one in getattr(value, "started", []):
                report.sections.append((f"log of {name}", one.log_tail()))


def built(what):
    p = subprocess.run([os.path.join(HERE, "build_go.sh"), what], capture_output=True, timeout=900)
    assert p.returncode == 0, p.stderr.decode(errors="replace")[-3000:]
    return p.stdout.decode().strip()


class Started:
    """Makes counterparts, and ends what it made."""

    def __init__(self, make):
        self._make = make
        self.started = []

    def __call__(self, *args, **kwargs):
        one = self._make(*args, **kwargs)
        self.started.append(one)
        return one

    def stop(self):
        for one in reversed(self.started):
            one.stop()


@pytest.fixture
def kubo():
    program = built("kubo")
    make = Started(lambda **options: Kubo(program, **options))
    yield make
    make.stop()


@pytest.fixture
def go_peer():
    program = built("peer")
    make = Started(lambda *args: LinePeer([program, *args]))
    yield make
    for one in make.started:
        one.stop()
    make.started = []


@pytest.fixture
def host_tool():
    program = os.environ.get("HOST_TOOL") or os.path.join(HERE, "..", "..", "build", "release", "host_tool")
    make = Started(lambda *args: LinePeer([program, *args]))
    yield make
    for one in make.started:
        one.stop()
    make.started = []


@pytest.fixture
def node():
    """A distromash without Docker: node(args=[…], data_dir=…)."""
    make = Started(lambda **options: Node(binary_path(), **options))
    yield make
    for one in make.started:
        one.end_of_test()
