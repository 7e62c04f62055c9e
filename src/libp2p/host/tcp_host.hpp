#pragma once

#include <list>
#include <set>

#include "aio/event.hpp"
#include "aio/pool.hpp"
#include "aio/task_group.hpp"
#include "libp2p/host/address_book.hpp"
#include "libp2p/host/channel.hpp"
#include "libp2p/host/connection.hpp"
#include "libp2p/host/dnsaddr.hpp"
#include "libp2p/host/host.hpp"
#include "libp2p/host/net_address.hpp"
#include "libp2p/host/upgrade.hpp"
#include "libp2p/identify/message.hpp"

namespace dm::host {

struct tcp_host_options {
    std::string agent = "distromash";
    std::optional<pnet::swarm_key> network;  ///< only members of this private network
    /// A key that the network has had or is getting: diallers may use either, and where the first
    /// does not do we dial with this one.
    std::optional<pnet::swarm_key> former_network{};
    yamux::options yamux;

    text_lookup text_records = system_text_records;  ///< for /dnsaddr
    std::size_t connections_max = 256;
    std::size_t connections_of_peer_max = 8;
    std::size_t connections_of_address_max = 64;  ///< incoming ones, handshakes included
    std::size_t handshakes_max = 64;              ///< incoming ones at once
    std::size_t handshakes_of_address_max = 16;
    std::size_t dials_max = 32;  ///< peers dialled at once
    /// Past `high` idle connections are closed until `low` are left.
    std::size_t connections_high = 96;
    std::size_t connections_low = 64;

