#include "libp2p/mdns/driver.hpp"

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/ip/multicast.hpp>
#include <memory>

#include "aio/timeout.hpp"
#include "base/log.hpp"
#include "libp2p/host/net_address.hpp"

namespace dm::mdns {
namespace {

using asio::ip::udp;

/// Interfaces and addresses come and go.
constexpr std::chrono::seconds look_interval{30};
constexpr std::chrono::seconds connect_timeout{15};
constexpr std::size_t approaches_max = 16;
constexpr std::chrono::minutes address_memory{10};

steady_time now() {
    return std::chrono::steady_clock::now();
}

std::vector<asio::ip::address_v4> multicast_interfaces() {
    ifaddrs* list = nullptr;
    if (::getifaddrs(&list) != 0)
        return {};
    const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> owner(list, &::freeifaddrs);
    std::vector<asio::ip::address_v4> out;
    for (const auto* i = list; i; i = i->ifa_next)
        if (i->ifa_addr && i->ifa_addr->sa_family == AF_INET && (i->ifa_flags & IFF_UP) &&
            (i->ifa_flags & IFF_MULTICAST) && !(i->ifa_flags & IFF_LOOPBACK))
            out.emplace_back(
                ntohl(reinterpret_cast<const sockaddr_in*>(i->ifa_addr)->sin_addr.s_addr));
    return out;
}

std::vector<multiaddr> own_addresses(const host::host& peers) {
    auto out = peers.addresses();
    std::erase_if(out,
                  [](const multiaddr& a) { return host::reach_of(a) == host::reach::loopback; });
    return out;
}

}  // namespace

service::service(executor ex, host::host& peers, std::uint64_t seed, discovery_options o)
    : executor_(ex),
      host_(peers),
      core_(peers.self(), rng(seed), o),
      socket_(ex),
      changed_(ex),
      group_(ex) {}

void service::start() {
    boost::system::error_code code;
    socket_.open(udp::v4(), code);
    if (!code)
        socket_.set_option(udp::socket::reuse_address(true), code);
    if (!code) {
        // Others on this machine listen there, too.
        const int on = 1;
        if (::setsockopt(socket_.native_handle(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0)
            code.assign(errno, boost::system::system_category());
    }
    if (!code)
        socket_.bind({asio::ip::address_v4::any(), group_port}, code);
    if (code)
        raise(errc::no_network, "port 5353 for mDNS: " + code.message());
    socket_.set_option(asio::ip::multicast::enable_loopback(true), code);
    socket_.set_option(asio::ip::multicast::hops(255), code);
    join_networks();
    core_.set_addresses(now(), own_addresses(host_));
    core_.start(now());
    act();
    group_.spawn("mdns receive", receive());
    group_.spawn("mdns clock", keep_time());
}

awaitable<void> service::stop() {
    boost::system::error_code ignored;  // it is going away
    socket_.close(ignored);
    co_await group_.stop();
}

void service::join_networks() {
    const auto group = asio::ip::make_address_v4(group_address);
    auto there = multicast_interfaces();
    for (const auto& interface : there) {
        if (std::ranges::find(interfaces_, interface) != interfaces_.end())
            continue;
        boost::system::error_code code;
        socket_.set_option(asio::ip::multicast::join_group(group, interface), code);
        if (code && code != asio::error::address_in_use)
            log::debug("mdns interface left out",
                       {{"address", interface.to_string()}, {"reason", code.message()}});
    }
    interfaces_ = std::move(there);
}

void service::send(byte_view packet) {
    const udp::endpoint to(asio::ip::make_address_v4(group_address), group_port);
    for (const auto& interface : interfaces_) {
        boost::system::error_code code;
        socket_.set_option(asio::ip::multicast::outbound_interface(interface), code);
        if (!code)
            socket_.send_to(asio::buffer(packet.data(), packet.size()), to, 0, code);
        if (code)
            log::debug("mdns packet not sent",
                       {{"address", interface.to_string()}, {"reason", code.message()}});
    }
}

void service::act() {
    while (const auto packet = core_.poll_packet())
        send(*packet);
    while (auto peer = core_.poll_peer()) {
        host_.add_addresses(peer->id, peer->addresses, address_memory);
        if (!host_.find(peer->id) && group_.size() < approaches_max)
            group_.spawn("mdns peer", approach(*std::move(peer)));
    }
    changed_.notify_all();
}

awaitable<void> service::approach(found_peer peer) {
    try {
        co_await aio::with_timeout(host_.connect(peer.id, peer.addresses), connect_timeout);
        log::info("peer found on the local network", {{"peer", peer.id.to_string()}});
    } catch (const std::exception& e) {
        if (aio::is_cancelled(e))
            throw;
        log::debug("peer on the local network not reached",
                   {{"peer", peer.id.to_string()}, {"reason", e.what()}});
    }
}

awaitable<void> service::receive() {
    std::vector<std::byte> buffer(packet_bytes_max);
    udp::endpoint from;
    for (;;) {
        const auto n =
            co_await socket_.async_receive_from(asio::buffer(buffer), from, use_awaitable);
        core_.received(now(), byte_view(buffer).first(n));
        act();
    }
}

awaitable<void> service::keep_time() {
    auto look_at = now() + look_interval;
    for (;;) {
        const auto next = std::min(core_.deadline().value_or(look_at), look_at);
        try {
            if (next > now())
                co_await aio::with_timeout(changed_.wait(), next - now());
        } catch (const failure& e) {
            if (e.code() != aio::errc::timed_out)
                throw;
        }
        if (now() >= look_at) {
            look_at = now() + look_interval;
            join_networks();
            core_.set_addresses(now(), own_addresses(host_));
        }
        core_.tick(now());
        while (const auto packet = core_.poll_packet())
            send(*packet);
    }
}

}  // namespace dm::mdns
