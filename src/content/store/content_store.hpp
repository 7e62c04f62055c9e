#pragma once

#include <filesystem>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "aio/awaitable.hpp"
#include "aio/event.hpp"
#include "aio/pool.hpp"
#include "aio/task_group.hpp"
#include "base/subscribers.hpp"
#include "base/unique_fd.hpp"
#include "content/store/arrival.hpp"
#include "content/store/index.hpp"
#include "content/store/upload.hpp"

namespace dm::store {

struct options {
    std::uint64_t size_max = 0;  ///< bytes of blobs, whole or in part; 0: as the disk allows
    /// Left free on the disk whatever arrives.
    std::uint64_t disk_reserve_bytes = 32 << 20;
};

/// A complete blob opened for reading; stays readable even if it is evicted meanwhile.
struct open_blob {
    blob_info info;
    unique_fd file;
};

struct stat {
    std::uint64_t blobs = 0;
    std::uint64_t blob_bytes = 0;
    std::uint64_t pinned_bytes = 0;
    std::uint64_t partial_blobs = 0;
    std::uint64_t partial_bytes = 0;
    std::uint64_t size_max = 0;
    std::uint64_t disk_free_bytes = 0;
};

/// One blob that verify() found wrong.
struct damage {
    crypto::digest digest;
    std::uint64_t size = 0;
    std::string what;  ///< "byte range 262144-524287 does not match its block"
};

class content_store;

/// Keeps an arrival alive while it is written or read. Moves, does not copy. When the writer's
/// lease ends before the arrival is complete, readers see it fail; what has arrived stays on disk
/// for another try.
class arrival_lease {
  public:
    arrival_lease(arrival_lease&& other) noexcept
        : owner_(other.owner_),
          slot_(std::exchange(other.slot_, nullptr)),
          writer_(other.writer_) {}
    arrival_lease& operator=(arrival_lease&&) = delete;
    ~arrival_lease();
    arrival* operator->() const noexcept { return slot_->blob.get(); }
    arrival& operator*() const noexcept { return *slot_->blob; }

  private:
    friend class content_store;
    struct slot {
        std::unique_ptr<arrival> blob;
        std::optional<crypto::digest> opening;  ///< while room and `blob` are being made
        std::uint64_t reserved = 0;             ///< while opening, once there is room
        std::uint64_t on_disk = 0;              ///< of reserved, what an earlier try left
        int users = 0;
        bool settling = false;
    };
    arrival_lease(content_store& owner, slot& s, bool writer);

    content_store& owner_;
    slot* slot_;
    bool writer_;
};

/// The blobs of this node as one folder that is a valid OCI image layout, with an index of their
/// IPFS blocks:
///   oci-layout, index.json, blobs/<algorithm>/<hex>, partial/, uploads/, store.db
/// Everything is hashed once, on its way in. Lives on the loop; disk work happens on the pool.
class content_store {
  public:
    /// Opens or makes the folder; blocks. Throws failure: in_use when another process has it.
    content_store(executor ex, aio::pool& workers, std::filesystem::path folder, options o = {});
    content_store(const content_store&) = delete;
    content_store& operator=(const content_store&) = delete;
    ~content_store();

    /// Waits until no arrival is being worked on. Writers have ended before.
    awaitable<void> stop();

    awaitable<std::optional<blob_info>> find(crypto::digest digest);
    /// Those that are not here, in the order given.
    awaitable<std::vector<crypto::digest>> missing(std::vector<crypto::digest> digests);
    awaitable<std::optional<open_blob>> open(crypto::digest digest);
    /// A whole small blob; throws not_found, or aio::errc::too_much_data when it is over `size_max`
    /// bytes.
    awaitable<bytes> read(crypto::digest digest, std::size_t size_max);
    awaitable<std::optional<blob_info>> find_root(multiformats::cid root);
    /// The bytes of any block that is here, checked against nothing: they were when they came.
    awaitable<std::optional<bytes>> block(multiformats::cid cid);
    /// Bytes of each block, in the order asked; nullopt where it is not here.
    awaitable<std::vector<std::optional<std::uint64_t>>> block_sizes(
        std::vector<multiformats::cid> cids);
    /// All complete blobs.
    awaitable<std::vector<blob_info>> blobs();
    /// Told of each blob when it is complete.
    subscribers<blob_info>& completed() noexcept { return completed_; }

    /// The hash of every leaf of a complete blob; empty when it is not here.
    awaitable<std::vector<leaf_hash>> leaves(crypto::digest digest);

