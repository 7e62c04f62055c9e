"""A node comes back from what docs/operations.md says to copy, on a machine that has nothing else."""
import os
import shutil
import sqlite3

from lib.node import Node
from lib.system import temporary_directory

COPIED = ("privateKey", "peerstore")
DATABASES = ("mesh.db", "state.db")


def test_a_node_is_restored_from_a_copy_made_while_it_ran(start_node, binary, upstream, busybox):
    node = start_node(upstream={"docker.io": upstream.url})
    node.apply("busybox:1.35.0").ok()
    node.wait_told("busybox:1.35.0", "stored")
    node.post("/api/v1/crdt", {"key": "mine", "value": "1"}).ok()
    peer = node.get("/api/v1/health").ok()["peer"]

    backup = os.path.join(temporary_directory(), "data")
    os.makedirs(backup, mode=0o700)
    for name in DATABASES:
        with sqlite3.connect(f"{node.data_dir}/{name}") as source, sqlite3.connect(f"{backup}/{name}") as copy:
            source.backup(copy)
    for name in COPIED:
        if os.path.exists(f"{node.data_dir}/{name}"):
            shutil.copy2(f"{node.data_dir}/{name}", backup)
    node.kill()

    restored = Node(binary, upstream={"docker.io": upstream.url}, data_dir=backup)
    assert restored.get("/api/v1/health").ok()["peer"] == peer
    assert restored.get("/api/v1/crdt/mine").ok()["crdt"]["value"] == "1"
    restored.wait_told("busybox:1.35.0", "stored")
    restored.end_of_test()
