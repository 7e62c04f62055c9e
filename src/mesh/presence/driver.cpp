#include "mesh/presence/driver.hpp"

#include <cassert>

#include "aio/timeout.hpp"
#include "base/log.hpp"
#include "libp2p/host/ping.hpp"

namespace dm::presence {
namespace {

constexpr std::chrono::milliseconds farewell_limit{500};
/// Peers whose answer is waited for.
constexpr std::size_t farewell_peers_max = 16;

steady_time now() {
    return std::chrono::steady_clock::now();
}

std::uint64_t number_of(const gossipsub::message& m) {
    std::uint64_t out = 0;
    for (const auto b : m.seqno)
        out = out << 8 | to_u8(b);
    return out;
}

}  // namespace

service::service(executor ex, host::host& peers, gossipsub::pubsub& pubsub, std::uint64_t seed,
                 roster_options o)
    : host_(peers),
      pubsub_(pubsub),
      roster_(now(), peers.self(), seed, o),
      changed_(ex),
      group_(ex) {}

service::~service() {
    assert(group_.size() == 0 && "presence is stopped before it is destroyed");
}

void service::start() {
    watching_peers_.emplace(host_.events().add([this](const host::peer_event& e) {
        // Only nodes of ours have a presence; whether one is, identify has told.
        if (e.what == host::peer_event::kind::disconnected)
            roster_.disconnected(now(), e.peer.id);
        wake();
    }));
    watching_topic_.emplace(pubsub_.topic_events().add([this](const gossipsub::peer_topic& t) {
        if (!t.is_on || t.topic != topic)
            return;
        if (host_.find(t.peer))
            roster_.connected(now(), t.peer);
        roster_.listener(now());
        wake();
    }));
    pubsub_.subscribe(
        topic, [this](const gossipsub::deliver& d) { hear(d); },
        [](const gossipsub::message& m) { return m.data && decode(*m.data).has_value(); });
    group_.spawn("presence", run());
}

awaitable<void> service::say_goodbye() {
    if (std::exchange(has_left_, true))
        co_return;
    publish(roster_.farewell());
    try {
        co_await aio::with_timeout(until_heard(), farewell_limit);
    } catch (const failure& e) {
        if (aio::is_cancelled(e))
            throw;
        log::debug("no farewell", {{"reason", e.what()}});
    }
}

/// What was published is on its way, and whatever a peer answers now it answers after it: a
/// connection that ends before may take it along.
awaitable<void> service::until_heard() {
    co_await pubsub_.flush();
    std::vector<awaitable<void>> answers;
    for (const auto& peer : pubsub_.peers_in(topic))
        if (answers.size() < farewell_peers_max)
            answers.push_back(until_answered(peer));
    co_await aio::all_of(std::move(answers));
}

awaitable<void> service::until_answered(peer_id peer) {
    try {
        co_await host::ping(host_, peer);
    } catch (const failure& e) {
        if (aio::is_cancelled(e))
            throw;  // one that is gone needs no farewell
    }
}

awaitable<void> service::stop() {
    watching_peers_.reset();
    watching_topic_.reset();
    co_await group_.stop();
    co_await say_goodbye();
    pubsub_.unsubscribe(topic);
}

void service::set_status(std::string status) {
    roster_.status_changed(now(), std::move(status));
    wake();
}

sighting service::find(const peer_id& peer) const {
    return roster_.find(peer, now());
}

void service::hear(const gossipsub::deliver& d) {
    if (auto b = decode(d.message.data.value_or(bytes{}))) {
        log::trace("beat", {{"peer", d.author.to_string()},
                            {"number", number_of(d.message)},
                            {"leaving", b->is_leaving ? "yes" : "no"}});
        roster_.heard(now(), d.author, number_of(d.message), *std::move(b));
    }
    wake();
}

void service::wake() {
    changed_.notify_all();
}

awaitable<void> service::run() {
    for (;;) {
        roster_.tick(now());
        for (const auto& peer : roster_.take_changed())
            changes_.tell(peer);
        if (const auto b = roster_.poll(now()))
            publish(*b);
        const auto at = roster_.deadline();
        if (at <= now())
            continue;
        if (at == steady_time::max()) {
            co_await changed_.wait();
            continue;
        }
        try {
            co_await aio::with_timeout(changed_.wait(), at - now());
        } catch (const failure& e) {
            if (e.code() != aio::errc::timed_out)
                throw;
        }
    }
}

void service::publish(const beat& b) {
    pubsub_.publish(topic, encode(b));
}

}  // namespace dm::presence
