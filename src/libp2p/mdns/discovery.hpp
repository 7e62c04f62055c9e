#pragma once

#include <chrono>
#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "base/clock.hpp"
#include "base/rng.hpp"
#include "libp2p/mdns/packet.hpp"
#include "multiformats/multiaddr.hpp"
#include "multiformats/peer_id.hpp"

namespace dm::mdns {

using multiformats::multiaddr;
using multiformats::peer_id;

inline constexpr const char* service_name = "_p2p._udp.local";
/// What asks for all services on the network.
inline constexpr const char* all_services_name = "_services._dns-sd._udp.local";

struct discovery_options {
    std::chrono::milliseconds query_first{500};  ///< then twice as long each time, up to
    std::chrono::milliseconds query_interval{60'000};
    std::chrono::milliseconds answer_delay_max{120};  ///< so that not all answer at once
    std::chrono::milliseconds answer_interval{1'000};
    std::chrono::milliseconds renewal{30'000};  ///< a peer seen again after this is told again
    std::size_t peers_max = 512;
    std::size_t addresses_max = 32;  ///< of one peer
    std::size_t answer_bytes_max = 1'400;
};

/// A peer on the local network.
struct found_peer {
    peer_id id;
    std::vector<multiaddr> addresses;  ///< without /p2p

    friend bool operator==(const found_peer&, const found_peer&) = default;
};

/// Finds libp2p peers on the local network, and lets them find this one. Without I/O: packets and
/// time go in, packets and peers come out. Spec: libp2p discovery/mdns.
class discovery {
  public:
    /// `random` decides the name under which this node answers, and delays.
    discovery(peer_id self, rng random, discovery_options o = {});

    void start(steady_time now);
    /// Where this node can be dialled; empty: it does not answer.
    void set_addresses(steady_time now, std::vector<multiaddr> addresses);
    /// A packet from the network; what is none is ignored.
    void received(steady_time now, byte_view data);
    void tick(steady_time now);

    /// The next packet to send to everybody.
    std::optional<bytes> poll_packet();
    std::optional<found_peer> poll_peer();
    std::optional<steady_time> deadline() const;

  private:
    struct seen {
        std::vector<multiaddr> addresses;
        steady_time told;
    };

    void take_answer(steady_time now, const packet& p);
    void note(steady_time now, found_peer peer);
    packet answer() const;

    peer_id self_;
    rng random_;
    discovery_options options_;
    std::string instance_;
    std::vector<multiaddr> addresses_;
    std::map<peer_id, seen> seen_;
    std::deque<bytes> packets_;
    std::deque<found_peer> found_;
    std::optional<steady_time> next_query_;
    std::chrono::milliseconds query_wait_;
    std::optional<steady_time> answer_at_;
    std::optional<steady_time> answered_;
};

}  // namespace dm::mdns
