#pragma once

#include <optional>
#include <vector>

#include "aio/awaitable.hpp"
#include "content/bitswap/message.hpp"

namespace dm::bitswap {

/// Where blocks are that can be served: the content store, or a map in memory.
class blockstore {
  public:
    virtual ~blockstore() = default;

    /// Bytes of each block, in the order asked; nullopt where it is not here.
    virtual awaitable<std::vector<std::optional<std::size_t>>> sizes(std::vector<cid> ids) = 0;

    /// The block; nullopt when it is not here.
    virtual awaitable<std::optional<bytes>> block(cid id) = 0;
};

}  // namespace dm::bitswap
