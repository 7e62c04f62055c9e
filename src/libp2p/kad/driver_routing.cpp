#include "libp2p/kad/driver_routing.hpp"

namespace dm::kad {
namespace {

awaitable<void> look_for_peer(dht& in, peer_id id, peer_info& out) {
    const auto found = co_await in.find_peer(id);
    out.addresses.insert(out.addresses.end(), found.addresses.begin(), found.addresses.end());
}

}  // namespace

awaitable<void> routing::find_providers(multihash content, std::size_t count, dht::found tell) {
    std::set<peer_id> seen;
    const auto once = [&](const peer_info& p) {
        if (seen.insert(p.id).second)
            tell(p);
    };
    std::vector<awaitable<void>> both;
    both.push_back(lan_.find_providers(content, count, once));
    both.push_back(wan_.find_providers(content, count, once));
    co_await aio::all_of(std::move(both));
}

awaitable<peer_info> routing::find_peer(peer_id id) {
    peer_info out{.id = id};
    std::vector<awaitable<void>> both;
    both.push_back(look_for_peer(lan_, id, out));
    both.push_back(look_for_peer(wan_, id, out));
    co_await aio::all_of(std::move(both));
    co_return out;
}

}  // namespace dm::kad
