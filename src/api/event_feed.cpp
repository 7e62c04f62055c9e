#include "api/event_feed.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "aio/timeout.hpp"
#include "api/errc.hpp"
#include "api/event_data.hpp"
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

std::uint64_t first_id() {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return std::uint64_t(std::chrono::duration_cast<std::chrono::microseconds>(now).count());
}

server::sent_event sync_event(std::uint64_t id) {
    return {id, "sync", R"({"type":"sync"})"};
}

}  // namespace

event_feed::event_feed(executor ex, agent::agent& node, std::chrono::milliseconds interval)
    : executor_(ex),
      node_(node),
      interval_(interval),
      forgotten_id_(first_id()),
      last_id_(forgotten_id_),
      changed_(ex),
      group_(ex) {}

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
    const auto same = std::ranges::find_if(
        pending_, [&](const change& c) { return c.type == type && c.subject == subject; });
    if (same != pending_.end()) {
        same->data = std::move(data);
        return;
    }
    if (pending_.size() == events_pending_max) {
        forget_all();
        return;
    }
    pending_.push_back({std::move(type), std::move(subject), std::move(data)});
    changed_.notify_all();
}

/// More changed than is worth telling one by one.
void event_feed::forget_all() {
    pending_.clear();
    told_.clear();
    forgotten_id_ = ++last_id_;
    for (auto* client : clients_)
        client->send(sync_event(last_id_));
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
    event_data now(node_);
    auto changes = std::exchange(pending_, {});
    const auto told = [&](const std::string& type, const std::string& subject) {
        return std::ranges::any_of(
            changes, [&](const change& c) { return c.type == type && c.subject == subject; });
    };
    for (std::size_t i = 0, n = changes.size(); i < n; ++i)
        if (changes[i].type == "transfer")
            for (const auto& id : strategies_moved_by(node_, changes[i].data))
                if (auto subject = id + "\n"; !told("strategy", subject))
                    changes.push_back(
                        {"strategy", std::move(subject), nlohmann::json{{"id", id}}.dump()});
    for (auto& c : changes) {
        c.id = ++last_id_;
        if (!clients_.empty()) {
            const server::sent_event e{c.id, c.type, now.with_state(c.type, c.data)};
            for (auto* client : clients_)
                client->send(e);
        }
        told_.push_back(std::move(c));
    }
    for (; told_.size() > events_kept_max; told_.pop_front())
        forgotten_id_ = told_.front().id;
}

bool event_feed::knows_all_since(std::uint64_t id) const {
    return id >= forgotten_id_ && id <= last_id_;
}

/// Of each subject the last change.
void event_feed::tell_changes_since(std::uint64_t id, server::event_stream& client) {
    event_data now(node_);
    std::map<std::pair<std::string_view, std::string_view>, const change*> last;
    for (const auto& c : told_)
        if (c.id > id)
            last[{c.type, c.subject}] = &c;
    if (last.size() > event_queue_max / 2) {
        client.send(sync_event(last_id_));
        return;
    }
    std::vector<const change*> in_order;
    for (const auto& [_, c] : last)
        in_order.push_back(c);
    std::ranges::sort(in_order, {}, &change::id);
    for (const auto* c : in_order)
        client.send({c->id, c->type, now.with_state(c->type, c->data)});
}

awaitable<void> event_feed::serve(std::optional<std::uint64_t> has_seen,
                                  server::response_writer& out) {
    if (clients_.size() >= event_clients_max)
        raise(errc::too_many_clients);
    server::event_stream stream(executor_, out, {.queue_max = event_queue_max});
    struct registration {
        std::list<server::event_stream*>& all;
        std::list<server::event_stream*>::iterator where;
        ~registration() { all.erase(where); }
    } const registered{clients_, clients_.insert(clients_.end(), &stream)};
    if (has_seen && knows_all_since(*has_seen))
        tell_changes_since(*has_seen, stream);
    else
        stream.send(sync_event(last_id_));
    co_await stream.run();
}

void add_event_route(server::router& routes, event_feed& feed) {
    routes.add("GET", "/api/v1/event", [&feed](server::request& req, server::response_writer& out) {
        return feed.serve(server::last_event_id(req), out);
    });
}

}  // namespace dm::api
