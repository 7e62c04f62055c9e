#include "daemon/network.hpp"

#include <fmt/format.h>

#include "aio/timeout.hpp"
#include "base/log.hpp"
#include "daemon/errc.hpp"
#include "daemon/files.hpp"

namespace dm::daemon {
namespace {

using multiformats::multiaddr;

constexpr std::chrono::seconds save_interval{60};
constexpr std::chrono::seconds key_interval{2};

host::tcp_host_options host_options(const config& c, const data_dir& data,
                                    const std::string& version) {
    host::tcp_host_options out;
    out.agent = "distromash/" + version;
    out.network = data.swarm_key();
    out.former_network = read_swarm_key(data / former_swarm_key_name);
    if (out.network && c.open_mesh)
        raise(
            errc::bad_option,
            fmt::format("--open-mesh: {} makes this node part of a private mesh; leave the option "
                        "away, or move the file away",
                        (data / swarm_key_name).string()));
    return out;
}

/// The operator's, or all interfaces where strangers are kept out or welcome, else loopback.
std::vector<multiaddr> where_to_listen(const config& c, bool reachable) {
    if (!c.p2p.empty())
        return c.p2p;
    std::vector<multiaddr> out;
    for (const auto* host : reachable
                                ? std::initializer_list<const char*>{"/ip4/0.0.0.0", "/ip6/::"}
                                : std::initializer_list<const char*>{"/ip4/127.0.0.1", "/ip6/::1"})
        out.push_back(value_or_throw(
            multiformats::parse_multiaddr(fmt::format("{}/tcp/{}", host, p2p_port))));
    return out;
}

bool is_absent_address(const std::error_code& code) {
    return code == std::errc::address_not_available ||
           code == std::errc::address_family_not_supported ||
           code == std::errc::protocol_not_supported;
}

void listen(host::tcp_host& on, const config& c, bool reachable) {
    for (const auto& address : where_to_listen(c, reachable)) {
        if (!reachable && host::reach_of(address) != host::reach::loopback)
            raise(errc::not_loopback,
                  fmt::format("--p2p {} can be reached by other machines: make a key for your mesh "
                              "with `distromash init`, or admit everybody with --open-mesh",
                              address.to_string()));
        try {
            on.listen(address);
        } catch (const failure& e) {
            const bool by_default = c.p2p.empty();
            const auto endpoint = host::to_endpoint(address);
            if (by_default && endpoint && endpoint->address().is_v6() &&
                is_absent_address(e.code()))
                continue;
            throw failure({e.code(), fmt::format("{}: choose another address with --p2p",
                                                 e.reason().message())});
        }
    }
}

std::vector<host::known_peer> known_peers(const config& c, const data_dir& data) {
    auto out = data.peerstore();
    out.insert(out.end(), c.bootstrap.begin(), c.bootstrap.end());
    return out;
}

}  // namespace

network::network(executor ex, aio::pool& workers, const config& c, const data_dir& data,
                 const std::string& version)
    : data_(data),
      host_(ex, workers, data.identity(), host_options(c, data, version)),
      store_(workers, data / "peers.db"),
      bootstrap_(ex, host_, known_peers(c, data)),
      group_(ex) {
    const auto key = data.swarm_key();
    if (key)
        fingerprint_ = pnet::fingerprint(*key);
    const bool reachable = key || c.open_mesh;
    listen(host_, c, reachable);
    if (reachable && c.mdns)
        mdns_.emplace(ex, host_, random_seed());
    store_.load(host_.book());
    limit_rates(c.upload_limit, c.download_limit);
}

void network::start() {
    host_.start();
    bootstrap_.start();
    if (mdns_)
        start_mdns();
    group_.spawn("peer store", keep_book());
    if (!fingerprint_.empty())
        group_.spawn("mesh key", keep_keys());
}

/// A convenience: a node that cannot have it works all the same.
void network::start_mdns() {
    try {
        mdns_->start();
    } catch (const failure& e) {
        log::warn("peers on the local network are not looked for", {{"reason", e.what()}});
    }
}

awaitable<void> network::stop() {
    if (mdns_)
        co_await mdns_->stop();
    co_await bootstrap_.stop();
    co_await group_.stop();
    co_await host_.stop();
    co_await store_.save(host_.book());
}

std::vector<multiaddr> network::dialable_addresses() const {
    std::vector<multiaddr> out;
    for (const auto& a : host_.addresses())
        out.push_back(a.with_peer(self()));
    return out;
}

awaitable<void> network::keep_keys() {
    auto key = data_.swarm_key();
    auto former = read_swarm_key(data_ / former_swarm_key_name);
    std::string trouble;
    for (;;) {
        co_await aio::sleep_for(key_interval);
        try {
            auto key_now = data_.swarm_key();
            auto former_now = read_swarm_key(data_ / former_swarm_key_name);
            trouble.clear();
            // Without a key this would be another mesh: that takes a restart.
            if (!key_now || (key_now == key && former_now == former))
                continue;
            key = key_now;
            former = former_now;
        } catch (const failure& e) {
            if (std::exchange(trouble, e.what()) != trouble)
                log::warn("the key of the mesh stays as it was", {{"reason", trouble}});
            continue;
        }
        host_.change_network(*key, former);
        fingerprint_ = pnet::fingerprint(*key);
        log::info("the key of the mesh has changed",
                  {{"mesh", fingerprint_}, {"takes_former", former ? "yes" : "no"}});
    }
}

awaitable<void> network::keep_book() {
    for (;;) {
        co_await aio::sleep_for(save_interval);
        co_await store_.save(host_.book());
    }
}

}  // namespace dm::daemon
