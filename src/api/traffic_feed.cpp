#include "api/traffic_feed.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "aio/timeout.hpp"

namespace dm::api {
namespace {

/// Counters start anew with each connection.
std::uint64_t per_second(std::uint64_t before, std::uint64_t now, double seconds) {
    const auto moved = now >= before ? now - before : now;
    return seconds > 0 ? std::uint64_t(double(moved) / seconds) : 0;
}

}  // namespace

std::string traffic_notice(const traffic& before, const traffic& now,
                           std::chrono::duration<double> between) {
    auto all = nlohmann::json::array();
    for (const auto& [peer, bytes] : now) {
        const auto was = before.find(peer);
        const auto old = was == before.end() ? peer_bytes{} : was->second;
        all.push_back(
            {{"peer", peer},
             {"sent_per_second", per_second(old.sent, bytes.sent, between.count())},
             {"received_per_second", per_second(old.received, bytes.received, between.count())}});
    }
    return nlohmann::json{{"peers", std::move(all)}}.dump();
}

traffic_feed::traffic_feed(executor ex, const host::host& peers, event_feed& events,
                           std::chrono::milliseconds interval)
    : peers_(peers), events_(events), interval_(interval), group_(std::move(ex)) {}

traffic traffic_feed::look() const {
    traffic out;
    for (const auto& p : peers_.peers())
        out[p.id.to_string()] = {p.sent_bytes, p.received_bytes};
    return out;
}

awaitable<void> traffic_feed::run() {
    auto before = look();
    auto at = std::chrono::steady_clock::now();
    bool was_quiet = true;
    for (;;) {
        co_await aio::sleep_for(interval_);
        auto now = look();
        const auto then = std::exchange(at, std::chrono::steady_clock::now());
        // Once more after the last byte, so that rates are told to be zero.
        const bool quiet = now == before;
        if (events_.has_clients() && !(quiet && was_quiet))
            events_.add("traffic", "traffic", traffic_notice(before, now, at - then));
        was_quiet = quiet;
        before = std::move(now);
    }
}

}  // namespace dm::api
