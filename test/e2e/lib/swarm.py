"""What several nodes that share images need: who a node is, what it has sent, which parts it holds."""
import glob
import http.client
import os
import re

from .system import wait_until

LEAF = 262_144  # bytes of a block of a blob
NOWHERE = {"docker.io": "http://127.0.0.1:1"}  # no registry can be reached


def peer_id(node):
    return node.get("/api/v1/health").ok()["peer"]


def address(node):
    """Its multiaddress on loopback."""
    return f"/ip4/127.0.0.1/tcp/{node.p2p_port}/p2p/{peer_id(node)}"


def is_connected(node, peer):
    """Connected, and told what the peer speaks."""
    return any(p["ID"] == peer and p["connected"] and p["agent"] for p in node.get("/api/v1/peers").ok()["peers"])


def own_state(node, nametag):
    """What a node says of itself in the strategy for an image, "" before it knows the strategy."""
    rows = [r for s in node.get("/api/v1/strategy").ok()["strategies"] or [] if s["nametag"] == nametag
            for r in s["nodes"] if r["self"]]
    return rows[0]["state"] if rows else ""


def metric(node, name):
    """The sum of a metric's values over its labels."""
    text = node.get("/metrics").body.decode()
    return sum(float(v) for v in re.findall(rf"^{name}(?:{{[^}}]*}})? (\S+)$", text, re.M))


class SentBytes:
    """All that a node has sent to peers since it started, framing and what has not arrived included.

    Asked over one connection: one a question would hold thousands of ports, on which no killed node could start again.
    """

    def __init__(self, node):
        self.connection = http.client.HTTPConnection(node.api_address, timeout=20)

    def __call__(self):
        self.connection.request("GET", "/metrics")
        text = self.connection.getresponse().read().decode()
        return float(re.search(r"^distromash_host_sent_bytes_total(?:{[^}]*})? (\S+)$", text, re.M)[1])


def layer_of(image):
    return max(image.blobs.values(), key=lambda b: b.size)


def leaves_held(node, blob):
    """Numbers of the leaves of `blob` that lie in the node's store, complete or on its way."""
    store = os.path.join(node.data_dir, "store")
    files = [os.path.join(store, "blobs", *blob.digest.split(":")), *glob.glob(os.path.join(store, "partial", "*"))]
    held, content = set(), blob.read()
    for file in filter(os.path.exists, files):
        with open(file, "rb") as f:
            data = f.read()
        held |= {i for i in range(-(-blob.size // LEAF))
                 if data[i * LEAF:(i + 1) * LEAF] == content[i * LEAF:(i + 1) * LEAF]}
    return held


def wait_stored(node, nametag, seconds=120):
    """Until the node has the image that a strategy gives it."""
    wait_until(lambda: own_state(node, nametag) == "stored", seconds,
               lambda: f"{nametag} is stored; it is {own_state(node, nametag)!r}:\n{node.log_tail()}", every=0.1)


def known(nodes):
    """Options of a node that knows these."""
    return [x for n in nodes for x in ("--bootstrap", address(n))]


def node_in_the_middle(start_node, upstream, nametag, peers=4):
    """A node that has fetched the image from slow peers, which hold it, and has served as many that wanted it too.

    The sources are slow so that all of them are used, and the receivers have to turn to the node in the middle.
    """
    sources = []
    for _ in range(peers):
        sources.append(start_node(upstream={"docker.io": upstream.url}, args=["--upload-limit", "10MB", *known(sources)]))
        sources[-1].cli("image", "import", nametag, check=True, timeout=300)
    middle = start_node(upstream=NOWHERE, args=known(sources))
    receivers = [start_node(upstream=NOWHERE, args=known([middle])) for _ in range(peers)]
    assert sources[0].apply(nametag).ok()
    for node in [middle, *receivers]:
        wait_stored(node, nametag, 600)
    return middle
