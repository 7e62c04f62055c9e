#pragma once

#include <filesystem>
#include <optional>
#include <vector>

#include "base/sqlite/database.hpp"
#include "mesh/crdt/block.hpp"

namespace dm::crdt {

/// Where reading what was written has got to.
struct element_position {
    std::string key;
    std::int64_t height = 0;
    std::int64_t block = 0;
};

/// Reads the DAG that a replica of the same file has written, beside it. Calls block: one at a
/// time, on the pool.
class reader {
  public:
    /// The replica has been opened before.
    explicit reader(const std::filesystem::path& file);

    std::vector<std::optional<std::size_t>> sizes(const std::vector<cid>& ids);
    std::optional<bytes> block(const cid& id);

    /// What somebody tells who wants to know what it lacks: our heads, then older and older blocks,
    /// `ids_max` at most.
    std::vector<cid> locator(std::size_t ids_max);

    /// Names of blocks for block_at(), oldest first, `count_max` at most: those that are not among
    /// `have` and before them.
    std::vector<std::int64_t> not_before(const std::vector<cid>& have, std::size_t count_max);
    bytes block_at(std::int64_t name);

    /// What blocks have set keys with this prefix to, in the order of the keys: `count_max` of them
    /// after `at`, which moves on. Empty at the end.
    std::vector<std::pair<std::string, std::string>> written(std::string_view prefix,
                                                             element_position& at,
                                                             std::size_t count_max);

  private:
    std::optional<std::int64_t> find(const cid& id);

    sqlite::database db_;
};

}  // namespace dm::crdt
