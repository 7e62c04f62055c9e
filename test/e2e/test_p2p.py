"""Nodes among themselves: where they listen, whom they let in, and that what they print can be pasted."""
import os
import re

import pytest
from lib import expect
from lib.node import Node
from lib.system import free_port, run, temporary_directory, wait_until


@pytest.fixture
def nodes(binary):
    started = []

    def make(**options):
        started.append(Node(binary, **options))
        return started[-1]
    yield make
    for n in started:
        n.end_of_test()


def printed(n, what):
    return re.findall(rf"^{what}\s+(\S+)", n.log_tail(), re.M)


def peer_id(n):
    return n.get("/api/v1/health").ok()["peer"]


def connected(n):
    return {p["ID"] for p in n.get("/api/v1/peers").ok()["peers"] if p["connected"]}


def init(binary, folder=None):
    """A data folder with an identity and the key of a mesh."""
    folder = folder or os.path.join(temporary_directory(), "data")
    p = run([binary, "init", "--data-dir", folder], timeout=20)
    assert p.returncode == 0, p.stderr
    return folder, p.stdout


def run_fails(binary, *args, code=1):
    p = run([binary, "run", "--engine", "none", "--api", "127.0.0.1:0", "--registry", "127.0.0.1:0", *args], timeout=20)
    expect.fails(p, code=code)
    return p.stderr


def test_the_printed_address_works_when_pasted_into_the_file_peerstore(nodes):
    one, two = nodes(), nodes()
    [address] = printed(one, "address")
    assert address.endswith("/p2p/" + peer_id(one))
    with open(os.path.join(two.data_dir, "peerstore"), "w") as f:
        f.write(f"# the first\n   {address}\t\r\n")
    two.restart()
    wait_until(lambda: peer_id(one) in connected(two), 10, lambda: "the second node has dialled the first")
    wait_until(lambda: peer_id(two) in connected(one), 10, lambda: "the first node sees the second")
    [p] = [p for p in two.get("/api/v1/peers").ok()["peers"] if p["connected"]]
    assert p["agent"].startswith("distromash/") and p["direction"] == "outgoing"
    assert address.startswith(p["Addrs"][0]) and p["online"] is True
    table = one.cli("peers").stdout
    assert peer_id(two) in table and "connected" in table
    # A node that restarts is found again.
    one.restart()
    wait_until(lambda: peer_id(one) in connected(two), 30, lambda: "the second node has dialled again")


def test_a_broken_line_of_peerstore_is_named(binary, nodes):
    n = nodes()
    n.stop()
    with open(os.path.join(n.data_dir, "peerstore"), "w") as f:
        f.write("# fine\n\n/ip4/127.0.0.1/tcp/33123\n")
    said = run_fails(binary, "--data-dir", n.data_dir)
    assert "peerstore, line 3" in said and "/p2p/" in said


def test_init_makes_an_identity_and_a_key_once(binary):
    folder, said = init(binary)
    with open(os.path.join(folder, "swarm.key")) as f:
        key = f.read()
    assert re.fullmatch(r"/key/swarm/psk/1\.0\.0/\n/base16/\n[0-9a-f]{64}\n", key)
    assert os.stat(os.path.join(folder, "swarm.key")).st_mode & 0o777 == 0o600
    peer = re.search(r"^peer\s+(12D3KooW\w+)$", said, re.M)[1]
    mesh = re.search(r"^mesh\s+([0-9a-f]{32})$", said, re.M)[1]
    assert f"--mesh-key {key.split()[-1]}" in said
    assert re.search(rf"^operator\s+{peer} \(this node\)$", said, re.M)
    assert re.search(rf"^  distromash join /ip[46]/\S+/tcp/33123/p2p/{peer} --mesh-key ", said, re.M)
    _, again = init(binary, folder)
    assert "already" in again and peer in again and mesh in again
    assert open(os.path.join(folder, "swarm.key")).read() == key


