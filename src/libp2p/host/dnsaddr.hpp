#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "multiformats/multiaddr.hpp"

namespace dm::host {

/// Names that are followed from one to the next.
constexpr int dnsaddr_depth_max = 4;
/// Addresses that one resolution gives.
constexpr std::size_t dnsaddr_addresses_max = 64;
/// Look-ups of one resolution.
constexpr std::size_t dnsaddr_lookups_max = 16;

/// The texts that DNS has under a name; empty where there is none. Blocks; throws failure.
using text_lookup = std::function<std::vector<std::string>(const std::string& name)>;
std::vector<std::string> system_text_records(const std::string& name);

/// NAME of `/dnsaddr/NAME`, with or without a peer.
std::optional<std::string> dnsaddr_name(const multiformats::multiaddr& address);

/// The addresses with each `/dnsaddr` replaced by those that DNS has of the peer; other records,
/// and names that cannot be looked up, are left out. Blocks. Spec: multiaddr "dnsaddr".
std::vector<multiformats::multiaddr> resolve_dnsaddr(
    const std::vector<multiformats::multiaddr>& addresses, const multiformats::peer_id& peer,
    const text_lookup& look_up);

}  // namespace dm::host
