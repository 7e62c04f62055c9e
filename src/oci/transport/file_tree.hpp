#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "oci/transport/file.hpp"

namespace dm::transport {

/// Entries of an archive; an image has 4096 layers at most.
constexpr std::size_t archive_entries_max = 20'000;
constexpr std::size_t archive_path_bytes_max = 1024;
/// Links that lead to links.
constexpr std::size_t archive_links_max = 8;
/// Compressed content may grow by this factor, once it is more than `expansion_free_bytes`.
constexpr std::uint64_t expansion_ratio_max = 1000;
constexpr std::uint64_t expansion_free_bytes = 16 << 20;

/// Files under relative paths, to read: a folder or an archive.
class file_tree {
  public:
    virtual ~file_tree() = default;

    /// nullopt: there is no such file.
    virtual std::optional<std::uint64_t> size(const std::string& path) = 0;
    /// Throws not_found.
    virtual void read(const std::string& path, const taker& take) = 0;
    /// For sentences: the folder's or archive's own path.
    virtual std::string name() const = 0;
};

/// Links that lead out of it are refused.
std::unique_ptr<file_tree> open_folder(const std::string& path);

/// A tar, plain or compressed with gzip or zstd. A compressed one, or a stream, is first written to
/// a temporary file. Throws unsafe_archive for absolute paths, "..", links out and devices;
/// too_large for what is over the limits above.
std::unique_ptr<file_tree> open_archive(const std::string& path);
std::unique_ptr<file_tree> open_archive(file source);

/// All of a small file.
bytes read_small(file_tree& from, const std::string& path, std::size_t bytes_max);

/// Decompresses gzip or zstd; throws too_large for a bomb.
void expand(const file& from, const taker& take);

enum class compression { none, gzip, zstd };
compression compression_of(byte_view beginning) noexcept;

}  // namespace dm::transport
