#pragma once

#include <vector>

#include "multiformats/multiaddr.hpp"

namespace dm::kad {

/// Where an address can be reached from.
enum class reach {
    nowhere,   ///< not an address of a host, or one of a relay
    loopback,  ///< this machine
    local,     ///< the local network: private and link-local addresses, names under .local
    everywhere
};

/// Judged by its first component. `/memory/N` is this machine.
reach reach_of(const multiformats::multiaddr& a);

}  // namespace dm::kad
