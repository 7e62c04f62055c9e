#pragma once

#include <filesystem>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/sqlite/database.hpp"
#include "content/store/errc.hpp"
#include "content/store/partial_file.hpp"
#include "crypto/digest.hpp"
#include "multiformats/cid.hpp"

namespace dm::store {

/// A complete blob.
struct blob_info {
    crypto::digest digest;
    std::uint64_t size = 0;
    multiformats::cid root;      ///< of the blob as a UnixFS file
    std::uint64_t dag_size = 0;  ///< bytes of that file's blocks: what a link to it says

    friend bool operator==(const blob_info&, const blob_info&) = default;
};

/// A DAG node that is no slice of a blob: interior file nodes, directories.
struct dag_node {
    multiformats::cid cid;
    bytes data;
};

/// Where a block's bytes are.
struct block_place {
    std::optional<crypto::digest> blob;  ///< a slice of this blob, or
    std::uint64_t offset = 0;
    std::uint64_t length = 0;
    bytes inline_data;  ///< the bytes themselves
};

/// What is in the store: blobs, where each block is, DAG nodes, pins. SQLite, WAL. All calls block;
/// they may come from any thread.
class block_index {
  public:
    explicit block_index(const std::filesystem::path& file);

    std::optional<blob_info> find(const crypto::digest& digest);
    std::vector<blob_info> all();
    /// In one transaction. `leaves` has one hash a leaf of the blob, `nodes` its interior nodes.
    void add(const blob_info& blob, const std::vector<leaf_hash>& leaves,
             const std::vector<dag_node>& nodes, std::int64_t now_seconds);
    /// False when it was not there, or is pinned and that counts.
    bool remove(const crypto::digest& digest, bool even_pinned = true);
    /// Whether some pin wants it, here or not.
    bool is_pinned(const crypto::digest& digest);
    void touch(const crypto::digest& digest, std::int64_t now_seconds);

    std::optional<block_place> locate(const multiformats::cid& cid);
    /// Whether some leaf of the blob has this hash.
    bool has_leaf(const crypto::digest& digest, const leaf_hash& hash);
    /// The hashes of a blob's leaves; all zero where a leaf is the same as an earlier one. Empty
    /// when it is not here.
    std::vector<leaf_hash> leaves(const crypto::digest& digest);
    /// The blob whose UnixFS root this is.
    std::optional<blob_info> find_root(const multiformats::cid& root);

    /// Keeps blobs and nodes under a name, replacing what the name kept before.
    void pin(std::string_view name, const std::vector<crypto::digest>& blobs,
             const std::vector<dag_node>& nodes, std::int64_t now_seconds);
    /// Adds to what a name keeps, and the name if there is none.
    void pin_also(std::string_view name, const std::vector<crypto::digest>& blobs,
                  const std::vector<dag_node>& nodes, std::int64_t now_seconds);
    /// Adds what `from` keeps to `to`, and drops `from`; in one transaction.
    void move_pin(std::string_view from, std::string_view to, std::int64_t now_seconds);
    /// False when there was no such pin.
    bool unpin(std::string_view name);
    struct pin_entry {
        std::string name;
        std::vector<crypto::digest> blobs;
    };
    std::vector<pin_entry> pins(std::string_view prefix);

    /// Blobs under no pin, least recently used first.
    std::vector<blob_info> unpinned();

  private:
    void keep(std::string_view name, const std::vector<crypto::digest>& blobs,
              const std::vector<dag_node>& nodes);

    std::mutex mutex_;
    sqlite::database db_;
};

}  // namespace dm::store
