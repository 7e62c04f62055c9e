#include "aio/timeout.hpp"
#include "base/log.hpp"
#include "content/bitswap/driver_connection.hpp"
#include "content/bitswap/probe.hpp"
#include "multiformats/delimited.hpp"

/// What the exchange writes: blocks and answers on one stream a peer, wants on another, so that
/// neither waits for the other.
namespace dm::bitswap {
namespace {

constexpr std::size_t wants_message_bytes = 256 * 1024;
constexpr std::chrono::milliseconds retry_delay{1'000};

steady_time now() {
    return std::chrono::steady_clock::now();
}

/// Who takes less than 12.5 kB/s is given up, as boxo does.
std::chrono::milliseconds write_limit(std::size_t bytes) {
    return std::chrono::milliseconds(10'000 + bytes * 2 / 25);
}

}  // namespace

void exchange::pump() {
    while (auto j = server_.next(now())) {
        auto* c = find(j->peer);
        assert(c && "the server knows connected peers only");
        c->tasks.spawn("bitswap send", send_job(*c, *std::move(j)));
    }
    if (server_.deadline())
        wake();
}

awaitable<void> exchange::send_job(connection& c, job j) {
    bool delivered = false;
    try {
        message m{.presences = j.presences,
                  .pending_bytes =
                      static_cast<std::int32_t>(std::min<std::size_t>(j.pending_bytes, INT32_MAX))};
        std::vector<bytes> held;
        held.reserve(j.blocks.size());
        for (const auto& item : j.blocks) {
            auto data = co_await store_.block(item.id);
            if (!data) {
                server_.vanished(j, item);
                continue;
            }
            held.push_back(*std::move(data));
            m.blocks.push_back({prefix_of(item.id), held.back()});
        }
        const auto turn = co_await c.write_turn.acquire();
        if (!m.empty())
            co_await write(c, c.blocks_out, m);
        delivered = true;
        probe::sent(j.bytes, j.blocks.size());
    } catch (const std::exception& e) {
        if (aio::is_cancelled(e))
            throw;
        log::debug("bitswap answer not delivered",
                   {{"peer", c.id.to_string()}, {"reason", e.what()}});
    }
    server_.finished(now(), j, delivered);
    pump();
}

awaitable<void> exchange::open(connection& c, out_stream& to) {
    std::vector<std::string> protocols{protocol_1_1};
    if (c.has_presence)
        protocols.insert(protocols.begin(), protocol_1_2);
    auto opened =
        co_await aio::with_timeout(host_.open(c.id, std::move(protocols)), options_.open_timeout);
    to.speaks = opened.protocol == protocol_1_2 ? version::v1_2 : version::v1_1;
    to.channel = std::move(opened.channel);
    wake();
}

/// Writes one message; on a stream that was there before, which the peer may have closed, tries
/// once more.
awaitable<void> exchange::write(connection& c, out_stream& to, const message& m) {
    struct busy {
        explicit busy(out_stream& s) : stream(s) { stream.is_busy = true; }
        busy(const busy&) = delete;
        busy& operator=(const busy&) = delete;
        ~busy() { stream.is_busy = false; }
        out_stream& stream;
    } const mark(to);
    for (bool is_old = to.channel != nullptr;; is_old = false) {
        try {
            if (!to.channel)
                co_await open(c, to);
            bytes wire;
            multiformats::append_delimited(wire, encode_message(m, to.speaks));
            co_await aio::with_timeout(to.channel->write(wire), write_limit(wire.size()));
            to.used = now();
            co_return;
        } catch (const std::exception& e) {
            if (to.channel)
                to.channel->reset();
            to.channel.reset();
            if (!is_old || aio::is_cancelled(e) || error_of(e).code == aio::errc::timed_out)
                throw;
        }
    }
}

awaitable<void> exchange::send_wants(connection& c) {
    for (;;) {
        while (!c.wants.has_changes())
            co_await c.wants_changed.wait();
        bool failed = false;
        try {
            auto changes = c.wants.take_changes(wants_message_bytes);
            if (changes.full || !changes.wants.empty())
                co_await write(c, c.wants_out,
                               {.wants = std::move(changes.wants), .full = changes.full});
        } catch (const std::exception& e) {
            if (aio::is_cancelled(e))
                throw;
            log::debug("bitswap wants not delivered",
                       {{"peer", c.id.to_string()}, {"reason", e.what()}});
            failed = true;
        }
        if (failed) {
            c.wants.resend_all();
            co_await aio::sleep_for(retry_delay);
        }
    }
}

void exchange::store_changed() {
    if (is_looking_again_ || is_stopping_)
        return;
    is_looking_again_ = true;
    group_.spawn("bitswap look again", look_again());
}

awaitable<void> exchange::look_again() {
    // What changes meanwhile asks for another look.
    is_looking_again_ = false;
    const auto ids = server_.waited_for();
    const auto sizes = co_await store_.sizes(ids);
    for (std::size_t i = 0; i < ids.size(); ++i)
        if (sizes[i])
            server_.arrived(ids[i], *sizes[i]);
    pump();
}

}  // namespace dm::bitswap
