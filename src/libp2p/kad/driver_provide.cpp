#include <algorithm>

#include "aio/timeout.hpp"
#include "base/log.hpp"
#include "libp2p/kad/driver.hpp"
#include "libp2p/kad/driver_io.hpp"

/// How the closest servers are kept told of what this node provides.
namespace dm::kad {
namespace {

constexpr std::chrono::seconds retry_delay{10};
/// Records told to one server on one stream, at most.
constexpr std::size_t batch_max = 1'000;

steady_time now() {
    return std::chrono::steady_clock::now();
}

}  // namespace

void dht::provide(const multihash& content) {
    if (provided_.size() < options_.provided_max && provided_.try_emplace(content).second)
        provided_changed_.notify_all();
}

void dht::stop_providing(const multihash& content) {
    provided_.erase(content);
}

/// Writes ADD_PROVIDERs and closes: there is no answer.
awaitable<void> dht::tell_server(peer_id server, std::vector<multihash> contents) {
    // NOLINTNEXTLINE(cppcoreguidelines-avoid-capturing-lambda-coroutines): awaited here
    const auto talk = [&]() -> awaitable<void> {
        auto opened = co_await host_.open(server, {protocol_});
        const peer_info self{.id = host_.self(), .addresses = own_addresses()};
        for (const auto& content : contents)
            co_await write_message(*opened.channel, {.type = message_type::add_provider,
                                                     .key = content.to_bytes(),
                                                     .providers = {self}});
        opened.channel->shutdown_write();
    };
    try {
        co_await aio::with_timeout(talk(), options_.request_timeout);
    } catch (const std::exception& e) {
        if (aio::is_cancelled(e))
            throw;
        log::debug("dht server not told", {{"peer", server.to_string()}, {"reason", e.what()}});
        table_.failed(server);
    }
}

awaitable<void> dht::publish(multihash content) {
    const auto target = key_of(content);
    lookup l(target, table_.closest(target), {.is_thorough = true});
    co_await run(l, {.type = message_type::find_node, .key = content.to_bytes()}, {});
    const auto servers = l.closest();
    std::vector<awaitable<void>> tells;
    for (const auto& server : servers)
        tells.push_back(tell_server(server, {content}));
    co_await aio::all_of(std::move(tells));
    if (const auto it = provided_.find(content); it != provided_.end() && !servers.empty())
        it->second = now();
}

/// Servers that are new in the table hear of what is closest to them without a lookup.
awaitable<void> dht::tell_newcomers() {
    while (!newcomers_.empty()) {
        const auto server = *newcomers_.begin();
        newcomers_.erase(newcomers_.begin());
        std::vector<multihash> contents;
        for (const auto& [content, told] : provided_) {
            if (!told || contents.size() == batch_max)
                continue;
            const auto closest = table_.closest(key_of(content));
            if (std::ranges::find(closest, server) != closest.end())
                contents.push_back(content);
        }
        if (!contents.empty())
            co_await tell_server(server, std::move(contents));
    }
}

/// Until there is new content or a new server, or records may have to be told again.
awaitable<void> dht::work_or_an_hour() {
    try {
        co_await aio::with_timeout(provided_changed_.wait(), std::chrono::hours(1));
    } catch (const failure& e) {
        if (e.code() != aio::errc::timed_out)
            throw;
    }
}

awaitable<void> dht::keep_providing() {
    for (;;) {
        co_await tell_newcomers();
        const auto due_before = now() - options_.republish_interval;
        const auto due = std::ranges::find_if(provided_, [&](const auto& item) {
            return !item.second || *item.second <= due_before;
        });
        if (own_addresses().empty() || table_.size() == 0 || due == provided_.end()) {
            co_await work_or_an_hour();
            continue;
        }
        const auto content = due->first;
        co_await publish(content);
        const auto it = provided_.find(content);
        if (it != provided_.end() && (!it->second || *it->second <= due_before))
            co_await aio::sleep_for(retry_delay);
    }
}

}  // namespace dm::kad
