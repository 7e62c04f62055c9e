#pragma once

#include <algorithm>

#include "aio/event.hpp"
#include "aio/pool.hpp"
#include "content/bitswap/driver_blockstore.hpp"
#include "mesh/crdt/reader.hpp"

namespace dm::crdt {

/// The blocks of the shared state, for bitswap and for peers that catch up.
class block_source final : public bitswap::blockstore {
  public:
    block_source(executor ex, aio::pool& workers, const std::filesystem::path& file)
        : workers_(workers), one_at_a_time_(std::move(ex), 1), reader_(file) {}

    awaitable<std::vector<std::optional<std::size_t>>> sizes(std::vector<cid> ids) override {
        // Most of what is asked for is content: that costs no trip to the pool.
        if (std::ranges::none_of(ids, is_block_cid))
            co_return std::vector<std::optional<std::size_t>>(ids.size());
        co_return co_await read([&](reader& r) { return r.sizes(ids); });
    }
    awaitable<std::optional<bytes>> block(cid id) override {
        if (!is_block_cid(id))
            co_return std::nullopt;
        co_return co_await read([&](reader& r) { return r.block(id); });
    }

    /// Runs `f(reader&)` on the pool.
    template <class F>
    awaitable<std::invoke_result_t<F&, reader&>> read(F f) {
        const auto turn = co_await one_at_a_time_.acquire();
        co_return co_await workers_.run([&] { return f(reader_); });
    }

  private:
    aio::pool& workers_;
    aio::limiter one_at_a_time_;
    reader reader_;
};

}  // namespace dm::crdt
