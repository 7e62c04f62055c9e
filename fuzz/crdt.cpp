// links: crdt
// Blocks and broadcasts of the shared state: what is read is written back with the same meaning.
#include "mesh/crdt/block.hpp"
#include "mesh/crdt/sync_message.hpp"
#include "mesh/state/key.hpp"
#include "require.hpp"

using namespace dm;
using namespace dm::crdt;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto wire = std::as_bytes(std::span{data, size});
    if (const auto n = decode_node(wire)) {
        require(n->delta.priority >= 1 && n->delta.priority <= height_max);
        const auto again = decode_node(encode_node(*n));
        require(again && *again == *n);
        for (const auto& t : n->delta.tombstones)
            if (const auto id = block_of_id(t.id))
                require(block_id(*id) == t.id);
        for (const auto& e : n->delta.elements) {
            const auto key = state::clean_key(e.key);
            require(key.starts_with('/') && state::clean_key(key) == key);
        }
    }
    if (const auto heads = decode_broadcast(wire)) {
        require(heads->size() <= broadcast_heads_max);
        require(*decode_broadcast(encode_broadcast(*heads)) == *heads);
    }
    if (const auto have = decode_sync_request(wire))
        require(*decode_sync_request(encode_sync_request(*have)) == *have);
    return 0;
}
