#pragma once

#include <unordered_map>

#include "content/bitswap/driver_blockstore.hpp"

namespace dm::bitswap {

/// Blocks in memory.
class memory_blockstore final : public blockstore {
  public:
    cid add(byte_view data, multiformats::codec codec = multiformats::codec::raw) {
        auto id = cid::of(codec, data);
        put(id, data);
        return id;
    }
    void put(const cid& id, byte_view data) { blocks_[id.hash()] = to_bytes(data); }
    void erase(const cid& id) { blocks_.erase(id.hash()); }

    awaitable<std::vector<std::optional<std::size_t>>> sizes(std::vector<cid> ids) override {
        std::vector<std::optional<std::size_t>> out;
        for (const auto& id : ids) {
            const auto it = blocks_.find(id.hash());
            out.push_back(it == blocks_.end() ? std::nullopt : std::optional(it->second.size()));
        }
        co_return out;
    }
    awaitable<std::optional<bytes>> block(cid id) override {
        const auto it = blocks_.find(id.hash());
        co_return it == blocks_.end() ? std::nullopt : std::optional(it->second);
    }

  private:
    std::unordered_map<multiformats::multihash, bytes> blocks_;
};

}  // namespace dm::bitswap
