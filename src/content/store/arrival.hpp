#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "aio/event.hpp"
#include "aio/pool.hpp"
#include "aio/task_group.hpp"
#include "content/store/errc.hpp"
#include "content/store/partial_file.hpp"
#include "crypto/hash.hpp"

namespace dm::store {

/// Leaves of one blob that may wait for hashing or the disk at once; the writer is held back
/// beyond.
constexpr std::size_t leaves_in_flight_max = 16;

/// A blob on its way in. Lives on the loop; hashing and disk work happen on the pool. One writer
/// hands in bytes in order with write(), or whole leaves in any order with put(); any number of
/// readers may read the bytes from 0 to available() out of file() meanwhile, and every leaf that
/// has().
class arrival {
  public:
    /// Blocks a little, and up to 64 MiB of hashing when an earlier process left part of the blob:
    /// call on the pool.
    arrival(executor ex, aio::pool& workers, const std::filesystem::path& folder,
            const crypto::digest& digest, std::uint64_t size);
    arrival(const arrival&) = delete;
    arrival& operator=(const arrival&) = delete;
    ~arrival();

    const crypto::digest& digest() const noexcept { return digest_; }
    std::uint64_t size() const noexcept { return file_.size(); }

    // For readers.
    std::uint64_t available() const noexcept { return available_; }
    bool complete() const noexcept { return complete_; }
    const std::optional<error>& failed() const noexcept { return failed_; }
    int file() const noexcept { return file_.data_file(); }
    /// Until available() has grown, or it is complete or failed.
    awaitable<void> changed() { return changed_.wait(); }
    /// Until it is complete or failed.
    awaitable<void> ended();

    // For the writer.
    /// Where the next byte goes; after a restart that is behind the last leaf that survived.
    /// A source that breaks is continued by another from here.
    std::uint64_t received() const noexcept { return received_; }
    /// Takes all of `data`; false asks to wait for ready() before more. Bytes past the size fail
    /// the arrival.
    bool write(byte_view data);
    bool has_room() const noexcept { return in_flight_ < leaves_in_flight_max; }
    /// Until there is room; throws what went wrong on the disk.
    awaitable<void> ready();
    /// Stores leaf `index` if its sha2-256 is `expected`; false, and nothing is kept, if it is not.
    /// `data` stays valid until it returns, which is not before the pool has done with it. Leaves
    /// that are here already are true at once. At most leaves_in_flight_max calls at once are worth
    /// it; in order they cost the least: then leaf and blob are hashed in one pass. Throws
    /// no_space, failed.
    awaitable<bool> put(std::uint32_t index, byte_view data, leaf_hash expected);
    /// Whether leaf `index` is stored.
    bool has(std::uint64_t index) const noexcept { return leaves_[index] != leaf_hash{}; }
    /// Reads a stored leaf; false when `into` is not of its size.
    awaitable<bool> read_leaf(std::uint64_t index, std::span<std::byte> into);
    /// Told on the loop whenever a leaf has been stored, in whatever way.
    void on_leaf(std::function<void(std::uint64_t index)> f) { on_leaf_ = std::move(f); }

    /// Waits for all leaves and checks the digest. Throws incomplete, wrong_digest, no_space,
    /// failed.
    awaitable<void> finish();
    /// Waits until the pool holds nothing of this arrival any more, cancelled or not: whoever puts
    /// leaves does so before somebody else writes.
    awaitable<void> settle();
    bool settled() const noexcept { return jobs_ == 0 && in_flight_ == 0; }

    const std::vector<leaf_hash>& leaves() const noexcept { return leaves_; }
    partial_file& files() noexcept { return file_; }
    /// Called by the store once the blob is published.
    void mark_complete();
    void mark_failed(error e);

  private:
    struct chunk;
    struct chain;
    struct lane;
    struct handed_leaf;

    void submit();
    void store_leaf(chunk* c);
    void run_chain();
    void release(chunk* c);
    void leaf_done(std::uint64_t index, const leaf_hash& hash);
    void maybe_checkpoint();
    void hand_in(handed_leaf& leaf);
    void run_lane();
    void check_and_store(handed_leaf& leaf);
    bool advance_chain(std::size_t behind_min);
    void hash_from_file(crypto::hasher& hash, std::size_t leaves);
    void keep_snapshot(crypto::hasher hash);
    template <class F>
    void on_loop(F f);

    executor executor_;
    aio::pool& workers_;
    crypto::digest digest_;
    partial_file file_;
    std::vector<leaf_hash> leaves_;
    std::unique_ptr<chain> chain_;
    std::unique_ptr<lane> lane_;
    std::unique_ptr<chunk> current_;
    std::vector<std::unique_ptr<chunk>> spare_;
    std::uint64_t received_ = 0;
    std::uint64_t available_ = 0;
    std::size_t in_flight_ = 0;
    std::size_t jobs_ = 0;
    std::uint64_t stored_since_checkpoint_ = 0;
    std::function<void(std::uint64_t)> on_leaf_;
    std::chrono::steady_clock::time_point checkpoint_time_;
    bool checkpoint_running_ = false;
    bool by_leaf_ = false;  ///< put() is used, not write()
    bool complete_ = false;
    std::optional<error> failed_;
    aio::event changed_;
};

}  // namespace dm::store
