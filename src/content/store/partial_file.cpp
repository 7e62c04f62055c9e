#include "content/store/partial_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include "base/format.hpp"

namespace dm::store {
namespace {

constexpr std::string_view magic = "dmpart1\n";
constexpr std::size_t header_bytes = 4096;
constexpr std::size_t checkpoint_offset = 512;
constexpr leaf_hash unknown_leaf{};
/// Leaves that the disk is told to begin with at once: 4 MiB.
constexpr std::uint64_t writeback_leaves = 16;

[[noreturn]] void fail_with_errno(const std::filesystem::path& file) {
    const int code = errno;
    const auto text = fmt::format("{}: {}", file.string(), std::strerror(code));
    raise(code == ENOSPC || code == EDQUOT ? errc::no_space : errc::failed, text);
}

unique_fd open_file(const std::filesystem::path& path, int flags) {
    unique_fd file(::open(path.c_str(), flags | O_CLOEXEC, 0600));
    if (!file)
        fail_with_errno(path);
    return file;
}

void write_all(int file, byte_view data, std::uint64_t offset, const std::filesystem::path& path) {
    while (!data.empty()) {
        const auto n = ::pwrite(file, data.data(), data.size(), static_cast<off_t>(offset));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            fail_with_errno(path);
        data = data.subspan(static_cast<std::size_t>(n));
        offset += static_cast<std::uint64_t>(n);
    }
}

/// Bytes at the end of the file are missing, not an error.
std::size_t read_up_to(int file, std::uint64_t offset, std::span<std::byte> into,
                       const std::filesystem::path& path) {
    std::size_t have = 0;
    while (have < into.size()) {
        const auto n = ::pread(file, into.data() + have, into.size() - have,
                               static_cast<off_t>(offset + have));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            fail_with_errno(path);
        if (n == 0)
            break;
        have += static_cast<std::size_t>(n);
    }
    return have;
}

bytes read_up_to(int file, std::uint64_t offset, std::size_t length,
                 const std::filesystem::path& path) {
    bytes out(length);
    out.resize(read_up_to(file, offset, out, path));
    return out;
}

void append_u64(bytes& out, std::uint64_t value) {
    for (int i = 0; i < 8; ++i)
        out.push_back(static_cast<std::byte>(value >> (8 * i)));
}

std::uint64_t read_u64(byte_view data) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < 8; ++i)
        value |= std::uint64_t{to_u8(data[i])} << (8 * i);
    return value;
}

bytes make_header(const crypto::digest& digest, std::uint64_t size) {
    bytes header = to_bytes(magic);
    append_u64(header, size);
    append_u64(header, leaf_bytes);
    append(header, digest.to_string());
    header.resize(checkpoint_offset);
    return header;
}

bytes make_checkpoint(const crypto::hasher& hash) {
    const auto state = hash.state();
    bytes record;
    append_u64(record, state.size());
    append(record, state);
    append(record, crypto::sha256(record));
    return record;
}

/// The saved hash, or a fresh one when the record is torn or was never written.
crypto::hasher read_checkpoint(byte_view record, crypto::hash_algorithm algorithm) {
    crypto::hasher fresh(algorithm);
    if (record.size() < 8 + 32)
        return fresh;
    const auto length = read_u64(record);
    if (length == 0 || length > crypto::hasher::state_bytes_max || record.size() < 8 + length + 32)
        return fresh;
    const auto body = record.first(8 + length);
    const auto checksum = crypto::sha256(body);
    if (!std::ranges::equal(checksum, record.subspan(8 + length, 32)))
        return fresh;
    auto saved = crypto::hasher::from_state(body.subspan(8));
    return saved && saved->algorithm() == algorithm ? *std::move(saved) : fresh;
}

}  // namespace

std::string partial_file::name_of(const crypto::digest& digest) {
    return fmt::format("{}-{}", crypto::name_of(digest.algorithm()), digest.hex());
}

