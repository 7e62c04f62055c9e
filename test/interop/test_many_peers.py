"""A node with many connections on which little happens stays small."""
from lib.system import MIB, wait_until

PEERS = 50
RSS_MAX = 32 * MIB


def test_fifty_idle_connections_fit_into_32_mib(node, host_tool):
    n = node()
    [address] = [line.split()[1] for line in n.log_tail().splitlines() if line.startswith("address")]
    peers = [host_tool() for _ in range(PEERS)]
    for p in peers:
        p.do("dial", address)
    connected = lambda: [p for p in n.get("/api/v1/peers").ok()["peers"] if p["connected"]]  # noqa: E731
    wait_until(lambda: len(connected()) == PEERS and all(p["agent"] for p in connected()), 30,
               lambda: f"all {PEERS} peers are connected and identified")
    # The allocator gives back what the handshakes took within its interval.
    wait_until(lambda: n.memory()["VmRSS"] <= RSS_MAX, 25, lambda: f"RSS {n.memory()}")
    for p in peers:
        p.do("ping", address.rsplit("/", 1)[1])
    assert n.memory()["VmRSS"] <= RSS_MAX, n.memory()
