#pragma once

#include <memory>

#include "aio/event.hpp"
#include "aio/task_group.hpp"
#include "libp2p/gossipsub/router.hpp"
#include "libp2p/host/host.hpp"

namespace dm::gossipsub {

struct pubsub_options {
    router_options router{};
    /// Number of the first message: above all that this peer has ever used, so that others do not
    /// take it for a replay. As go-libp2p-pubsub: nanoseconds of the wall clock at start.
    std::uint64_t seqno = 1;
    std::uint64_t seed = 0;
    /// What waits to be written to one peer; when it is full, what is newest is dropped.
    std::size_t queue_rpcs_max = 256;
    std::size_t queue_bytes_max = 4 * 1024 * 1024;
    std::chrono::milliseconds open_timeout{10'000};
    std::chrono::milliseconds write_timeout{30'000};
    std::chrono::milliseconds close_timeout{500};  ///< for all streams to end, when stopping
    /// Before a stream that broke is opened again; doubled each time.
    std::chrono::milliseconds retry_first{500};
    std::chrono::milliseconds retry_max{60'000};
    std::chrono::minutes ban_time{10};
};

/// Publish and subscribe over a host: one stream of ours to each peer that speaks gossipsub or
/// floodsub, on which it is only written; theirs are only read. Lives on the loop; handlers are
/// called within it and may publish.
/// Spec: libp2p pubsub, gossipsub v1.1.
class pubsub {
  public:
    /// The key is the host's and outlives it, as the host does.
    pubsub(executor ex, host::host& peers, const crypto::private_key& key, pubsub_options o = {});
    pubsub(const pubsub&) = delete;
    pubsub& operator=(const pubsub&) = delete;
    ~pubsub();

    void start();
    awaitable<void> stop();

    using handler = std::function<void(const deliver&)>;
    /// One subscriber a topic; the second replaces the first.
    void subscribe(const std::string& topic, handler h, validator is_valid = {});
    void unsubscribe(const std::string& topic);
    /// Sends to all who have subscribed and are connected. Throws too_large.
    void publish(const std::string& topic, byte_view data);
    /// As the router's: of this author nothing is heard, until hear_again().
    void shun(const peer_id& author) { router_.shun(author); }
    void hear_again(const peer_id& author) { router_.hear_again(author); }
    /// Returns when all that was published is written, whatever peers do with it.
    awaitable<void> flush();

    /// Peers that have subscribed.
    std::vector<peer_id> peers_in(const std::string& topic) const {
        return router_.peers_in(topic);
    }
    std::vector<peer_id> mesh_of(const std::string& topic) const { return router_.mesh_of(topic); }
    /// Told of peers that come to topics or leave them.
    subscribers<peer_topic>& topic_events() noexcept { return topic_events_; }
    const router_counts& counts() const noexcept { return router_.counts(); }
    /// RPCs that were not sent because a peer reads too slowly.
    std::uint64_t dropped() const noexcept { return dropped_; }

  private:
    struct link;

    void note_peer(const host::peer_info& peer);
    void lost(const peer_id& peer);
    awaitable<void> keep(peer_id peer, link& l);
    awaitable<void> talk(peer_id peer, link& l);
    awaitable<void> serve(host::inbound in);
    awaitable<void> read(host::inbound& in);
    awaitable<void> beat();
    awaitable<void> no_links();
    void pump();
    void carry_out(send_rpc s);
    void carry_out(const deliver& d);
    void carry_out(const peer_topic& t);
    void carry_out(const misbehaving& m);
    awaitable<void> ban(peer_id peer, std::string why);

    executor executor_;
    host::host& host_;
    pubsub_options options_;
    router router_;
    std::map<peer_id, std::unique_ptr<link>> links_;
    std::map<peer_id, host::stream*> inbound_;
    std::map<std::string, handler> handlers_;
    subscribers<peer_topic> topic_events_;
    aio::event written_;
    std::uint64_t dropped_ = 0;
    bool is_pumping_ = false;
    bool is_stopping_ = false;
    aio::task_group group_;
    std::optional<subscribers<host::peer_event>::subscription> watching_;
};

}  // namespace dm::gossipsub
