#pragma once

#include <functional>
#include <map>
#include <set>
#include <unordered_map>
#include <vector>

#include "aio/event.hpp"
#include "aio/task_group.hpp"
#include "base/rng.hpp"
#include "libp2p/host/host.hpp"
#include "libp2p/kad/lookup.hpp"
#include "libp2p/kad/provider_store.hpp"
#include "libp2p/kad/routing_table.hpp"

namespace dm::kad {

using multiformats::multihash;

/// The two networks that Kubo speaks: one of private addresses, one of public ones.
enum class network { lan, wan };

struct dht_options {
    provider_store_options records{};
    std::chrono::milliseconds request_timeout{10'000};
    std::chrono::milliseconds idle_timeout{60'000};  ///< of a stream that we serve
    std::chrono::minutes refresh_interval{10};
    std::chrono::hours republish_interval{22};
    /// After the first servers appear, and when a lookup found none.
    std::chrono::milliseconds bootstrap_delay{500};
    std::size_t provided_max = 100'000;
    std::size_t lookups_max = 8;
    std::size_t new_servers_max = 64;  ///< being asked for the first time
};

/// A node of one Kademlia network: answers as a server, looks up peers and providers, and keeps
/// what we provide known to the servers closest to it. Lives on the loop. Spec: libp2p kad-dht;
/// Kubo's dual DHT for what is in which network.
class dht {
  public:
    dht(executor ex, host::host& peers, network which, std::uint64_t seed, dht_options o = {});
    dht(const dht&) = delete;
    dht& operator=(const dht&) = delete;
    ~dht();

    void start();
    awaitable<void> stop();

    using found = std::function<void(const peer_info&)>;
    /// Tells of each provider once, as it is found, `count` at most; others first, then those this
    /// node was told of.
    awaitable<void> find_providers(multihash content, std::size_t count, found tell);
    /// Where a peer is; no addresses when nobody knows.
    awaitable<peer_info> find_peer(peer_id id);

    /// From now on this node tells that it has the content, and tells it again as needed.
    void provide(const multihash& content);
    void stop_providing(const multihash& content);
    bool provides(const multihash& content) const { return provided_.contains(content); }

    /// Known servers.
    std::size_t servers() const noexcept { return table_.size(); }
    /// Whether others may ask this node.
    bool is_server() const noexcept { return is_server_; }
    /// Records of other peers that are held for the network.
    std::size_t records() const noexcept { return records_.size(); }

  private:
    // As a server (driver_serve.cpp).
    void choose_mode();
    awaitable<void> serve(host::inbound in);
    std::optional<message> answer(const host::inbound& from, const message& m);
    message answer_find_node(const host::inbound& from, const message& m);
    message answer_get_providers(const host::inbound& from, const message& m);
    void take_providers(const host::inbound& from, const message& m);
    std::vector<peer_info> closer_to(const host::inbound& from, byte_view key_bytes) const;
    std::vector<multiaddr> addresses_for(const peer_id& peer, const host::inbound& reader) const;
    std::vector<multiaddr> own_addresses() const;

    // As a client.
    bool is_of_network(const host::peer_info& peer) const;
    bool is_usable(const multiaddr& a) const;
    void note_peer(const host::peer_info& peer);
    awaitable<void> try_server(peer_id peer);
    awaitable<message> request(peer_id peer, message m);
    using on_answer = std::function<void(const peer_id&, const message&)>;
    awaitable<void> run(lookup& l, message m, on_answer tell);
    awaitable<void> ask(lookup& l, peer_id peer, message m, const on_answer& tell,
                        aio::event& changed);
    void take_in(const std::vector<peer_info>& peers);
    void note_answer(const peer_id& peer);
    awaitable<void> first_servers();
    awaitable<void> look_up_own_place();
    awaitable<void> keep_fresh();
    awaitable<void> refresh();

    // Providing (driver_provide.cpp).
    awaitable<void> keep_providing();
    awaitable<void> publish(multihash content);
    awaitable<void> tell_server(peer_id server, std::vector<multihash> contents);
    awaitable<void> tell_newcomers();
    awaitable<void> work_or_an_hour();

    executor executor_;
    host::host& host_;
    network which_;
    std::string protocol_;
    dht_options options_;
    rng random_;
    routing_table table_;
    provider_store records_;
    std::unordered_map<multihash, std::optional<steady_time>> provided_;  // when they were told
    std::set<peer_id> newcomers_;  // servers that were told nothing yet
    std::set<peer_id> being_tried_;
    bool is_server_ = false;
    aio::limiter lookups_;
    aio::event table_changed_;
    aio::event provided_changed_;
    aio::task_group group_;
    std::optional<subscribers<host::peer_event>::subscription> watching_;
};

}  // namespace dm::kad
