#pragma once

#include <filesystem>

#include "aio/event.hpp"
#include "aio/pool.hpp"
#include "base/sqlite/database.hpp"
#include "mesh/state/table.hpp"

namespace dm::state {

/// What only this node must remember: a table in SQLite with synchronous=FULL, outside the store's
/// size cap. Keys are any text.
class durable_map final : public table {
  public:
    /// Reads the table; blocks. Throws failure when the database cannot be used.
    durable_map(executor ex, aio::pool& workers, const std::filesystem::path& file,
                std::string_view table = "state");

    const entries& all() const noexcept override { return entries_; }
    awaitable<void> set_all(std::vector<entry> changes) override;
    awaitable<std::size_t> erase_if(std::function<bool(std::string_view key)> doomed) override;

  private:
    aio::pool& workers_;
    aio::limiter one_writer_;  // so that disk and memory see changes in the same order
    sqlite::database db_;
    std::string table_;
    entries entries_;
};

}  // namespace dm::state
