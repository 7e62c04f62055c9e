#include "content/unixfs/directory_builder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "content/unixfs/data.hpp"
#include "content/unixfs/murmur3.hpp"

namespace dm::unixfs {
namespace {

constexpr int shard_levels_max = 8;  // one byte of the 64-bit hash each
constexpr std::uint64_t murmur3_code = 0x22;

struct hashed_entry {
    std::uint64_t hash;
    const std::string* name;
    const subtree* entry;
};

using entry_range = std::span<const hashed_entry>;

std::size_t slot_of(std::uint64_t hash, int level) {
    return (hash >> (56 - 8 * level)) & 0xff;
}

/// Writes the block with the given data field and returns its subtree; `links_tsize` is what the
/// links of the block add up to.
subtree finish_block(bytes block, const unixfs_data& data, std::uint64_t links_tsize,
                     const block_sink& sink, const profile& p) {
    append_dag_pb_data(block, encode_unixfs_data(data));
    const subtree out{dag_pb_cid(block, p), 0, links_tsize + block.size()};
    sink(out.root, block);
    return out;
}

/// Which slots are used, as a big-endian number without leading zeros.
class slot_bitfield {
  public:
    void set(std::size_t slot) {
        bits_[bits_.size() - 1 - slot / 8] |= static_cast<std::byte>(1u << slot % 8);
    }
    byte_view trimmed() const {
        const auto first =
            std::ranges::find_if(bits_, [](std::byte b) { return b != std::byte{}; });
        return byte_view{bits_}.subspan(static_cast<std::size_t>(first - bits_.begin()));
    }

  private:
    std::array<std::byte, shard_fanout / 8> bits_{};
};

/// `entries` are sorted by hash, so that each slot is one run.
result<subtree> make_shard(entry_range entries, int level, const block_sink& sink,
                           const profile& p) {
    if (level == shard_levels_max)
        return fail(errc::too_deep, "too many file names of one hash in one directory");
    bytes block;
    slot_bitfield used;
    std::uint64_t tsize = 0;
    while (!entries.empty()) {
        const auto slot = slot_of(entries.front().hash, level);
        const auto end = std::ranges::find_if(
            entries, [&](const hashed_entry& e) { return slot_of(e.hash, level) != slot; });
        const auto run = entries.first(static_cast<std::size_t>(end - entries.begin()));
        entries = entries.subspan(run.size());
        used.set(slot);
        auto name = fmt::format("{:02X}", slot);
        subtree child;
        if (run.size() == 1) {
            child = *run.front().entry;
            name += *run.front().name;
        } else {
            auto shard = make_shard(run, level + 1, sink, p);
            if (!shard)
                return shard;
            child = *shard;
        }
        append_dag_pb_link(block, child.root, name, child.tsize);
        tsize += child.tsize;
    }
    return finish_block(std::move(block),
                        {.type = data_type::hamt_shard,
                         .content = used.trimmed(),
                         .hash_type = murmur3_code,
                         .fanout = shard_fanout},
                        tsize, sink, p);
}

}  // namespace

bool is_entry_name(std::string_view name) noexcept {
    return !name.empty() && name != "." && name != ".." &&
           name.find_first_of(std::string_view("/\0", 2)) == std::string_view::npos;
}

directory_builder::directory_builder(block_sink sink, profile p)
    : sink_(std::move(sink)), profile_(p) {}

result<void> directory_builder::add(std::string_view name, const subtree& entry) {
    if (!is_entry_name(name))
        return fail(errc::bad_name, "not a file name: \"" + std::string(name) + "\"");
    if (!entries_.emplace(name, entry).second)
        return fail(errc::duplicate_name, "two entries named \"" + std::string(name) + "\"");
    links_bytes_ += name.size() + entry.root.encoded_size();
    block_bytes_ += dag_pb_link_size(entry.root, name, entry.tsize);
    return {};
}

result<subtree> directory_builder::finish() {
    if (is_sharded()) {
        std::vector<hashed_entry> hashed;
        hashed.reserve(entries_.size());
        for (const auto& [name, entry] : entries_)
            hashed.push_back({murmur3_x64_64(as_bytes(name)), &name, &entry});
        std::ranges::sort(hashed, {}, &hashed_entry::hash);
        return make_shard(hashed, 0, sink_, profile_);
    }
    bytes block;
    block.reserve(block_bytes_);
    std::uint64_t tsize = 0;
    for (const auto& [name, entry] : entries_) {
        append_dag_pb_link(block, entry.root, name, entry.tsize);
        tsize += entry.tsize;
    }
    return finish_block(std::move(block), {.type = data_type::directory}, tsize, sink_, profile_);
}

bool directory_builder::is_sharded() const {
    if (profile_.estimation == size_estimation::links)
        return links_bytes_ > profile_.shard_threshold_bytes;
    bytes rest;
    append_dag_pb_data(rest, encode_unixfs_data({.type = data_type::directory}));
    return block_bytes_ + rest.size() > profile_.shard_threshold_bytes;
}

subtree make_symlink(std::string_view target, const block_sink& sink, const profile& p) {
    return finish_block({}, {.type = data_type::symlink, .content = as_bytes(target)}, 0, sink, p);
}

}  // namespace dm::unixfs