result<partial_file::identity> partial_file::identify(const std::filesystem::path& map_file) {
    const unique_fd file(::open(map_file.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file)
        return fail(errc::failed, map_file.string());
    const auto header = read_up_to(file.get(), 0, checkpoint_offset, map_file);
    if (header.size() < checkpoint_offset || !as_chars(header).starts_with(magic))
        return fail(errc::damaged, map_file.string());
    if (read_u64(byte_view(header).subspan(16)) != leaf_bytes)
        return fail(errc::damaged, map_file.string());
    auto text = as_chars(header).substr(24);
    text = text.substr(0, text.find('\0'));
    auto digest = crypto::parse_digest(text);
    if (!digest)
        return fail(std::move(digest.error()));
    return identity{*digest, read_u64(byte_view(header).subspan(8))};
}

partial_file::partial_file(const std::filesystem::path& folder, const crypto::digest& digest,
                           std::uint64_t size)
    : data_path_(folder / name_of(digest)),
      map_path_(folder / (name_of(digest) + ".map")),
      digest_(digest),
      size_(size) {
    const auto known = identify(map_path_);
    const bool fresh = !known || known->digest != digest || known->size != size;
    const int flags = O_RDWR | O_CREAT | (fresh ? O_TRUNC : 0);
    data_ = open_file(data_path_, flags);
    map_ = open_file(map_path_, flags);
    if (fresh)
        write_all(map_.get(), make_header(digest, size), 0, map_path_);
}

std::uint64_t partial_file::bits_offset() const noexcept {
    return header_bytes + leaf_count(size_) * sizeof(leaf_hash);
}

partial_file::recovered partial_file::recover() {
    const auto count = leaf_count(size_);
    recovered out{std::vector<leaf_hash>(count), crypto::hasher(digest_.algorithm()), 0};
    const auto stored = read_up_to(map_.get(), header_bytes, count * sizeof(leaf_hash), map_path_);
    std::memcpy(out.leaves.data(), stored.data(), stored.size());
    auto synced = read_up_to(map_.get(), bits_offset(), (count + 7) / 8, map_path_);
    synced.resize((count + 7) / 8);

    std::uint64_t prefix = 0;
    for (std::uint64_t i = 0; i < count; ++i) {
        auto& leaf = out.leaves[i];
        const bool safe = (to_u8(synced[i / 8]) >> (i % 8)) & 1;
        if (leaf != unknown_leaf && !safe) {
            const auto data = read(i * leaf_bytes, leaf_bytes);
            out.rehashed_bytes += data.size();
            if (crypto::sha256(data) != leaf)
                leaf = unknown_leaf;
        }
        if (leaf != unknown_leaf && prefix == i)
            ++prefix;
    }

    const auto prefix_bytes = std::min(prefix * leaf_bytes, size_);
    auto saved = read_checkpoint(
        read_up_to(map_.get(), checkpoint_offset, header_bytes - checkpoint_offset, map_path_),
        digest_.algorithm());
    if (saved.size() <= prefix_bytes)
        out.hash = std::move(saved);
    while (out.hash.size() < prefix_bytes) {
        const auto want = std::min<std::uint64_t>(leaf_bytes, prefix_bytes - out.hash.size());
        const auto data = read(out.hash.size(), want);
        if (data.size() < want)
            raise(errc::failed, fmt::format("{} became shorter", data_path_.string()));
        out.rehashed_bytes += data.size();
        out.hash.update(data);
    }
    return out;
}

void partial_file::write_leaf(std::uint64_t index, byte_view data, const leaf_hash& hash) {
    write_all(data_.get(), data, index * leaf_bytes, data_path_);
    // The disk begins now, so that a checkpoint finds little left to wait for, and with pieces that
    // are worth it. A hint: no harm where the file system does not take it.
    if ((index + 1) % writeback_leaves == 0)
        ::sync_file_range(data_.get(),
                          static_cast<off_t>((index + 1 - writeback_leaves) * leaf_bytes),
                          static_cast<off_t>(writeback_leaves * leaf_bytes), SYNC_FILE_RANGE_WRITE);
    write_all(map_.get(), hash, header_bytes + index * sizeof(leaf_hash), map_path_);
}

std::size_t partial_file::read(std::uint64_t offset, std::span<std::byte> into) const {
    return read_up_to(data_.get(), offset, into, data_path_);
}

bytes partial_file::read(std::uint64_t offset, std::size_t length) const {
    return read_up_to(data_.get(), offset, length, data_path_);
}

void partial_file::checkpoint(const std::vector<leaf_hash>& leaves, const crypto::hasher& hash) {
    if (::fdatasync(data_.get()) != 0)
        fail_with_errno(data_path_);
    bytes synced((leaves.size() + 7) / 8);
    for (std::size_t i = 0; i < leaves.size(); ++i)
        if (leaves[i] != unknown_leaf)
            synced[i / 8] |= std::byte{1} << (i % 8);
    write_all(map_.get(), synced, bits_offset(), map_path_);
    write_all(map_.get(), make_checkpoint(hash), checkpoint_offset, map_path_);
}

void partial_file::sync() {
    if (::fdatasync(data_.get()) != 0)
        fail_with_errno(data_path_);
}

void partial_file::publish(const std::filesystem::path& target) {
    if (::fchmod(data_.get(), 0644) != 0 || ::rename(data_path_.c_str(), target.c_str()) != 0)
        fail_with_errno(target);
}

void partial_file::remove_map() const {
    std::error_code ignored;  // a leftover map is recognised and removed at the next start
    std::filesystem::remove(map_path_, ignored);
}

void partial_file::remove() const {
    std::error_code ignored;
    std::filesystem::remove(data_path_, ignored);
    remove_map();
}

}  // namespace dm::store
