#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "content/unixfs/node.hpp"

namespace dm::unixfs {

/// Levels of a tree, at most; a file of 2^63 bytes in Kubo's layout has 8.
constexpr std::size_t tree_depth_max = 64;
/// Names in a path, at most.
constexpr std::size_t path_names_max = 256;
/// Links that a file_walk remembers while it waits for blocks, at most.
constexpr std::size_t walk_pending_max = 262144;

/// Finds what a path below a root names, a block at a time, without I/O: while wanted() is set, the
/// caller fetches that block (and checks its hash) and feeds it. Symlinks are not followed.
/// Spec: ipfs specs "Path Gateway", unixfs.md "Path resolution".
class path_walk {
  public:
    /// `path`: names separated by slashes; empty ones are ignored. Errors: bad_name ("." and "..",
    /// too), too_large.
    static result<path_walk> start(cid root, std::string_view path);

    /// The block needed next; nullptr when done.
    const cid* wanted() const noexcept { return at_ < names_.size() ? &node_ : nullptr; }
    /// Errors: not_found, not_a_directory, is_symlink, too_deep, those of parse_node. After an
    /// error the walk is over.
    result<void> feed(byte_view block);

    /// Once done: the CID that the path names. Its block has not been read.
    const cid& target() const noexcept { return node_; }

  private:
    path_walk(cid root, std::vector<std::string> names);
    result<void> descend(const node& here);
    const node_link* find_in_shard(const node& here);

    cid node_;
    std::vector<std::string> names_;
    std::size_t at_ = 0;         // the name looked for in node_
    std::size_t hash_bits_ = 0;  // of its hash, used up by shards above node_
};

struct file_walk_options {
    std::uint64_t offset = 0;
    std::optional<std::uint64_t> length{};  ///< absent: to the end
    std::uint64_t file_bytes_max = std::uint64_t{1} << 44;
};

/// Reads a file, or a part of one, in order, a block at a time, without I/O: while wanted() is set
/// the caller fetches that block (and checks its hash) and feeds it; what comes back is the file's
/// next bytes. Blocks without bytes of the range are skipped. Each block must hold as many bytes as
/// its parent says; a tree cannot make the walk longer than its bytes are many.
class file_walk {
  public:
    explicit file_walk(cid root, file_walk_options options = {});

    /// The block needed next; nullptr when done.
    const cid* wanted() const noexcept { return stack_.empty() ? nullptr : &stack_.back().target; }
    /// Up to `count` blocks, in order, that will be wanted, starting with wanted(): for fetching
    /// ahead.
    std::vector<cid> upcoming(std::size_t count) const;

    /// The next bytes of the range, as a view into the block; empty for inner nodes. Errors:
    /// not_a_file, size_mismatch, too_deep, too_large, those of parse_node. After an error the walk
    /// is over.
    result<byte_view> feed(byte_view block);

    /// Bytes of the whole file; known after the first block.
    std::optional<std::uint64_t> file_size() const noexcept { return file_size_; }

  private:
    struct pending {
        cid target;
        std::uint64_t offset;               // of its first byte in the file
        std::optional<std::uint64_t> size;  // absent: not known, the root
        std::size_t depth;
    };
    result<void> check(const pending& at, const node& here);
    result<void> push_children(const pending& at, const node& here);
    byte_view clip(const pending& at, byte_view content) const;
    bool is_in_range(std::uint64_t offset, std::uint64_t size) const;

    std::vector<pending> stack_;  // next at the back
    file_walk_options options_;
    std::uint64_t end_ = 0;  // of the range
    std::optional<std::uint64_t> file_size_;
};

/// Lists a directory, sharded or not, a block at a time, without I/O, as the other walks.
class directory_walk {
  public:
    explicit directory_walk(cid root);

    const cid* wanted() const noexcept { return stack_.empty() ? nullptr : &stack_.back().target; }
    /// The entries that the block holds (name, target and tsize are set). Errors: not_a_directory,
    /// malformed_node, too_deep, those of parse_node. After an error the walk is over.
    result<std::vector<node_link>> feed(byte_view block);

  private:
    struct pending {
        cid target;
        std::size_t depth;
        std::uint64_t prefix;  // hash bits that names below share, as slots from the root
    };
    result<std::vector<node_link>> take_shard(const pending& at, node& here);

    std::vector<pending> stack_;
    std::size_t fanout_ = 0;  // of the root; 0 before it is read
};

}  // namespace dm::unixfs
