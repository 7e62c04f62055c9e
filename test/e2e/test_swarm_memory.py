"""Memory of a node in the middle of a swarm: its bound holds on a busy machine too."""
from lib import images
from lib.swarm import node_in_the_middle
from lib.system import MIB

PEAK_RSS_MAX = 64 * MIB
PEERS = 4


def test_peak_while_fetching_from_four_peers_and_serving_four(start_node, upstream):
    image = upstream.push(images.random_layers(200), "library/large", "1")
    middle = node_in_the_middle(start_node, upstream, "large:1", PEERS)
    peers = [p for p in middle.get("/api/v1/peers").ok()["peers"] if p["connected"]]
    assert sum(p["received_bytes"] > image.size / 50 for p in peers) >= PEERS, peers
    assert sum(p["sent_bytes"] > image.size / 50 for p in peers) >= PEERS, peers
    memory = middle.memory()
    print({k: f"{v / MIB:.1f} MiB" for k, v in memory.items()})
    assert memory["VmHWM"] <= PEAK_RSS_MAX, memory
