#include <algorithm>

#include "aio/timeout.hpp"
#include "base/log.hpp"
#include "content/bitswap/driver_connection.hpp"

/// How the exchange finds peers that have a block.
namespace dm::bitswap {
namespace {

/// After connecting, a peer says within this time that it speaks bitswap.
constexpr std::chrono::seconds identify_timeout{3};

}  // namespace

void exchange::search(want_listener& l, const cid& id) {
    group_.spawn("bitswap search", run_search(&l, id));
}

/// Listeners may leave while they are searched for.
bool exchange::is_listening(const want_listener* l) const {
    return std::ranges::find(listeners_, l) != listeners_.end();
}

awaitable<void> exchange::run_search(want_listener* l, cid id) {
    const auto place = co_await searches_.acquire();
    aio::task_group approaches(executor_);
    std::exception_ptr cancelled;
    try {
        co_await connected_are_known();
        if (search_ && is_listening(l))
            co_await look_for(id, l, approaches);
        co_await approaches.wait();
    } catch (const std::exception& e) {
        if (aio::is_cancelled(e))
            cancelled = std::current_exception();
        else
            log::debug("search for providers failed",
                       {{"cid", id.to_string()}, {"reason", e.what()}});
    }
    // Those who were found are waited for when only the search was cut short.
    co_await asio::this_coro::throw_if_cancelled(false);
    if (cancelled)
        approaches.cancel();
    co_await approaches.join();
    co_await asio::this_coro::throw_if_cancelled(true);
    if (cancelled)
        std::rethrow_exception(cancelled);
    if (is_listening(l))
        l->on_searched();
}

/// Peers that have just connected have not said yet what they speak: they may have the block.
awaitable<void> exchange::connected_are_known() {
    // NOLINTNEXTLINE(cppcoreguidelines-avoid-capturing-lambda-coroutines): awaited here
    const auto known = [this]() -> awaitable<void> {
        while (std::ranges::any_of(host_.peers(),
                                   [](const auto& peer) { return peer.protocols.empty(); }))
            co_await peers_changed_.wait();
    };
    try {
        co_await aio::with_timeout(known(), identify_timeout);
    } catch (const failure& e) {
        if (e.code() != aio::errc::timed_out)
            throw;
    }
}

awaitable<void> exchange::look_for(cid id, want_listener* l, aio::task_group& approaches) {
    std::size_t found = 0;
    const auto take = [&](const peer_id& peer, std::vector<multiformats::multiaddr> addresses) {
        if (peer == host_.self() || found >= options_.providers_max)
            return;
        ++found;
        approaches.spawn("bitswap provider", approach(peer, std::move(addresses), l));
    };
    co_await aio::with_timeout(search_(id, take), options_.search_timeout);
}

awaitable<void> exchange::approach(peer_id peer, std::vector<multiformats::multiaddr> addresses,
                                   want_listener* l) {
    try {
        co_await aio::with_timeout(host_.connect(peer, std::move(addresses)),
                                   options_.connect_timeout);
        // NOLINTNEXTLINE(cppcoreguidelines-avoid-capturing-lambda-coroutines): awaited here
        const auto known = [this, peer]() -> awaitable<void> {
            while (!find(peer))
                co_await peers_changed_.wait();
        };
        co_await aio::with_timeout(known(), identify_timeout);
    } catch (const std::exception& e) {
        if (aio::is_cancelled(e))
            throw;
        log::debug("provider not reached", {{"peer", peer.to_string()}, {"reason", e.what()}});
        co_return;
    }
    if (is_listening(l))
        l->on_provider(peer);
}

}  // namespace dm::bitswap
