#pragma once

#include <deque>
#include <list>
#include <optional>
#include <string>
#include <vector>

#include "aio/event.hpp"
#include "aio/task_group.hpp"
#include "control/agent/agent.hpp"
#include "http/server/event_stream.hpp"
#include "http/server/router.hpp"

namespace dm::api {

constexpr std::size_t event_clients_max = 128;
/// Events that wait for one slow client; it is dropped beyond and starts afresh.
constexpr std::size_t event_queue_max = 256;
/// Different subjects that changed within one interval; beyond, clients are told to ask for
/// everything anew.
constexpr std::size_t events_pending_max = 96;
/// Events that a client which comes back can still be told of.
constexpr std::size_t events_kept_max = 1024;

/// What changes on the node, as server-sent events to any number of clients. Several changes of the
/// same subject within `interval` are told as the last of them. Ids rise over restarts of the node
/// too: they start with the time in microseconds.
class event_feed {
  public:
    /// `node` outlives it.
    event_feed(executor ex, agent::agent& node,
               std::chrono::milliseconds interval = std::chrono::milliseconds(200));
    event_feed(const event_feed&) = delete;

    void start();
    awaitable<void> stop();

    /// One client, until it leaves or the server stops. Its first event is "sync": it then knows
    /// nothing yet and asks for everything. A client that says which event it `has_seen` is told of
    /// what changed since instead, if that is still known.
    awaitable<void> serve(std::optional<std::uint64_t> has_seen, server::response_writer& out);

    bool has_clients() const noexcept { return !clients_.empty(); }

    /// Notes a change. `subject` tells which changes are of the same thing.
    void add(std::string type, std::string subject, std::string data);

  private:
    struct change {
        std::string type;
        std::string subject;
        std::string data;
        std::uint64_t id = 0;
    };
    awaitable<void> tell_in_intervals();
    void tell();
    void forget_all();
    bool knows_all_since(std::uint64_t id) const;
    void tell_changes_since(std::uint64_t id, server::event_stream& client);

    executor executor_;
    agent::agent& node_;
    std::chrono::milliseconds interval_;
    std::optional<agent::agent::subscription> watching_;
    std::vector<change> pending_;
    std::list<server::event_stream*> clients_;
    std::deque<change> told_;
    std::uint64_t forgotten_id_;  ///< the last id of which told_ knows nothing
    std::uint64_t last_id_;
    aio::event changed_;
    aio::task_group group_;
};

/// GET /api/v1/event. `feed` outlives the router.
void add_event_route(server::router& routes, event_feed& feed);

}  // namespace dm::api
