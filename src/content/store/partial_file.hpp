#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <vector>

#include "base/bytes.hpp"
#include "base/unique_fd.hpp"
#include "content/store/errc.hpp"
#include "crypto/digest.hpp"
#include "crypto/hash.hpp"

namespace dm::store {

/// Bytes of a leaf: what one block of a blob covers. `ipfs add` cuts files the same way.
constexpr std::uint32_t leaf_bytes = 262144;

using leaf_hash = std::array<std::byte, 32>;  ///< sha2-256 of a leaf; all zero: not known

constexpr std::uint64_t leaf_count(std::uint64_t blob_bytes) {
    return blob_bytes == 0 ? 1 : (blob_bytes + leaf_bytes - 1) / leaf_bytes;
}

/// The files of a blob that is not complete: `partial/<name>` with its bytes in place, and
/// `<name>.map`, which says which leaves are there. All calls block. Writing different leaves from
/// several threads at once is fine.
///
/// Map: a 4096-byte header (magic, algorithm, digest, size; at 512 the checkpoint: offset, state of
/// the blob's hash and a checksum), then 32 bytes a leaf, then one bit a leaf: "synced to disk".
/// Data reaches the disk before its bit does, so after a power cut only leaves without a bit are
/// hashed again; after a kill none of them is lost.
class partial_file {
  public:
    /// Opens the files, or makes them; files of another blob or version are started afresh.
    partial_file(const std::filesystem::path& folder, const crypto::digest& digest,
                 std::uint64_t size);
    partial_file(partial_file&&) noexcept = default;
    partial_file& operator=(partial_file&&) noexcept = default;
    ~partial_file() = default;

    struct recovered {
        std::vector<leaf_hash> leaves;  ///< all zero where the bytes are not here
        crypto::hasher hash;            ///< of the bytes from 0 to hash.size()
        std::uint64_t rehashed_bytes = 0;
    };
    /// What an earlier process left. Leaves that were not synced are hashed again; wrong ones are
    /// forgotten.
    recovered recover();

    /// Throws failure: no_space or failed.
    void write_leaf(std::uint64_t index, byte_view data, const leaf_hash& hash);
    bytes read(std::uint64_t offset, std::size_t length) const;
    /// Fills `into` as far as the file reaches; how many bytes.
    std::size_t read(std::uint64_t offset, std::span<std::byte> into) const;

    /// Syncs the data, then notes that the leaves with a hash in `leaves` are safe and how far the
    /// blob is hashed.
    void checkpoint(const std::vector<leaf_hash>& leaves, const crypto::hasher& hash);

    /// Until the data is on the disk. Throws as write_leaf() does.
    void sync();
    /// Moves the synced data to its final place; the map stays until `remove_map`.
    void publish(const std::filesystem::path& target);
    void remove_map() const;
    void remove() const;

    int data_file() const noexcept { return data_.get(); }
    std::uint64_t size() const noexcept { return size_; }

    /// Folder entries of a blob: "sha256-<hex>" and "sha256-<hex>.map".
    static std::string name_of(const crypto::digest& digest);
    /// The digest and size that a map file was made for.
    struct identity {
        crypto::digest digest;
        std::uint64_t size = 0;
    };
    static result<identity> identify(const std::filesystem::path& map_file);

  private:
    std::uint64_t bits_offset() const noexcept;

    std::filesystem::path data_path_;
    std::filesystem::path map_path_;
    crypto::digest digest_;
    std::uint64_t size_ = 0;
    unique_fd data_;
    unique_fd map_;
};

}  // namespace dm::store
