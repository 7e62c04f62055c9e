// links: gossipsub
// Pubsub RPCs: what is read is written back with the same meaning, and a router takes anything.
#include "libp2p/gossipsub/router.hpp"
#include "require.hpp"

using namespace dm;
using namespace dm::gossipsub;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto wire = std::as_bytes(std::span{data, size});
    const auto r = decode_rpc(wire);
    static const auto key = crypto::private_key::from_seed(std::array<std::byte, 32>{});
    static const peer_id other(
        crypto::private_key::from_seed(std::array<std::byte, 32>{std::byte{1}}).public_key());
    router mine(key, 1, 1);
    const steady_time now{std::chrono::hours(1)};
    mine.subscribe(now, "t");
    mine.add_peer(now, other, peer_kind::gossipsub, true);
    require(mine.received(now, other, wire).has_value() == r.has_value());
    mine.tick(now);
    for (int i = 0; mine.poll(); ++i)
        require(i < 10'000);
    if (!r)
        return 0;
    require(r->messages.size() <= messages_max && r->control.wants.size() <= ids_max);
    for (const auto& m : r->messages)
        verify(m);
    const auto again = decode_rpc(encode_rpc(*r));
    require(again && *again == *r);
    return 0;
}