    /// Told of each blob that starts to arrive.
    subscribers<crypto::digest>& arrivals() noexcept { return arrivals_; }

    /// The arrival under way, for readers.
    std::optional<arrival_lease> arriving(const crypto::digest& digest);
    /// Starts or takes up an arrival for its one writer; nullopt when it has one already. Makes
    /// room first: throws no_space ("needs 1.2 GiB, 300 MiB more than is free in …").
    awaitable<std::optional<arrival_lease>> receive(crypto::digest digest, std::uint64_t size);
    /// Completes: verified, synced, renamed, indexed. On wrong_digest the bytes are gone.
    awaitable<blob_info> finish(arrival_lease& lease);
    /// A whole small blob at once; already there is fine.
    awaitable<blob_info> put(crypto::digest digest, byte_view data);

    /// A blob whose digest will be known at its end. Costs nothing until bytes come.
    std::unique_ptr<upload> begin_upload();
    /// Room for `more` bytes, once they are more than it has reserved; throws as receive() does.
    awaitable<void> make_room(upload& u, std::uint64_t more);
    /// Makes a blob of it: checked against `expected`, synced, renamed, indexed; already there is
    /// fine. Throws wrong_digest. Whatever happens, the upload is spent: discard() it.
    awaitable<blob_info> finish(upload& u, crypto::digest expected);
    /// Every upload ends here, soon after which it is gone.
    void discard(std::unique_ptr<upload> u);

    awaitable<void> pin(std::string name, std::vector<crypto::digest> blobs,
                        std::vector<dag_node> nodes);
    /// Adds to what is kept under the name, which is pinned by it if it is not yet.
    awaitable<void> pin_also(std::string name, std::vector<crypto::digest> blobs,
                             std::vector<dag_node> nodes);
    /// Adds what is kept under `from` to `to`, and drops `from`.
    awaitable<void> move_pin(std::string from, std::string to);
    awaitable<bool> unpin(std::string name);
    awaitable<std::vector<block_index::pin_entry>> pins(std::string prefix);

    awaitable<struct stat> stat();
    /// Reads every blob and compares. Damaged blobs are dropped, so that they are fetched anew, and
    /// reported.
    awaitable<std::vector<damage>> verify(std::function<void(std::uint64_t bytes_done)> progress);
    /// Removes all that is under no pin, and partial blobs nobody writes. Returns the bytes freed.
    awaitable<std::uint64_t> collect_garbage();

    /// Replaces index.json of the image layout, atomically.
    awaitable<void> write_layout_index(std::string json);

    const std::filesystem::path& folder() const noexcept { return folder_; }

  private:
    friend class arrival_lease;
    using slot = arrival_lease::slot;

    std::filesystem::path blob_path(const crypto::digest& digest) const;
    void take_lock();
    void reconcile_folder();
    void adopt(const std::filesystem::path& file, const crypto::digest& digest);
    struct dead_partial;
    struct shortage;
    awaitable<void> make_room(std::uint64_t size, std::uint64_t on_disk);
    shortage shortage_of(std::uint64_t size, std::uint64_t on_disk, std::uint64_t dead_bytes) const;
    std::set<std::string> partials_in_use() const;
    std::vector<dead_partial> dead_partials(const std::set<std::string>& in_use) const;
    bool drop_partial(const dead_partial& p, bool even_pinned);
    std::uint64_t disk_free_bytes() const;
    slot* live_slot(const crypto::digest& digest);
    slot* ended_slot(const crypto::digest& digest);
    void release(slot& s, bool writer) noexcept;
    void erase(const slot& s);
    awaitable<void> settle_and_erase(slot& s);
    awaitable<bool> remove_blob(blob_info blob, bool even_pinned);
    awaitable<void> let_go(std::unique_ptr<upload> u);

    executor executor_;
    aio::pool& workers_;
    std::filesystem::path folder_;
    options options_;
    unique_fd lock_;
    std::unique_ptr<block_index> index_;
    std::list<slot> slots_;
    std::vector<upload*> uploads_;
    std::uint64_t uploads_begun_ = 0;
    std::uint64_t blob_bytes_ = 0;
    subscribers<blob_info> completed_;
    aio::task_group cleanup_;
    aio::limiter room_;  ///< who makes room decides for all that is there, undisturbed
    aio::event opened_;
    std::mutex renaming_;  ///< a blob's file and its row in the index come and go together
    subscribers<crypto::digest> arrivals_;
};

}  // namespace dm::store
