#pragma once

#include <deque>
#include <functional>
#include <map>
#include <set>
#include <variant>

#include "base/rng.hpp"
#include "libp2p/gossipsub/cache.hpp"

namespace dm::gossipsub {

/// Numbers of the protocol, as go-libp2p-pubsub has them, and our bounds.
struct router_options {
    std::size_t degree = 6;
    std::size_t degree_low = 5;
    std::size_t degree_high = 12;
    std::size_t degree_outgoing = 2;  ///< of the mesh peers, those that we have dialled
    std::size_t lazy_min = 6;         ///< peers that are told of messages at a heartbeat
    double lazy_share = 0.25;
    std::size_t history = 5;        ///< heartbeats
    std::size_t gossip_window = 3;  ///< heartbeats
    std::chrono::milliseconds heartbeat{1'000};
    std::chrono::seconds prune_backoff{60};
    std::chrono::seconds leave_backoff{10};
    std::chrono::seconds seen_ttl{120};
    std::chrono::seconds want_patience{3};  ///< before the same message is asked of another peer
    unsigned retransmissions = 3;
    std::size_t haves_per_heartbeat_max = 10;  ///< RPCs of one peer whose IHAVEs are looked at
    std::size_t asked_of_peer_max = 500;       ///< messages, in one heartbeat
    std::size_t asked_max = 20'000;            ///< messages, of all

    std::size_t seen_max = 50'000;
    std::size_t cache_bytes_max = 8 * 1024 * 1024;
    std::size_t peer_topics_max = 1'000;
    std::size_t backoffs_max = 4'096;  ///< of one topic
    /// What one peer may send: more is dropped unread.
    double messages_per_second = 100;
    double messages_burst = 1'000;
    double bytes_per_second = 512.0 * 1024;
    double bytes_burst = 4.0 * 1024 * 1024;
    /// Forged messages of one peer before it counts as misbehaving.
    std::size_t forged_max = 10;
};

/// A budget that refills with time.
class allowance {
  public:
    allowance(double per_second, double burst) : rate_(per_second), burst_(burst), left_(burst) {}

    /// Whether that much is left; takes it if so.
    bool take(steady_time now, double amount);

  private:
    double rate_;
    double burst_;
    double left_;
    std::optional<steady_time> last_;
};

/// What kind of router a peer is.
enum class peer_kind { floodsub, gossipsub };

/// Says whether a message is to be delivered here and forwarded. Its signature has been verified.
using validator = std::function<bool(const message&)>;

/// To be written to our stream to the peer.
struct send_rpc {
    peer_id to;
    bytes rpc;
};
/// A message of somebody else, for us.
struct deliver {
    peer_id author;
    peer_id via;
    gossipsub::message message;
};
/// A peer has come to a topic or has left it.
struct peer_topic {
    peer_id peer;
    std::string topic;
    bool is_on;
};
/// A peer that had better be disconnected.
struct misbehaving {
    peer_id peer;
    std::string why;
};
using output = std::variant<send_rpc, deliver, peer_topic, misbehaving>;

/// What was done with the messages that came.
struct router_counts {
    std::uint64_t delivered = 0;
    std::uint64_t duplicate = 0;
    std::uint64_t forged = 0;
    std::uint64_t rejected = 0;   ///< by a validator
    std::uint64_t over_rate = 0;  ///< dropped: messages, or whole RPCs
};

/// Gossipsub v1.1 without scores: who is in which topic's mesh, who is sent what. Own messages go
/// to all who have subscribed. Peers that a PRUNE offers are not looked at. Pure: no I/O.
/// Spec: libp2p gossipsub v1.0, v1.1.
class router {
  public:
    /// `seqno`: of the first message; above all that this peer has ever used. The key outlives it.
    router(const crypto::private_key& key, std::uint64_t seqno, std::uint64_t seed,
           router_options o = {});

    /// Our stream to the peer is open. `is_outgoing`: we have dialled it.
    void add_peer(steady_time now, const peer_id& peer, peer_kind kind, bool is_outgoing);
    /// It is gone for now; the peer and its subscriptions are still there.
    void stream_lost(const peer_id& peer);
    /// The peer is disconnected.
    void remove_peer(const peer_id& peer);
    /// An RPC of a peer, added or not yet. Error: malformed_rpc; the stream is of no more use.
    result<void> received(steady_time now, const peer_id& from, byte_view wire);

