#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/sqlite/database.hpp"
#include "mesh/crdt/block.hpp"

namespace dm::crdt {

/// Bounds of what others may make us keep.
struct replica_limits {
    std::size_t keys_max = 200'000;
    std::uint64_t state_bytes_max = 128ull * 1024 * 1024;     ///< keys and values
    std::uint64_t history_bytes_max = 1024ull * 1024 * 1024;  ///< blocks
    /// A delta of ours that would be larger becomes several blocks.
    std::size_t delta_bytes = 256 * 1024;
    std::size_t links_max = 1'000;  ///< of a block of ours; what is beyond stays a head
    /// Blocks that were refused and are remembered, so that they are not fetched again and again.
    std::size_t refused_max = 100'000;
    /// A head that is higher is not built on: somebody has made up its height, and what is built on
    /// it could not grow any more.
    std::uint64_t built_on_height_max = std::uint64_t{1} << 40;
};

/// A head of the DAG, and its height.
struct head {
    cid id;
    std::uint64_t height;

    friend bool operator==(const head&, const head&) = default;
};

struct block {
    cid id;
    bytes data;
};

/// What a write or a merge has done.
struct outcome {
    /// Keys whose value is another now, and that value; nullopt: no longer there.
    std::map<std::string, std::optional<std::string>> changes{};
    /// What the blocks set keys to, also where another value counts.
    std::vector<std::pair<std::string, std::string>> elements{};
    std::vector<cid> written{};  ///< blocks of ours, oldest first
    std::size_t merged = 0;      ///< blocks of others that were new
    std::size_t malformed = 0;   ///< left out
    bool is_full = false;        ///< some were left out because a bound is reached
};

/// The replicated map: merges the blocks of a Merkle-DAG in whatever order they come, and makes new
/// ones. All of it is in SQLite and durable when a call returns; two replicas that have the same
/// blocks have the same map. Without time and network. Calls block: one at a time, on the pool.
/// Spec: go-ds-crdt set.go, with values recomputed after deletion as since v0.6.0.
class replica {
  public:
    using values = std::map<std::string, std::string, std::less<>>;

    explicit replica(const std::filesystem::path& file, replica_limits limits = {});
    ~replica();

    /// The whole map.
    values load();

    /// Those that `vouches` says may be set when the bounds are reached, which has a quarter of
    /// room more for them. Called on the thread of the other calls.
    using voucher = std::function<bool(std::string_view key, std::string_view value)>;
    void reserve_for(voucher vouches) { vouches_ = std::move(vouches); }

    /// Sets keys, then deletes keys, on top of all heads. Keys are clean. Error: full.
    result<outcome> write(const std::vector<std::pair<std::string, std::string>>& set,
                          const std::vector<std::string>& erased);

    /// Takes blocks whose bytes are what their CIDs say; those that are there already and those
    /// that are malformed are left out.
    outcome merge(const std::vector<block>& blocks);

    /// Those that are not here and have not been refused since the start, in the order given.
    std::vector<cid> unknown(const std::vector<cid>& ids);
    /// Blocks that others link to and that are not here, some of them.
    std::vector<cid> missing(std::size_t count_max);
    /// In the order of their CIDs.
    std::vector<head> heads();

    std::uint64_t blocks() const noexcept { return blocks_; }
    std::uint64_t history_bytes() const noexcept { return history_bytes_; }

  private:
    struct statements;
    class unit;

    void merge_one(statements& s, const cid& id, byte_view data, const node& n, outcome& out);
    void link(statements& s, std::int64_t name, const cid& id, const node& n);
    void bury(statements& s, const node& n, outcome& out);
    void raise_elements(statements& s, std::int64_t name, const cid& id, const node& n,
                        outcome& out);
    void put_value(statements& s, const std::string& key, std::string_view value,
                   std::uint64_t height, outcome& out);
    void recompute(statements& s, const std::string& key, outcome& out);
    void append(statements& s, delta d, outcome& out);
    bool is_full(const delta& next) const;
    void refuse(const cid& id);
    bool is_refused(statements& s, const cid& id);
    void count();

    sqlite::database db_;
    replica_limits limits_;
    std::uint64_t blocks_ = 0;
    std::uint64_t history_bytes_ = 0;
    std::uint64_t keys_ = 0;
    std::uint64_t state_bytes_ = 0;
    std::uint64_t refused_ = 0;
    voucher vouches_;
};

}  // namespace dm::crdt
