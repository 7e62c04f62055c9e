#pragma once

#include <filesystem>

#include "aio/pool.hpp"
#include "base/sqlite/database.hpp"
#include "libp2p/host/address_book.hpp"

namespace dm::host {

/// Keeps an address book over restarts, in SQLite. What it loses by a kill is found again.
class peer_store {
  public:
    /// Makes the file where there is none. Throws failure with the file's name.
    peer_store(aio::pool& workers, const std::filesystem::path& file);

    /// Puts what is kept into the book; lines that cannot be read are skipped.
    void load(address_book& into);
    /// Replaces what is kept.
    awaitable<void> save(const address_book& book);

  private:
    aio::pool& workers_;
    sqlite::database database_;
};

}  // namespace dm::host
