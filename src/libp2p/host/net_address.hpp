#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <optional>
#include <string>
#include <vector>

#include "libp2p/host/errc.hpp"
#include "multiformats/multiaddr.hpp"

namespace dm::host {

using multiformats::multiaddr;

/// What kind of network an address belongs to.
enum class reach { loopback, local, global };

/// `/ip4/…/tcp/N` or `/ip6/…/tcp/N`; a trailing /p2p is ignored, anything else is nullopt.
std::optional<boost::asio::ip::tcp::endpoint> to_endpoint(const multiaddr& address);
multiaddr to_multiaddr(const boost::asio::ip::tcp::endpoint& endpoint);

/// A name to be resolved first, from /dns, /dns4 or /dns6 and /tcp.
struct dns_name {
    std::string name;
    std::uint16_t port = 0;
    bool ip4 = true;  ///< which addresses of it are wanted
    bool ip6 = true;
};
std::optional<dns_name> to_dns_name(const multiaddr& address);

/// Whether there is a way to dial it: an endpoint or a name. Unspecified addresses and port 0 are
/// none.
bool is_dialable(const multiaddr& address);

/// Private ranges, link-local and unique local ones are `local`; names are `global`.
reach reach_of(const multiaddr& address);

/// What a peer that is connected from `remote` can use: over loopback everything, over a local
/// network no loopback, else only global addresses.
std::vector<multiaddr> usable_from(const multiaddr& remote, std::span<const multiaddr> addresses);

/// The addresses behind a listening endpoint: itself, or one for each interface that is up when it
/// is unspecified. Link-local IPv6 is left out.
std::vector<multiaddr> interface_addresses(const boost::asio::ip::tcp::endpoint& listening);

}  // namespace dm::host
