#include <algorithm>

#include "aio/timeout.hpp"
#include "base/log.hpp"
#include "mesh/crdt/driver.hpp"
#include "mesh/crdt/driver_messages.hpp"
#include "mesh/crdt/sync_message.hpp"
#include "multiformats/delimited.hpp"

/// Two nodes of ours that connect tell each other what the other lacks.
namespace dm::crdt {
namespace {

constexpr std::size_t locator_max = 128;
constexpr std::size_t to_ask_max = 1'000;
constexpr std::size_t blocks_a_turn = 64;

}  // namespace

void shared_map::note_peer(const host::peer_info& peer) {
    if (!peer.speaks(sync_protocol) || to_ask_.size() >= to_ask_max)
        return;
    to_ask_.insert(peer.id);
    asking_.notify_all();
}

/// One peer after the other: when the first has told us everything, the others have little to say.
awaitable<void> shared_map::keep_in_step() {
    for (;;) {
        while (to_ask_.empty())
            co_await asking_.wait();
        const auto peer = *to_ask_.begin();
        to_ask_.erase(to_ask_.begin());
        is_asking_ = true;
        co_await catch_up_with(peer);
        is_asking_ = false;
        co_await note_missing();
        work_.notify_all();
    }
}

awaitable<void> shared_map::catch_up_with(peer_id peer) {
    try {
        const auto merged = co_await ask(peer);
        if (merged == 0)
            co_return;
        log::info("shared state caught up", {{"peer", peer.to_string()}, {"blocks", merged}});
        // Neighbours may have been away as long as we have.
        announcer_.changed(std::chrono::steady_clock::now());
        announcer_.newcomer(std::chrono::steady_clock::now());
        announcing_.notify_all();
    } catch (const std::exception& e) {
        if (aio::is_cancelled(e))
            throw;
        log::debug("catching up failed", {{"peer", peer.to_string()}, {"reason", e.what()}});
    }
}

awaitable<std::size_t> shared_map::ask(peer_id peer) {
    bool is_complete = false;
    {
        const auto turn = co_await one_writer_.acquire();
        is_complete = (co_await workers_.run([&] { return replica_.missing(1); })).empty();
    }
    // Who has a block is taken to have all that is before it: with a gap, ask for everything.
    std::vector<cid> have;
    if (is_complete)
        have = co_await blocks_.read([](reader& r) { return r.locator(locator_max); });
    auto opened = co_await aio::with_timeout(exchange_.network().open(peer, {sync_protocol}),
                                             options_.sync_timeout);
    auto& stream = *opened.channel;
    bytes wire;
    multiformats::append_delimited(wire, encode_sync_request(have));
    co_await aio::with_timeout(stream.write(wire), options_.sync_timeout);
    stream.shutdown_write();
    messages in(stream, block_bytes_max);
    std::size_t merged = 0;
    std::size_t size = 0;
    std::vector<block> batch;
    const auto name = peer.to_string();
    for (;;) {
        auto data = co_await aio::with_timeout(in.next(), options_.sync_timeout);
        const bool is_end = !data;
        if (data) {
            const auto id = cid_of(*data);
            size += data->size();
            batch.push_back({id, *std::move(data)});
        }
        if (!batch.empty() &&
            (is_end || batch.size() >= options_.batch_blocks || size >= options_.batch_bytes)) {
            const auto out = co_await merge(std::exchange(batch, {}), name);
            size = 0;
            merged += out.merged;
            if (out.is_full || out.malformed > 0)
                co_return merged;  // no use in more of it
        }
        if (is_end)
            co_return merged;
    }
}

awaitable<void> shared_map::serve(host::inbound in) {
    const auto place = co_await serving_.acquire();
    messages requests(*in.channel, sync_request_bytes_max);
    const auto request = co_await aio::with_timeout(requests.next(), options_.sync_timeout);
    if (!request)
        co_return;
    const auto have = value_or_throw(decode_sync_request(*request));
    const auto names =
        co_await blocks_.read([&](reader& r) { return r.not_before(have, sync_blocks_max); });
    for (std::size_t i = 0; i < names.size();) {
        const auto end = std::min(names.size(), i + blocks_a_turn);
        const auto wire = co_await blocks_.read([&](reader& r) {
            bytes out;
            for (; i < end && out.size() < options_.batch_bytes; ++i)
                multiformats::append_delimited(out, r.block_at(names[i]));
            return out;
        });
        co_await aio::with_timeout(in.channel->write(wire), options_.sync_timeout);
    }
}

}  // namespace dm::crdt
