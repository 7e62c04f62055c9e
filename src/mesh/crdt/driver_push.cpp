#include <algorithm>

#include "aio/timeout.hpp"
#include "base/log.hpp"
#include "mesh/crdt/driver.hpp"
#include "mesh/crdt/driver_messages.hpp"
#include "mesh/crdt/sync_message.hpp"

/// What is written here is on the disk of another node, too, before the writer is answered: it
/// survives this one.
namespace dm::crdt {
namespace {

/// What one who pushes has to say. Errors: too_large, malformed_block.
awaitable<std::vector<block>> read_pushed(aio::byte_stream& from) {
    messages in(from, block_bytes_max);
    std::vector<block> out;
    std::size_t size = 0;
    while (auto data = co_await in.next()) {
        size += data->size();
        if (out.size() == pushed_blocks_max || size > pushed_bytes_max)
            raise(errc::too_large, "more is pushed than one push may bring");
        const auto id = cid_of(*data);
        out.push_back({id, *std::move(data)});
    }
    co_return out;
}

std::vector<cid> ids_of(const std::vector<block>& blocks) {
    std::vector<cid> out;
    for (const auto& b : blocks)
        out.push_back(b.id);
    return out;
}

}  // namespace

/// Returns when one connected node of ours has it, or none of them says so in time.
awaitable<void> shared_map::until_held(std::vector<cid> written) {
    const auto wire = co_await pushable(written);
    if (wire.empty())
        co_return;
    for (const auto& peer : nearest()) {
        try {
            if (co_await aio::with_timeout(push(peer, wire, written.back()), options_.push_timeout))
                co_return;
        } catch (const std::exception& e) {
            if (aio::is_cancelled(e))
                throw;
            log::debug("a change is not held there",
                       {{"peer", peer.to_string()}, {"reason", e.what()}});
        }
    }
}

/// These blocks as a push has them; nothing when they are more than one may bring: they travel as
/// everything does.
awaitable<bytes> shared_map::pushable(std::vector<cid> written) {
    bytes wire;
    std::size_t size = 0;
    if (written.size() > pushed_blocks_max)
        co_return wire;
    for (const auto& id : written) {
        const auto data = co_await blocks_.block(id);
        size += data ? data->size() : 0;
        if (!data || size > pushed_bytes_max)
            co_return bytes{};
        multiformats::append_delimited(wire, *data);
    }
    co_return wire;
}

/// Those to ask, who answers soonest first.
std::vector<peer_id> shared_map::nearest() {
    auto peers = exchange_.network().peers();
    std::erase_if(peers, [](const auto& p) { return !p.speaks(push_protocol); });
    std::ranges::sort(peers, {}, [](const host::peer_info& p) {
        return p.round_trip.value_or(std::chrono::steady_clock::duration::max());
    });
    std::vector<peer_id> out;
    for (const auto& p : peers)
        if (out.size() < options_.pushed_to_max)
            out.push_back(p.id);
    return out;
}

/// Whether `peer` says that it has the last of these blocks.
awaitable<bool> shared_map::push(peer_id peer, bytes wire, cid last) {
    auto opened = co_await exchange_.network().open(peer, {push_protocol});
    co_await opened.channel->write(wire);
    opened.channel->shutdown_write();
    messages answers(*opened.channel, sync_request_bytes_max);
    const auto answer = co_await answers.next();
    if (!answer)
        co_return false;
    const auto held = value_or_throw(decode_sync_request(*answer));
    co_return std::ranges::count(held, last) > 0;
}

/// Takes blocks as if they had been fetched, and says which of them are on the disk then.
awaitable<void> shared_map::take_pushed(host::inbound in) {
    const auto place = co_await taking_.acquire();
    auto pushed = co_await aio::with_timeout(read_pushed(*in.channel), options_.push_timeout);
    const auto ids = ids_of(pushed);
    co_await merge_pushed(std::move(pushed), in.peer.to_string());
    const auto sizes = co_await blocks_.sizes(ids);
    std::vector<cid> held;
    for (std::size_t i = 0; i < ids.size(); ++i)
        if (sizes[i])
            held.push_back(ids[i]);
    if (held.empty())
        co_return;
    bytes wire;
    multiformats::append_delimited(wire, encode_sync_request(held));
    co_await aio::with_timeout(in.channel->write(wire), options_.push_timeout);
}

/// What is new of it, and nothing of one who has written more than its share: that comes by and by.
awaitable<void> shared_map::merge_pushed(std::vector<block> pushed, std::string from) {
    const auto ids = ids_of(pushed);
    std::vector<cid> unknown;
    {
        const auto turn = co_await one_writer_.acquire();
        unknown = co_await workers_.run([&] { return replica_.unknown(ids); });
    }
    std::erase_if(pushed, [&](const block& b) { return std::ranges::count(unknown, b.id) == 0; });
    if (pushed.empty() || turn_of(from) > std::chrono::steady_clock::now())
        co_return;
    for (const auto& b : pushed)
        charge(from, b.data.size());
    slowed_until(from);
    const auto out = co_await merge(std::move(pushed), from);
    if (out.merged == 0 || is_stopped_)
        co_return;
    // Who pushed may be gone by now: the others hear of it from us, and what came before it is
    // fetched in a task that does not end with the stream.
    announcer_.changed(std::chrono::steady_clock::now());
    announcing_.notify_all();
    group_.spawn("shared state: fetch what is missing", fetch_missing());
}

awaitable<void> shared_map::fetch_missing() {
    co_await note_missing();
    work_.notify_all();
}

}  // namespace dm::crdt
