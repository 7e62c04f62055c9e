#pragma once

#include <map>
#include <string>
#include <string_view>

#include "content/unixfs/profile.hpp"

namespace dm::unixfs {

/// Slots of one HAMT node, and so the most links it has.
constexpr std::size_t shard_fanout = 256;

/// Whether a text can name an entry: not empty, not "." or "..", no slash, no NUL.
bool is_entry_name(std::string_view name) noexcept;

/// Builds the node of one directory, or the HAMT of a large one, from its entries in any order.
/// Holds all entries of the one directory.
/// Spec: ipfs specs unixfs.md "Directory", "HAMTDirectory".
class directory_builder {
  public:
    explicit directory_builder(block_sink sink, profile p = kubo_cid_v1);

    /// Errors: bad_name, duplicate_name.
    result<void> add(std::string_view name, const subtree& entry);

    /// The directory. The builder is spent. Error: too_deep when so many hashes of names agree that
    /// no HAMT can hold them.
    result<subtree> finish();

  private:
    bool is_sharded() const;

    block_sink sink_;
    profile profile_;
    std::map<std::string, subtree, std::less<>> entries_;
    std::size_t links_bytes_ = 0;  // names and CIDs
    std::size_t block_bytes_ = 0;  // of the one block that a basic directory would be
};

/// The node of a symlink; its block goes to the sink.
subtree make_symlink(std::string_view target, const block_sink& sink,
                     const profile& p = kubo_cid_v1);

}  // namespace dm::unixfs
