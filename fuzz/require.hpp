#pragma once

#include <cstdlib>

/// Stops the fuzzer, which keeps the input, when a property does not hold.
inline void require(bool holds) {
    if (!holds)
        std::abort();
}
