#pragma once

#include <cstdint>

namespace dm::swarm {

/// Scatters a number: ties are broken by it, differently on every node and the same in every run.
constexpr std::uint64_t mix(std::uint64_t x) noexcept {
    x ^= x >> 30;
    x *= 0xbf58476d1ce4e5b9u;
    x ^= x >> 27;
    x *= 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

}  // namespace dm::swarm
