#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "content/bitswap/driver_fetch.hpp"
#include "content/unixfs/walk.hpp"

namespace dm::tree {

using multiformats::cid;

/// Blocks of a file that are asked for ahead of the one that is read, and bytes of them, at most.
constexpr std::size_t read_ahead_blocks = 64;
constexpr std::size_t read_ahead_bytes = 16 * 1024 * 1024;
/// Blocks of one tree, at most; a hostile one may refer to the same block many times.
constexpr std::size_t tree_blocks_max = 4'000'000;

/// Takes the bytes of a file in order.
using byte_sink = std::function<awaitable<void>(byte_view)>;
/// Takes each block of a tree once, parents first; false: what is below it is not needed.
using block_sink = std::function<awaitable<bool>(const cid&, byte_view)>;

/// Reads UnixFS trees whose blocks are here or with peers. One session of blocks: make one for each
/// tree. The exchange outlives it. Throws bitswap::errc::not_found for blocks that nobody has, and
/// what the walks throw.
class reader {
  public:
    explicit reader(bitswap::exchange& from) : blocks_(from) {}

    /// What the CID names; its block stays valid as long as the answer.
    struct entry {
        std::shared_ptr<const bytes> block;
        unixfs::node node;
    };
    awaitable<entry> look(cid id);
    /// Asks for blocks that will be looked at soon.
    awaitable<void> get_ahead(std::vector<cid> ids) { return blocks_.get_ahead(std::move(ids)); }
    /// The CID that a path below a root names. Throws unixfs::errc::not_found.
    awaitable<cid> resolve(cid root, std::string path);
    /// Entries of a directory, sharded or not; throws too_large over `entries_max`.
    awaitable<std::vector<unixfs::node_link>> list(cid directory, std::size_t entries_max);
    /// The bytes of a file from `offset` to its end; returns its size.
    awaitable<std::uint64_t> read(cid file, std::uint64_t offset, byte_sink into);
    /// A whole file of at most `size_max` bytes; throws too_large.
    awaitable<bytes> read_all(cid file, std::size_t size_max);
    /// Every block of the tree, files included. Blocks that are no UnixFS have no children.
    awaitable<void> walk(cid root, block_sink into);

    const bitswap::fetcher& blocks() const noexcept { return blocks_; }

  private:
    bitswap::fetcher blocks_;
};

}  // namespace dm::tree
