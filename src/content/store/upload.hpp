#pragma once

#include <filesystem>
#include <optional>
#include <vector>

#include "aio/event.hpp"
#include "aio/pool.hpp"
#include "base/unique_fd.hpp"
#include "content/store/errc.hpp"
#include "content/store/partial_file.hpp"
#include "crypto/hash.hpp"

namespace dm::store {

/// Bytes that are hashed and written at once; a multiple of a leaf.
constexpr std::size_t upload_block_bytes = 4 * leaf_bytes;

/// A blob on its way in whose digest and size nobody knows before its end. Made, completed and
/// given up by the store. Lives on the loop, one caller at a time; hashing and disk work happen on
/// the pool, each byte hashed once as part of its leaf and once as part of the blob. At most two
/// blocks are in memory, and none between pause() and the next write(). Not kept over a restart.
class upload {
  public:
    /// The file is made with the first byte.
    upload(executor ex, aio::pool& workers, std::filesystem::path file);
    upload(const upload&) = delete;
    upload& operator=(const upload&) = delete;
    /// It is idle(). Removes the file, if it has not become a blob.
    ~upload();

    std::uint64_t received() const noexcept { return received_; }
    /// Disk space that the store keeps for it, received bytes included.
    std::uint64_t reserved() const noexcept { return reserved_; }

    /// Takes all of `data`. Throws no_space or failed, now or for an earlier write.
    awaitable<void> write(byte_view data);
    /// Frees its memory and its file descriptor until the next write().
    awaitable<void> pause();
    /// Whether the pool holds nothing of it.
    bool idle() const noexcept { return jobs_ == 0; }
    awaitable<void> wait_until_idle();

  private:
    friend class content_store;

    awaitable<void> take_up();
    awaitable<void> submit();
    void hash_leaves(std::uint64_t offset);
    void job_done(std::optional<error> wrong);
    /// All bytes hashed and in the file; the last leaf may be short.
    awaitable<void> complete();

    executor executor_;
    aio::pool& workers_;
    std::filesystem::path path_;
    unique_fd file_;
    std::vector<leaf_hash> leaves_;
    crypto::hasher whole_;
    bytes filling_;
    bytes working_;  ///< what the pool has
    std::uint64_t received_ = 0;
    std::uint64_t submitted_ = 0;  ///< of received_, what has been given to the pool
    std::uint64_t reserved_ = 0;
    int jobs_ = 0;
    bool made_ = false;    ///< there is a file
    bool paused_ = false;  ///< what is not submitted is in the file, not in filling_
    std::optional<error> failed_;
    aio::event changed_;
};

}  // namespace dm::store
