#pragma once

#include "content/bitswap/driver_blockstore.hpp"
#include "content/store/content_store.hpp"

namespace dm::bitswap {

/// The blocks of the content store, which outlives it.
class store_blocks final : public blockstore {
  public:
    explicit store_blocks(store::content_store& from) : from_(from) {}

    awaitable<std::vector<std::optional<std::size_t>>> sizes(std::vector<cid> ids) override {
        return from_.block_sizes(std::move(ids));
    }
    awaitable<std::optional<bytes>> block(cid id) override { return from_.block(std::move(id)); }

  private:
    store::content_store& from_;
};

}  // namespace dm::bitswap
