#pragma once

#include "content/bitswap/driver_blockstore.hpp"

namespace dm::bitswap {

/// Two stores as one; what both have is taken from the first. They outlive it.
class joined_blockstore final : public blockstore {
  public:
    joined_blockstore(blockstore& first, blockstore& second) : first_(first), second_(second) {}

    awaitable<std::vector<std::optional<std::size_t>>> sizes(std::vector<cid> ids) override {
        auto out = co_await first_.sizes(ids);
        std::vector<cid> absent;
        for (std::size_t i = 0; i < ids.size(); ++i)
            if (!out[i])
                absent.push_back(ids[i]);
        if (absent.empty())
            co_return out;
        const auto more = co_await second_.sizes(std::move(absent));
        auto next = more.begin();
        for (auto& size : out)
            if (!size)
                size = *next++;
        co_return out;
    }
    awaitable<std::optional<bytes>> block(cid id) override {
        auto out = co_await first_.block(id);
        if (!out)
            out = co_await second_.block(std::move(id));
        co_return out;
    }

  private:
    blockstore& first_;
    blockstore& second_;
};

}  // namespace dm::bitswap
