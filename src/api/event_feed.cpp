#include "api/event_feed.hpp"

#include <algorithm>

#include "aio/timeout.hpp"
#include "api/errc.hpp"
#include "base/json/read.hpp"

namespace dm::api {
namespace {

/// What a notice is about, so that a later one takes the place of an earlier one.
std::string subject_of(const std::string& text) {
    const auto notice = dm::json::read(text);
    if (!notice)
        return text;
    std::string out;
    for (const auto* name : {"id", "key", "name", "digest", "image", "peer"})
        if (const auto* value = dm::json::string_member(*notice, name))
            out += *value + "\n";
    return out.empty() ? text : out;
}

}  // namespace

event_feed::event_feed(executor ex, agent::agent& node, std::chrono::milliseconds interval)
    : executor_(ex), node_(node), interval_(interval), changed_(ex), group_(ex) {}

void event_feed::start() {
    watching_.emplace(
        node_.watch([this](const agent::notice& n) { add(n.type, subject_of(n.json), n.json); }));
    group_.spawn("events", tell_in_intervals());
}

awaitable<void> event_feed::stop() {
    watching_.reset();
    co_await group_.stop();
}

void event_feed::add(std::string type, std::string subject, std::string data) {
    if (clients_.empty())
        return;
    const auto same = std::ranges::find_if(
        pending_, [&](const change& c) { return c.type == type && c.subject == subject; });
    if (same != pending_.end()) {
        same->data = std::move(data);
        return;
    }
    if (pending_.size() == events_pending_max)
        tell();
    pending_.push_back({std::move(type), std::move(subject), std::move(data)});
    changed_.notify_all();
}

awaitable<void> event_feed::tell_in_intervals() {
    for (;;) {
        while (pending_.empty())
            co_await changed_.wait();
        tell();
        co_await aio::sleep_for(interval_);
    }
}

void event_feed::tell() {
    for (auto& c : pending_) {
        const server::sent_event e{++last_id_, std::move(c.type), std::move(c.data)};
        for (auto* client : clients_)
            client->send(e);
    }
    pending_.clear();
}

awaitable<void> event_feed::serve(server::response_writer& out) {
    if (clients_.size() >= event_clients_max)
        raise(errc::too_many_clients);
    server::event_stream stream(executor_, out, {.queue_max = event_queue_max});
    struct registration {
        std::list<server::event_stream*>& all;
        std::list<server::event_stream*>::iterator where;
        ~registration() { all.erase(where); }
    } const registered{clients_, clients_.insert(clients_.end(), &stream)};
    stream.send({last_id_, "sync", R"({"type":"sync"})"});
    co_await stream.run();
}

void add_event_route(server::router& routes, event_feed& feed) {
    routes.add("GET", "/api/v1/event",
               [&feed](server::request&, server::response_writer& out) { return feed.serve(out); });
}

}  // namespace dm::api
