#include "daemon/ipfs.hpp"

#include <algorithm>

#include "aio/timeout.hpp"
#include "base/log.hpp"

namespace dm::daemon {
namespace {

using multiformats::multihash;

constexpr std::size_t providers_wanted = 10;
/// What is evicted or loaded without a word is noticed after this time.
constexpr std::chrono::seconds review_interval{10};
/// Blobs of one image come one after another: they are told of together.
constexpr std::chrono::seconds gather_time{1};

bitswap::provider_search search_in(kad::routing& routing) {
    return [&routing](multiformats::cid id, bitswap::provider_found found) -> awaitable<void> {
        return routing.find_providers(
            id.hash(), providers_wanted,
            [found](const kad::peer_info& p) { found(p.id, p.addresses); });
    };
}

}  // namespace

ipfs::ipfs(executor ex, aio::pool& workers, host::host& peers, store::content_store& content,
           bitswap::blockstore& more)
    : content_(content),
      content_blocks_(content),
      blocks_(content_blocks_, more),
      routing_(ex, peers, random_seed()),
      exchange_(ex, workers, peers, blocks_, search_in(routing_)),
      changed_(ex),
      group_(ex) {}

void ipfs::start(held_roots roots) {
    watching_.emplace(
        content_.completed().add([this](const store::blob_info&) { content_changed(); }));
    routing_.start();
    exchange_.start();
    group_.spawn("provide content", keep_providing(std::move(roots)));
}

awaitable<void> ipfs::stop() {
    watching_.reset();
    co_await group_.stop();
    co_await exchange_.stop();
    co_await routing_.stop();
}

void ipfs::content_changed() {
    exchange_.store_changed();
    has_changed_ = true;
    changed_.notify_all();
}

awaitable<void> ipfs::keep_providing(held_roots roots) {
    for (;;) {
        has_changed_ = false;
        co_await provide(roots);
        try {
            if (!has_changed_)
                co_await aio::with_timeout(changed_.wait(), review_interval);
        } catch (const failure& e) {
            if (e.code() != aio::errc::timed_out)
                throw;
        }
        co_await aio::sleep_for(gather_time);
    }
}

awaitable<void> ipfs::provide(const held_roots& roots) {
    std::set<multihash> held;
    for (const auto& root : co_await roots())
        held.insert(root.hash());
    for (const auto& blob : co_await content_.blobs()) {
        held.insert(blob.root.hash());
        if (blob.digest.algorithm() == crypto::hash_algorithm::sha256)
            held.insert(multihash(blob.digest));
    }
    for (const auto& gone : provided_)
        if (!held.contains(gone))
            routing_.stop_providing(gone);
    for (const auto& hash : held)
        routing_.provide(hash);
    provided_ = std::move(held);
}

}  // namespace dm::daemon