    std::chrono::milliseconds dial_delay{250};  ///< before the next address of a peer is tried, too
    std::chrono::milliseconds connect_timeout{5'000};
    std::chrono::milliseconds handshake_timeout{15'000};
    std::chrono::milliseconds negotiation_timeout{10'000};
    std::chrono::milliseconds idle_grace{20'000};
    /// How long the second of two connections to the same peer may stay without a stream.
    std::chrono::milliseconds duplicate_grace{5'000};
    std::chrono::milliseconds upkeep_interval{5'000};
};

/// A socket as the carrier of a connection, set up for it.
std::unique_ptr<aio::byte_stream> prepare(asio::ip::tcp::socket socket, aio::pool& workers);

/// The host on TCP: IPv4, IPv6 and names, Noise, Yamux, identify, ping.
class tcp_host final : public host {
  public:
    tcp_host(executor ex, aio::pool& workers, crypto::private_key identity,
             const tcp_host_options& options);
    ~tcp_host() override;

    /// Binds at once; port 0 lets the system choose. Throws failure: bad_address, or why not.
    void listen(const multiaddr& address);
    void start();
    /// Ends all connections and what the handlers are doing. Needed before destruction.
    awaitable<void> stop();

    awaitable<opened> open(const peer_id& peer, std::vector<std::string> protocols) override;
    awaitable<void> connect(const peer_id& peer, std::vector<multiaddr> addresses) override;
    void disconnect(const peer_id& peer) override;
    void ban(const peer_id& peer, std::string why,
             std::chrono::steady_clock::duration duration) override;
    void unban(const peer_id& peer) override { banned_.erase(peer); }
    void add_addresses(const peer_id& peer, std::span<const multiaddr> addresses,
                       std::chrono::steady_clock::duration ttl) override;
    std::vector<multiaddr> addresses_of(const peer_id& peer) const override;
    std::vector<multiaddr> addresses() const override;
    std::vector<peer_info> peers() const override;
    std::optional<peer_info> find(const peer_id& peer) const override;

    /// Bytes a second that all connections together send and receive at most; 0: without limit.
    /// Holds from now on, to 5 % over a second.
    void limit_rates(std::uint64_t upload_bytes_per_second,
                     std::uint64_t download_bytes_per_second) noexcept;

    /// From now on the keys of the private network that this host belongs to; connections stay.
    void change_network(const pnet::swarm_key& network,
                        const std::optional<pnet::swarm_key>& former) noexcept;

    /// What is known of where peers are, to be kept over restarts.
    address_book& book() noexcept { return book_; }
    const yamux::window_budget& budget() const noexcept { return budget_; }
    std::size_t connection_count() const noexcept { return links_.size(); }

  private:
    struct link {
        link(executor ex, aio::pool& workers, secured from, dm::host::direction d, multiaddr where,
             yamux::window_budget& budget, yamux::rate_bucket& uploads,
             const yamux::options& options);

        connection conn;
        multiaddr remote;
        dm::host::direction direction;
        steady_time last_busy;
    };
    struct peer_state {
        std::vector<link*> links;
        std::string agent;
        std::vector<std::string> protocols;
        std::vector<multiaddr> listen_addresses;
        bool identified = false;
        std::uint64_t sent_bytes = 0;  // on connections that have ended
        std::uint64_t received_bytes = 0;
    };
    struct dial {
        explicit dial(executor ex) : changed(std::move(ex)) {}

        aio::event changed;
        int waiting = 0;
        bool done = false;
        std::optional<error> failed;
    };
    struct banned {
        steady_time until;
        std::string why;
    };
    struct attempt_result {
        secured connection;
        multiaddr remote;
    };
    struct dial_race;

    void protocols_changed() override;

    // Connections: tcp_host.cpp
    awaitable<void> accept_loop(asio::ip::tcp::acceptor* from);
    awaitable<void> welcome(asio::ip::tcp::socket socket);
    void admit(const peer_id& peer) const;
    void adopt(secured fresh, dm::host::direction d, const multiaddr& remote);
    awaitable<void> serve_link(link* l);
    void remove(link* l);
    awaitable<void> serve_stream(std::unique_ptr<channel> from, peer_id peer, multiaddr remote);
    link* preferred(const peer_id& peer) const;
    bool is_banned(const peer_id& peer) const;
    peer_info info_of(const peer_id& peer, const peer_state& state) const;
    void tell(peer_event::kind what, const peer_id& peer, const peer_state& state);
    awaitable<void> upkeep_loop();
    void prune(steady_time now);
    bool is_welcome(const asio::ip::address& from) const;

    // Dialling: tcp_host_dial.cpp
    std::vector<multiaddr> dialable_addresses(const peer_id& peer) const;
    awaitable<void> run_dial(peer_id peer);
    awaitable<void> race(peer_id peer, std::vector<multiaddr> addresses);
    awaitable<void> attempt(peer_id peer, multiaddr address, dial_race* in);
    awaitable<secured> dial_and_upgrade(peer_id peer, multiaddr address, network_key with);
    awaitable<asio::ip::tcp::socket> connect_to(multiaddr address);

    // Identify and ping: tcp_host_identify.cpp
    void serve_builtin();
    identify::message describe(const multiaddr& remote) const;
    awaitable<void> identify_peer(link* l);
    void learn(const peer_id& peer, const multiaddr& remote, identify::message said);
    awaitable<void> push_loop();
    awaitable<void> push_to(peer_id peer);

    executor executor_;
    aio::pool& workers_;
    crypto::private_key identity_;
    tcp_host_options options_;
    upgrade_options upgrade_;
    yamux::window_budget budget_;
    yamux::rate_bucket uploads_;
    address_book book_;
    std::list<asio::ip::tcp::acceptor> acceptors_;
    std::list<link> links_;
    std::map<peer_id, peer_state> peers_;
    std::map<peer_id, std::unique_ptr<dial>> dials_;
    std::map<peer_id, banned> banned_;
    std::map<asio::ip::address, std::size_t> handshakes_;
    std::size_t handshake_count_ = 0;
    std::uint64_t record_sequence_;
    bool push_due_ = false;
    bool stopping_ = false;
    aio::event push_wanted_;
    aio::limiter dial_permits_;
    aio::task_group group_;
};

}  // namespace dm::host
