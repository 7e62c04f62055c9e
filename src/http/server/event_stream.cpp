#include "http/server/event_stream.hpp"

#include <fmt/format.h>

#include "aio/timeout.hpp"
#include "base/log.hpp"
#include "http/server/request.hpp"
#include "http/syntax/scan.hpp"

namespace dm::server {

std::string to_wire(const sent_event& e) {
    std::string out;
    if (e.id)
        out += fmt::format("id: {}\n", *e.id);
    if (!e.name.empty())
        out += fmt::format("event: {}\n", e.name);
    std::string_view rest = e.data;
    for (;;) {
        const auto end = rest.find_first_of("\r\n");
        out += fmt::format("data: {}\n", rest.substr(0, end));
        if (end == std::string_view::npos)
            break;
        const bool both = rest.substr(end).starts_with("\r\n");
        rest.remove_prefix(end + (both ? 2 : 1));
    }
    return out + "\n";
}

std::optional<std::uint64_t> last_event_id(const request& req) {
    if (const auto* header = req.headers().find("Last-Event-ID"))
        return syntax::parse_decimal(*header);
    const auto* query = req.where().find_query("last_event_id");
    return query ? syntax::parse_decimal(*query) : std::nullopt;
}

event_stream::event_stream(executor ex, response_writer& out, options o)
    : out_(out), options_(o), changed_(std::move(ex)) {}

bool event_stream::send(const sent_event& e) {
    if (ended_ || dropped_)
        return false;
    if (queue_.size() >= options_.queue_max) {
        dropped_ = true;
        log::debug("event stream dropped", {{"reason", "the client does not keep up"}});
        out_.abort();
        changed_.notify_all();
        return false;
    }
    queue_.push_back(to_wire(e));
    changed_.notify_all();
    return true;
}

void event_stream::end() {
    ended_ = true;
    changed_.notify_all();
}

awaitable<void> event_stream::wait_for_event() {
    while (queue_.empty() && !ended_ && !dropped_)
        co_await changed_.wait();
}

awaitable<void> event_stream::run() {
    co_await out_.start_stream(
        200, {{"Content-Type", "text/event-stream"}, {"Cache-Control", "no-store"}});
    out_.on_stop([this] { end(); });
    co_await out_.write(as_bytes(fmt::format("retry: {}\n\n", options_.retry.count())));
    while (!dropped_ && !(ended_ && queue_.empty())) {
        std::string text;
        try {
            co_await aio::with_timeout(wait_for_event(), options_.keep_alive);
        } catch (const failure& e) {
            if (e.code() != aio::errc::timed_out)
                throw;
            text = ": keep-alive\n\n";
        }
        for (; !queue_.empty(); queue_.pop_front())
            text += queue_.front();
        if (!text.empty())
            co_await out_.write(as_bytes(text));
    }
    ended_ = true;
    if (dropped_)
        raise(aio::errc::closed, "the client does not keep up");
    co_await out_.end();
}

}  // namespace dm::server