def test_members_of_a_mesh_meet_and_others_stay_out(binary, nodes):
    folder, _ = init(binary)
    one = nodes(data_dir=folder)
    other_folder = os.path.join(temporary_directory(), "data")
    os.makedirs(other_folder)
    with open(os.path.join(folder, "swarm.key")) as key, open(os.path.join(other_folder, "swarm.key"), "w") as f:
        f.write(key.read())
    [address] = printed(one, "address")
    two = nodes(data_dir=other_folder, args=["--bootstrap", address])
    stranger = nodes(args=["--bootstrap", address])
    wait_until(lambda: peer_id(one) in connected(two), 10, lambda: "the members have met")
    assert printed(one, "mesh") == printed(two, "mesh") != []
    wait_until(lambda: "known peer cannot be reached" in stranger.log_tail(100_000), 40,
               lambda: "the stranger is not let in")
    assert connected(stranger) == set() and connected(one) == {peer_id(two)}


def test_listens_on_other_interfaces_only_with_a_key_or_when_open(binary, nodes):
    port = free_port()
    reachable = f"/ip4/0.0.0.0/tcp/{port}"
    folder = os.path.join(temporary_directory(), "data")
    said = run_fails(binary, "--data-dir", folder, "--p2p", reachable)
    assert "distromash init" in said and "--open-mesh" in said and reachable in said
    n = nodes(data_dir=folder, args=["--open-mesh", "--p2p", reachable])
    assert any(f"/tcp/{port}/" in a and not a.startswith("/ip4/0.0.0.0") for a in printed(n, "address"))
    n.stop()
    init(binary, folder)
    m = nodes(data_dir=folder, args=["--p2p", reachable])
    m.stop()
    said = run_fails(binary, "--data-dir", folder, "--open-mesh")
    assert "--open-mesh" in said and "swarm.key" in said


def test_mistakes_are_told_in_one_sentence(binary, nodes):
    n = nodes()
    folder = os.path.join(temporary_directory(), "data")
    [address] = printed(n, "address")
    taken = address.split("/p2p/")[0]
    assert "--p2p" in run_fails(binary, "--data-dir", folder, "--p2p", taken)
    for option, value in (("--p2p", "127.0.0.1:33123"), ("--bootstrap", taken), ("--bootstrap", "node1")):
        said = run_fails(binary, "--data-dir", folder, option, value, code=2)
        assert option in said and value in said
    assert "/ip4/0.0.0.0/tcp/33123" in run_fails(binary, "--data-dir", folder, "--open-mesh",
                                                 "--p2p", "/dns4/localhost/tcp/1")
    with open(os.path.join(folder, "swarm.key"), "w") as f:
        f.write("secret")
    said = run_fails(binary, "--data-dir", folder)
    assert "swarm.key" in said and "secret" not in said


def test_rates_are_limited_by_option_and_while_running(nodes):
    n = nodes(args=["--upload-limit", "2MB"])
    assert n.get("/api/v1/node/limits").ok()["limits"] == {"upload": 2_000_000, "download": 0}
    assert n.request("PUT", "/api/v1/node/limits", {"download": 500_000}).ok()["limits"] == {
        "upload": 2_000_000, "download": 500_000}
    shown = n.cli("node", "limit", "--upload", "0").stdout
    assert re.search(r"upload\s+no limit", shown) and re.search(r"download\s+488 KiB/s", shown)
    for bad in ({"upload": -1}, {"upload": "fast"}, {"download": 1.5}, {"download": 10**13}):
        answer = n.request("PUT", "/api/v1/node/limits", bad)
        assert answer.status == 400 and "bytes a second" in answer.message
    assert n.request("PUT", "/api/v1/node/limits", [1]).status == 400
    expect.fails(n.cli("node", "limit", "--upload", "fast"), "500KB")


def test_rates_that_were_changed_hold_over_a_restart_until_the_option_is_changed(nodes):
    def limits():
        return n.get("/api/v1/node/limits").ok()["limits"]
    n = nodes(args=["--upload-limit", "2MB"])
    n.cli("node", "limit", "--upload", "0", "--download", "500KB", check=True)
    n.kill()
    n.start()
    assert limits() == {"upload": 0, "download": 500_000}
    n.argv[n.argv.index("2MB")] = "3MB"
    n.restart()
    assert limits() == {"upload": 3_000_000, "download": 500_000}
