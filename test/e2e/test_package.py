"""The Debian package on a machine of its own: it installs, starts, upgrades and is removed without a trace."""
import glob
import json
import os

import pytest
from lib import machine as machine_lib
from lib.system import run, temporary_directory, wait_until

BUILD = os.path.dirname(os.path.abspath(os.environ["DISTROMASH"]))
LEFT = ("/usr/bin/distromash", "/lib/systemd/system/distromash.service", "/usr/share/doc/distromash")
STATE = ("/etc/distromash", "/var/lib/distromash", "/var/lib/dpkg/info/distromash.list",
         "/etc/systemd/system/multi-user.target.wants/distromash.service")


def package(version):
    """The file that cpack makes of the build under test, as that version."""
    folder = temporary_directory("dm-package-")
    run(["cpack", "-G", "DEB", "--config", f"{BUILD}/CPackConfig.cmake", "-B", folder, "-R", version], check=True, timeout=300)
    file, = glob.glob(f"{folder}/*.deb")
    return file


@pytest.fixture(scope="module")
def packages():
    reason = machine_lib.why_not()
    if reason:
        pytest.skip(reason)
    return {version: package(version) for version in ("0.0.1", "99.0.0")}


@pytest.fixture(scope="module")
def box(packages):
    """A machine with the older package, shared: the last test removes it."""
    m = machine_lib.Machine()
    install(m, packages["0.0.1"])
    wait_healthy(m)
    yield m
    m.close()


def install(box, file):
    box.put(file, "/root/distromash.deb")
    return box.run("dpkg -i /root/distromash.deb", check=True)


def ask(box, path, *curl):
    return json.loads(box.run(f"curl -s {' '.join(curl)} http://127.0.0.1:3000{path}").stdout or "{}")


def wait_healthy(box):
    wait_until(lambda: ask(box, "/api/v1/health").get("status") == "OK", 20,
               lambda: box.run("systemctl status distromash; journalctl -u distromash -n 30").stdout)


def main_pid(box):
    return box.output("systemctl show -p MainPID --value distromash")


def test_what_the_package_says_of_itself(packages):
    fields = run(["dpkg-deb", "-f", packages["99.0.0"]], check=True).stdout
    for needed in ("libssl3", "libsqlite3-0", "libcurl4", "adduser"):
        assert needed in fields, fields
    listed = run(["dpkg-deb", "-c", packages["99.0.0"]], check=True).stdout
    for file in (*LEFT, "/etc/distromash/distromash.conf"):
        assert f".{file}" in listed, listed
    assert "root/root" in listed.splitlines()[0]


def test_a_node_that_dies_comes_back(box):
    pid = main_pid(box)
    box.output(f"kill -9 {pid}")
    wait_until(lambda: main_pid(box) not in ("0", pid), 20, "systemd starts it again")
    wait_healthy(box)


def test_the_unit_is_hardened(box):
    shown = json.loads(box.output("systemd-analyze security --json=short distromash.service"))
    exposed = {item["name"]: item for item in shown if item.get("set") is False}
    for kept_away in ("ProtectSystem=", "NoNewPrivileges=", "PrivateDevices=", "ProtectHome=", "RestrictNamespaces=~user"):
        assert kept_away not in exposed, kept_away


def test_it_starts_upgrades_and_goes(packages, box):
    assert box.output("systemctl is-enabled distromash") == "enabled"
    first = main_pid(box)
    assert box.output(f"stat -c %U /proc/{first}/stat") == "distromash"
    assert "docker" in box.output("id -nG distromash").split()
    assert box.output("stat -c '%a %U' /var/lib/distromash") == "700 distromash"
    assert box.output("stat -c '%a %U:%G' /etc/distromash") == "750 root:distromash"
    assert "NoNewPrivs:\t1" in box.output(f"cat /proc/{first}/status")
    assert "CapEff:\t0000000000000000" in box.output(f"cat /proc/{first}/status")
    peer = ask(box, "/api/v1/health")["peer"]
    ask(box, "/api/v1/crdt", "-H content-type:application/json", """-d '{"key":"kept","value":"1"}'""")
    box.output("""echo 'label = "site=here"' >> /etc/distromash/distromash.conf""")

    install(box, packages["99.0.0"])
    wait_until(lambda: main_pid(box) not in ("0", first), 20, "the node was started anew")
    wait_healthy(box)
    assert ask(box, "/api/v1/health")["peer"] == peer
    assert ask(box, "/api/v1/crdt/kept")["crdt"]["value"] == "1"
    assert ask(box, "/api/v1/node")["node"]["labels"] == {"site": "here"}, "what the operator wrote is kept"

    box.run("dpkg -r distromash", check=True)
    assert box.run("systemctl is-active distromash").stdout.strip() in ("inactive", "unknown")
    assert box.run("pgrep -x distromash").returncode == 1
    assert box.find(*LEFT) == []
    assert box.find("/var/lib/distromash/privateKey", "/etc/distromash/distromash.conf"), "removing keeps state"

    box.run("dpkg -P distromash", check=True)
    assert box.find(*LEFT, *STATE) == []
    assert box.run("getent passwd distromash; getent group distromash").stdout == ""
    assert "distromash" not in box.output("systemctl list-units --all --no-legend; systemctl --failed --no-legend")
