#pragma once

#include <cstdint>
#include <random>

namespace dm {

/// The generator handed to pure code: seeded, so that a run can be repeated.
using rng = std::mt19937_64;

/// A seed from the operating system; the caller logs it.
std::uint64_t random_seed();

}  // namespace dm
