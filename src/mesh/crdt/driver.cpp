#include "mesh/crdt/driver.hpp"

#include <algorithm>
#include <cassert>

#include "aio/timeout.hpp"
#include "base/log.hpp"
#include "mesh/crdt/probe.hpp"
#include "mesh/crdt/sync_message.hpp"
#include "mesh/state/key.hpp"

namespace dm::crdt {
namespace {

steady_time now() {
    return std::chrono::steady_clock::now();
}

}  // namespace

shared_map::shared_map(executor ex, aio::pool& workers, const std::filesystem::path& file,
                       block_source& blocks, gossipsub::pubsub& pubsub, bitswap::exchange& exchange,
                       shared_map_options o)
    : executor_(ex),
      workers_(workers),
      blocks_(blocks),
      pubsub_(pubsub),
      exchange_(exchange),
      options_(std::move(o)),
      replica_(file, options_.limits),
      entries_(replica_.load()),
      announcer_(now(), options_.seed, options_.announcer),
      one_writer_(ex, 1),
      serving_(ex, options_.serving_max),
      taking_(ex, options_.taking_max),
      work_(ex),
      announcing_(ex),
      asking_(ex),
      group_(ex) {
    count();
}

shared_map::~shared_map() {
    assert(group_.size() == 0 && "a shared_map is stopped before it is destroyed");
}

void shared_map::start() {
    auto& network = exchange_.network();
    watching_peers_.emplace(network.events().add([this](const host::peer_event& e) {
        if (e.what == host::peer_event::kind::identified)
            note_peer(e.peer);
    }));
    watching_topic_.emplace(pubsub_.topic_events().add([this](const gossipsub::peer_topic& t) {
        if (!t.is_on || t.topic != options_.topic)
            return;
        // Our own nodes ask for what they lack.
        const auto peer = exchange_.network().find(t.peer);
        if (peer && peer->speaks(sync_protocol))
            return;
        announcer_.newcomer(now());
        announcing_.notify_all();
    }));
    pubsub_.subscribe(
        options_.topic, [this](const gossipsub::deliver& d) { heard(d); },
        [](const gossipsub::message& m) {
            return m.data && decode_broadcast(*m.data).has_value();
        });
    network.handle(sync_protocol, [this](host::inbound in) { return serve(std::move(in)); });
    network.handle(push_protocol, [this](host::inbound in) { return take_pushed(std::move(in)); });
    for (const auto& peer : network.peers())
        note_peer(peer);
    group_.spawn("shared state: fetch", keep_complete());
    group_.spawn("shared state: announce", announce_heads());
    group_.spawn("shared state: catch up", keep_in_step());
}

awaitable<void> shared_map::stop() {
    watching_peers_.reset();
    watching_topic_.reset();
    pubsub_.unsubscribe(options_.topic);
    exchange_.network().stop_handling(sync_protocol);
    exchange_.network().stop_handling(push_protocol);
    is_stopped_ = true;
    co_await group_.stop();
    // A push is merged in a task of the host, which goes on.
    const auto turn = co_await one_writer_.acquire();
}

awaitable<void> shared_map::set_all(std::vector<entry> changes) {
    check(changes);
    std::map<std::string, std::string> clean;  // a delta names a key once
    for (auto& [key, value] : changes)
        clean[state::clean_key(key)] = std::move(value);
    changes.assign(clean.begin(), clean.end());
    check(changes);
    std::vector<cid> written;
    {
        const auto turn = co_await one_writer_.acquire();
        std::erase_if(changes, [&](const entry& e) { return find(e.first) == e.second; });
        if (!changes.empty())
            written = co_await write(std::move(changes), {});
    }
    // Without the turn: two nodes that write at the same time wait for each other's merge.
    if (!written.empty())
        co_await until_held(std::move(written));
}

awaitable<std::size_t> shared_map::erase_if(std::function<bool(std::string_view)> doomed) {
    std::vector<cid> written;
    std::vector<std::string> keys;
    {
        const auto turn = co_await one_writer_.acquire();
        for (const auto& [key, value] : entries_)
            if (doomed(key))
                keys.push_back(key);
        if (!keys.empty())
            written = co_await write({}, keys);
    }
    if (!written.empty())
        co_await until_held(std::move(written));
    co_return keys.size();
}

awaitable<void> shared_map::each_written(std::string prefix, take_entries take) {
    element_position at;
    for (;;) {
        auto piece = co_await blocks_.read(
            [&](reader& r) { return r.written(prefix, at, options_.batch_blocks); });
        if (piece.empty())
            co_return;
        co_await take(std::move(piece));
    }
}

awaitable<std::vector<cid>> shared_map::write(std::vector<entry> set,
                                              std::vector<std::string> erased) {
    auto out = value_or_throw(co_await workers_.run([&] { return replica_.write(set, erased); }));
    auto written = std::move(out.written);
    apply(std::move(out));
    if (written.empty())
        co_return written;
    exchange_.store_changed();
    announcer_.changed(now());
    announcing_.notify_all();
    announce({written.back()});
    co_return written;
}

void shared_map::apply(outcome out) {
    for (const auto& [key, value] : out.changes) {
        if (value)
            entries_[key] = *value;
        else
            entries_.erase(key);
    }
    for (const auto& e : out.elements)
        tell_written(e);
    for (auto& [key, value] : out.changes)
        tell({key, std::move(value)});
    count();
}

/// While nobody writes: the replica is of the pool's then.
void shared_map::count() {
    counts_.blocks = replica_.blocks();
    counts_.history_bytes = replica_.history_bytes();
    probe::size(counts_.blocks, counts_.history_bytes, entries_.size());
}

/// Blocks of others: of `from`, for the log.
awaitable<outcome> shared_map::merge(std::vector<block> blocks, std::string_view from) {
    const auto turn = co_await one_writer_.acquire();
    if (is_stopped_)
        raise(errc::stopped);
    auto out = co_await workers_.run([&] { return replica_.merge(blocks); });
    counts_.merged += out.merged;
    counts_.malformed += out.malformed;
    probe::merged(out.merged, out.malformed);
    if (out.malformed > 0)
        log::warn("malformed changes of the shared state are ignored",
                  {{"from", from}, {"blocks", out.malformed}});
    if (out.is_full)
        log::error("the shared state is full: changes of others are refused", {{"from", from}});
    const outcome summary{.changes = {},
                          .elements = {},
                          .written = {},
                          .merged = out.merged,
                          .malformed = out.malformed,
                          .is_full = out.is_full};
    apply(std::move(out));
    if (summary.merged > 0)
        exchange_.store_changed();
    co_return summary;
}

void shared_map::announce(const std::vector<cid>& heads) {
    announcer_.heard(heads);
    pubsub_.publish(options_.topic, encode_broadcast(heads));
}

awaitable<std::vector<head>> shared_map::heads() {
    const auto turn = co_await one_writer_.acquire();
    co_return co_await workers_.run([&] { return replica_.heads(); });
}

awaitable<void> shared_map::announce_heads() {
    for (;;) {
        const auto at = announcer_.deadline();
        if (at > now()) {
            try {
                co_await aio::with_timeout(announcing_.wait(), at - now());
            } catch (const failure& e) {
                if (e.code() != aio::errc::timed_out)
                    throw;
            }
            continue;
        }
        std::vector<cid> ids;
        for (const auto& h : co_await heads())
            if (ids.size() < broadcast_heads_max)
                ids.push_back(h.id);
        if (const auto due = announcer_.due(now(), ids); !due.empty())
            announce(due);
    }
}

void shared_map::heard(const gossipsub::deliver& d) {
    const auto heads = decode_broadcast(d.message.data.value_or(bytes{}));
    if (!heads)
        return;
    announcer_.heard(*heads);
    for (const auto& head : *heads)
        if (announced_by_.try_emplace(head, d.author.to_string()).second)
            announced_.push_back(head);
    for (; announced_.size() > options_.announced_max; announced_.pop_front())
        announced_by_.erase(announced_.front());
    for (const auto& head : *heads)
        if (wanted_.size() < options_.wanted_max)
            wanted_.try_emplace(head, d.author.to_string());
    work_.notify_all();
}

}  // namespace dm::crdt
