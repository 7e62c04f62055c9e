"""Fixtures, and what a skipped test means: 77 for a file in which none could run, a failure under DM_REQUIRE_ALL=1."""
import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(__file__))
from lib import dockerd as dockerd_lib  # noqa: E402
from lib import fake_registry, images, proxy, registry  # noqa: E402
from lib.node import Node, binary_path  # noqa: E402
from lib.system import cleanup, exit_cleanly_on_signals, temporary_directory  # noqa: E402

exit_cleanly_on_signals()
NOTHING_RAN = 77


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if report.skipped and os.environ.get("DM_REQUIRE_ALL") == "1":
        report.outcome = "failed"
        report.longrepr = f"skipped under DM_REQUIRE_ALL=1: {report.longrepr}"
    # A failing test shows what its nodes said.
    if report.when == "call" and report.failed:
        for name, value in item.funcargs.items():
            for node in getattr(value, "started", [value] if isinstance(value, Node) else []):
                report.sections.append((f"log of {name} ({node.data_dir})", node.log_tail()))


def pytest_sessionfinish(session, exitstatus):
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter.stats.get("skipped", [])
    for report in skipped:
        print(f"\nSKIPPED {report.nodeid}: {report.longrepr[2]}")
    if exitstatus == 0 and skipped and not reporter.stats.get("passed"):
        session.exitstatus = NOTHING_RAN
    cleanup.run_all()


@pytest.fixture(scope="session")
def binary():
    """The distromash under test."""
    return binary_path()


@pytest.fixture
def directory():
    return temporary_directory()


@pytest.fixture(scope="session")
def upstream():
    """A docker-registry, shared by the tests of a file."""
    return registry.Registry()


@pytest.fixture
def fake():
    r = fake_registry.FakeRegistry()
    yield r
    r.close()


@pytest.fixture(scope="session")
def docker():
    """A private dockerd, shared by the tests of a file; what a test leaves in it, the next one sees."""
    reason = dockerd_lib.why_not()
    if reason:
        pytest.skip(reason)
    return dockerd_lib.Dockerd()


@pytest.fixture
def root():
    if os.geteuid() != 0:
        pytest.skip("needs root")


@pytest.fixture
def counting_proxy(upstream):
    p = proxy.CountingProxy(upstream.address)
    yield p
    p.close()


class Nodes:
    """start_node(...) of a test; ends every node with it and checks that each survived."""

    def __init__(self, binary):
        self.binary, self.started = binary, []

    def __call__(self, **options):
        node = Node(self.binary, **options)
        self.started.append(node)
        return node


@pytest.fixture
def start_node(binary):
    nodes = Nodes(binary)
    yield nodes
    for node in nodes.started:
        node.end_of_test()


@pytest.fixture(scope="session")
def busybox(upstream):
    """busybox:1.35.0, pushed to `upstream`."""
    return upstream.push(images.busybox(), "library/busybox", "1.35.0")
