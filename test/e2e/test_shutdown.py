"""Ending and starting: clean on SIGTERM and SIGINT, one writer a data directory, ports in use, odd data directories."""
import os
import re
import signal
import subprocess

import pytest
from lib import expect, fake_registry, images
from lib.node import EventStream
from lib.system import in_thread, run, temporary_directory


@pytest.mark.parametrize("which", [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_an_idle_node_cleanly(start_node, which):
    node = start_node()
    node.daemon.process.send_signal(which)
    assert node.wait_exit(10) == 0
    node.start()
    assert node.get("/api/v1/health").status == 200


def test_sigterm_ends_a_busy_node_cleanly(start_node):
    """While it imports, streams events, and serves a blob that is still coming."""
    fake = fake_registry.FakeRegistry()
    image = fake.push(images.random_layers(4, seed="busy"), "x", "1")
    layer = max(image.blobs.values(), key=lambda b: b.size)
    fake.fault(f"GET .*{layer.digest}", fake_registry.stall_after(1_000_000))
    node = start_node()
    importing = in_thread(lambda: node.cli("image", "import", f"{fake.address}/x:1"))
    fake.wait_for_request(f"GET .*{layer.digest}")
    stream = EventStream(node.api_address)
    pulling = in_thread(lambda: _swallow(node.registry_request, "GET", expect.registry_path(f"{fake.address}/x", "blobs", layer.digest)))
    node.stop(seconds=10)
    assert importing.result().returncode == 1
    pulling.result()
    stream.close()
    fake.clear_faults()
    node.start()
    node.cli("image", "import", f"{fake.address}/x:1", check=True)
    fake.close()


def _swallow(f, *args):
    try:
        f(*args)
    except Exception:
        pass


def test_second_node_on_the_same_directory_says_so(start_node, binary):
    node = start_node()
    p = run([binary, "run", "--data-dir", node.data_dir, "--api", "127.0.0.1:0", "--registry", "127.0.0.1:0",
             "--p2p", "/ip4/127.0.0.1/tcp/0", "--engine", "none"], timeout=20)
    assert p.returncode == 1
    assert node.data_dir in p.stderr
    assert any(w in p.stderr for w in ("already", "in use", "another")), p.stderr
    assert node.get("/api/v1/health").status == 200


def test_lock_does_not_outlive_a_killed_node(start_node):
    node = start_node()
    node.kill()
    node.start()


@pytest.mark.parametrize("which", ["--api", "--registry"])
def test_port_in_use_says_which(start_node, binary, which):
    node = start_node()
    taken = {"--api": node.api_address, "--registry": node.registry_address}[which]
    ports = {"--api": "127.0.0.1:0", "--registry": "127.0.0.1:0", which: taken}
    p = run([binary, "run", "--data-dir", temporary_directory(), "--engine", "none", "--p2p", "/ip4/127.0.0.1/tcp/0",
             *[x for kv in ports.items() for x in kv]], timeout=20)
    assert p.returncode == 1
    assert taken in p.stderr, p.stderr


def test_first_start_prints_addresses_and_urls(start_node):
    node = start_node()
    printed = node.log_tail()
    assert f"/ip4/127.0.0.1/tcp/{node.p2p_port}/p2p/" in printed
    assert f"http://{node.api_address}" in printed
    for name in ("privateKey", "peerstore.template", "store", "state.db"):
        assert os.path.exists(os.path.join(node.data_dir, name)), name
    assert os.stat(os.path.join(node.data_dir, "privateKey")).st_mode & 0o077 == 0


def test_identity_is_kept(start_node):
    node = start_node()
    before = peer_of(node)
    node.restart()
    assert peer_of(node) == before


def peer_of(node):
    """The node's own peer id; its record is written a moment after it is healthy."""
    return node.wait_for(lambda: re.search(r"12D3Koo\w{45}", str(node.get("/api/v1/node").ok())), 10, "it lists itself")[0]


def test_unwritable_data_directory_says_so(binary):
    # A file in place of the folder: also root cannot write there.
    path = os.path.join(temporary_directory(), "file")
    open(path, "w").close()
    p = run([binary, "run", "--data-dir", os.path.join(path, "data"), "--engine", "none"], timeout=20)
    assert p.returncode == 1 and path in p.stderr


def test_damaged_identity_says_so(start_node, binary):
    node = start_node()
    node.stop()
    key = os.path.join(node.data_dir, "privateKey")
    os.chmod(key, 0o600)
    with open(key, "wb") as f:
        f.write(b"\x00garbage")
    p = run(node.argv, timeout=20)
    assert p.returncode == 1 and "privateKey" in p.stderr
    assert not expect.NOT_FOR_PEOPLE.search(p.stderr)


def test_output_to_a_closed_pipe_is_no_crash(start_node):
    node = start_node()
    p = subprocess.Popen([node.binary, "strategy", "ls"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                         env={**os.environ, "DISTROMASH_API": node.api_address})
    p.stdout.close()
    p.wait(20)
    assert p.returncode in (0, 1, 141, -signal.SIGPIPE)
