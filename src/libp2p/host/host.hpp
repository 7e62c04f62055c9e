#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "aio/byte_stream.hpp"
#include "base/subscribers.hpp"
#include "libp2p/host/errc.hpp"
#include "multiformats/multiaddr.hpp"
#include "multiformats/peer_id.hpp"

namespace dm::host {

using multiformats::multiaddr;
using multiformats::peer_id;

/// A stream to one peer, over a connection that it shares with others. Beside what a byte_stream
/// does: close(), and the destructor, deliver what was written and drop what still comes; but when
/// an exception destroys it, it is reset. Reading and writing throw stream_reset when the peer
/// gives up, connection_lost when the connection ends.
class stream : public aio::byte_stream {
  public:
    /// Gives up: both directions end, the peer sees stream_reset, what is not sent yet is dropped.
    virtual void reset() noexcept = 0;
};

/// A stream that this side has opened, and which of the proposed protocols is spoken on it.
struct opened {
    std::unique_ptr<stream> channel;
    std::string protocol;
};

/// A stream that a peer has opened.
struct inbound {
    std::unique_ptr<stream> channel;
    std::string protocol;
    peer_id peer;
    multiaddr remote;  ///< where the connection comes from
};

/// Serves one stream, from its beginning to its end, in a task of the host. When it returns the
/// stream is closed, when it throws it is reset. It may be cancelled at any time.
using stream_handler = std::function<awaitable<void>(inbound)>;

enum class direction { outgoing, incoming };

/// A connected peer as the host sees it.
struct peer_info {
    peer_id id;
    multiaddr remote;  ///< where it is connected from, without /p2p
    host::direction direction = direction::outgoing;
    std::string agent;                                              ///< empty until identified
    std::vector<std::string> protocols;                             ///< empty until identified
    std::vector<multiaddr> listen_addresses;                        ///< as it says itself
    std::optional<std::chrono::steady_clock::duration> round_trip;  ///< measured by ping
    std::uint64_t sent_bytes = 0;                                   ///< on all its connections
    std::uint64_t received_bytes = 0;

    bool speaks(std::string_view protocol) const {
        return std::ranges::find(protocols, protocol) != protocols.end();
    }
};

/// What happens to a peer. `connected` is told when its first connection is there, `disconnected`
/// when its last one is gone, `identified` when its protocols and addresses are known and whenever
/// they change.
struct peer_event {
    enum class kind { connected, disconnected, identified };
    kind what = kind::connected;
    const peer_info& peer;  ///< valid while being told
};

/// How long an address is remembered after it was last heard of.
constexpr std::chrono::hours permanent_address{24 * 365 * 10};
constexpr std::chrono::minutes recent_address{10};

/// This node among its peers: opens streams to them, and serves those that they open. Used from the
/// executor's one thread only. Two make: tcp_host is the real one, memory_host its twin for tests.
/// Spec: libp2p connections.
class host {
  public:
    explicit host(peer_id self) : self_(self) {}
    host(const host&) = delete;
    host& operator=(const host&) = delete;
    virtual ~host() = default;

    const peer_id& self() const noexcept { return self_; }

    /// Opens a stream that speaks the first of `protocols` that the peer knows; connects first
    /// where there is no connection, to the addresses that are known. Throws failure: those of
    /// connect(), protocol_refused, too_many, connection_lost; aio::errc::timed_out.
    virtual awaitable<opened> open(const peer_id& peer, std::vector<std::string> protocols) = 0;

    /// Returns when there is a connection: at once if there is one already. `addresses` are tried
    /// together with those that are known, and are remembered for a while. Throws failure:
    /// no_address, dial_failed, backing_off, is_self, banned, too_many.
    virtual awaitable<void> connect(const peer_id& peer, std::vector<multiaddr> addresses) = 0;

    /// Ends all connections to the peer.
    virtual void disconnect(const peer_id& peer) = 0;

    /// Ends its connections, and neither dials nor admits it until `duration` has passed; of two
    /// bans the longer holds.
    virtual void ban(const peer_id& peer, std::string why,
                     std::chrono::steady_clock::duration duration) = 0;
    virtual void unban(const peer_id& peer) = 0;

    /// Remembers where a peer may be found, without dialling it. Addresses that cannot be dialled
    /// and a trailing /p2p are dropped; an address known for longer stays so.
    virtual void add_addresses(const peer_id& peer, std::span<const multiaddr> addresses,
                               std::chrono::steady_clock::duration ttl) = 0;

    /// Where a peer may be found, most promising first, without /p2p.
    virtual std::vector<multiaddr> addresses_of(const peer_id& peer) const = 0;

    /// Where this node can be dialled, without /p2p: interfaces resolved, port known.
    virtual std::vector<multiaddr> addresses() const = 0;

    /// All connected peers, in no order.
    virtual std::vector<peer_info> peers() const = 0;
    /// One of them.
    virtual std::optional<peer_info> find(const peer_id& peer) const = 0;

    /// Serves a protocol from now on; peers are told. A second handler replaces the first.
    void handle(std::string protocol, stream_handler handler) {
        handlers_.insert_or_assign(std::move(protocol), std::move(handler));
        protocols_changed();
    }
    /// No longer; streams that are being served go on.
    void stop_handling(const std::string& protocol) {
        if (handlers_.erase(protocol) > 0)
            protocols_changed();
    }

    /// Told within the call that causes the event: do not call the host from a listener, spawn.
    subscribers<peer_event>& events() noexcept { return events_; }

  protected:
    virtual void protocols_changed() {}
    const std::map<std::string, stream_handler>& handlers() const noexcept { return handlers_; }

  private:
    peer_id self_;
    std::map<std::string, stream_handler> handlers_;
    subscribers<peer_event> events_;
};

}  // namespace dm::host