    void subscribe(steady_time now, const std::string& topic, validator is_valid = {});
    void unsubscribe(steady_time now, const std::string& topic);
    /// Signs and sends. Error: too_large.
    result<message_id> publish(steady_time now, const std::string& topic, byte_view data);
    /// From now on what this author says is neither delivered nor forwarded, whoever brings it.
    void shun(const peer_id& author) { shunned_.insert(author); }
    void hear_again(const peer_id& author) { shunned_.erase(author); }

    void tick(steady_time now);
    steady_time deadline() const noexcept { return next_heartbeat_; }
    std::optional<output> poll();

    /// Peers that have subscribed.
    std::vector<peer_id> peers_in(const std::string& topic) const;
    /// Those to which messages are forwarded.
    std::vector<peer_id> mesh_of(const std::string& topic) const;
    const router_counts& counts() const noexcept { return counts_; }
    std::uint64_t next_seqno() const noexcept { return seqno_; }

  private:
    struct peer_state {
        explicit peer_state(const router_options& o)
            : messages(o.messages_per_second, o.messages_burst),
              bytes(o.bytes_per_second, o.bytes_burst) {}

        bool is_writable = false;
        bool is_outgoing = false;
        peer_kind kind = peer_kind::floodsub;
        std::set<std::string> topics;
        allowance messages;
        allowance bytes;
        std::size_t haves = 0;  // IHAVE messages since the heartbeat
        std::size_t ids = 0;    // ids asked of it since the heartbeat
        std::size_t forged = 0;
    };
    struct topic_state {
        validator is_valid;
        std::set<peer_id> mesh;
        std::map<peer_id, steady_time> backoff;
    };
    struct outbox {
        gossipsub::control control;
        std::deque<wire_message> messages;
    };

    peer_state& state_of(const peer_id& peer);
    outbox* box_of(const peer_id& peer);
    void take_subscription(steady_time now, const peer_id& from, peer_state& p,
                           const subscription& s);
    void take_message(steady_time now, const peer_id& from, peer_state& p, message m);
    void forward(const message_id& id, const std::string& topic, const wire_message& wire,
                 const peer_id& via, const peer_id& author);
    void send_message(const peer_id& to, const wire_message& wire);

    // Control messages (router_control.cpp).
    void take_control(steady_time now, const peer_id& from, peer_state& p, const control& c);
    void take_haves(steady_time now, const peer_id& from, peer_state& p,
                    const std::vector<ihave>& haves);
    void take_graft(steady_time now, const peer_id& from, const peer_state& p,
                    const std::string& topic);
    void graft(topic_state& t, const std::string& topic, const peer_id& peer);
    void prune_peer(steady_time now, topic_state& t, const std::string& topic, const peer_id& peer,
                    std::chrono::seconds backoff);
    void back_off(topic_state& t, const peer_id& peer, steady_time until);

    // Upkeep (router_heartbeat.cpp).
    void heartbeat(steady_time now);
    void keep_mesh(steady_time now, const std::string& topic, topic_state& t);
    void shrink_mesh(steady_time now, const std::string& topic, topic_state& t);
    void gossip(const std::string& topic, const topic_state& t);
    using choice = std::function<bool(const peer_id&, const peer_state&)>;
    std::vector<peer_id> candidates(const std::string& topic, const topic_state& t,
                                    const choice& is_chosen);

    const crypto::private_key& key_;
    peer_id self_;
    std::uint64_t seqno_;
    rng random_;
    router_options options_;
    std::map<peer_id, peer_state> peers_;
    std::map<std::string, topic_state> topics_;
    seen_cache seen_;
    message_cache cache_;
    std::unordered_map<message_id, steady_time> asked_;  // and until when
    std::map<peer_id, outbox> outboxes_;
    std::deque<output> outputs_;
    steady_time next_heartbeat_{};
    std::set<peer_id> shunned_;
    router_counts counts_;
};

}  // namespace dm::gossipsub
