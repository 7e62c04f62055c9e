#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "aio/event.hpp"
#include "http/server/response_writer.hpp"

namespace dm::server {

/// One server-sent event.
struct sent_event {
    std::optional<std::uint64_t> id;  ///< what a reconnecting client gives as Last-Event-ID
    std::string name;                 ///< empty: "message"
    std::string data;                 ///< line breaks are kept
};

/// The event as it goes over the wire, ending in an empty line.
std::string to_wire(const sent_event& e);

/// A live feed to one browser. The handler makes one, hands it to who has events, and awaits run().
/// Spec: WHATWG HTML "Server-sent events".
class event_stream {
  public:
    struct options {
        std::size_t queue_max = 256;  ///< events; a client with more than that unread is dropped
        std::chrono::milliseconds keep_alive{15'000};
        std::chrono::milliseconds retry{2'000};  ///< before the browser reconnects
    };

    /// `out` outlives it.
    event_stream(executor ex, response_writer& out, options o);
    event_stream(executor ex, response_writer& out) : event_stream(std::move(ex), out, options{}) {}

    /// Queues one event; false once the client has been dropped or the stream has ended.
    bool send(const sent_event& e);

    /// Ends the feed after what is queued; the browser will reconnect.
    void end();

    /// Sends the headers and then the events until end(), the server's stop, or the client's leave
    /// (which throws).
    awaitable<void> run();

  private:
    awaitable<void> wait_for_event();

    response_writer& out_;
    options options_;
    std::deque<std::string> queue_;
    bool ended_ = false;
    bool dropped_ = false;
    aio::event changed_;
};

/// The Last-Event-ID of a reconnecting client, which browsers send as a header; "?last_event_id="
/// serves others. nullopt when there is none or it is no number of ours.
std::optional<std::uint64_t> last_event_id(const class request& req);

}  // namespace dm::server
