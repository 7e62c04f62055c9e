#include "content/unixfs/walk.hpp"

#include <algorithm>
#include <bit>
#include <cassert>

#include "content/unixfs/directory_builder.hpp"
#include "content/unixfs/murmur3.hpp"

namespace dm::unixfs {
namespace {

constexpr std::size_t hash_bits = 64;

std::size_t bits_per_level(std::size_t fanout) {
    return static_cast<std::size_t>(std::countr_zero(fanout));
}

/// `count` bits of the hash after the first `used`.
std::size_t hash_slice(std::uint64_t hash, std::size_t used, std::size_t count) {
    return static_cast<std::size_t>((hash << used) >> (hash_bits - count));
}

std::unexpected<error> not_found(std::string_view name) {
    return fail(errc::not_found, "no entry named \"" + std::string(name) + "\"");
}

}  // namespace

path_walk::path_walk(cid root, std::vector<std::string> names)
    : node_(std::move(root)), names_(std::move(names)) {}

result<path_walk> path_walk::start(cid root, std::string_view path) {
    std::vector<std::string> names;
    while (!path.empty()) {
        const auto name = path.substr(0, path.find('/'));
        path.remove_prefix(std::min(name.size() + 1, path.size()));
        if (name.empty())
            continue;
        if (!is_entry_name(name))
            return fail(errc::bad_name, "not a file name: \"" + std::string(name) + "\"");
        if (names.size() == path_names_max)
            return fail(errc::too_large, "path of more than 256 names");
        names.emplace_back(name);
    }
    return path_walk(std::move(root), std::move(names));
}

result<void> path_walk::feed(byte_view block) {
    assert(wanted());
    const auto here = parse_node(node_, block);
    if (!here)
        return std::unexpected(here.error());
    if (hash_bits_ > 0 && here->kind != node_kind::shard)
        return fail(errc::malformed_node, "part of a sharded directory is no shard");
    return descend(*here);
}

result<void> path_walk::descend(const node& here) {
    const auto& name = names_[at_];
    const node_link* link = nullptr;
    switch (here.kind) {
        case node_kind::file:
            return fail(errc::not_a_directory, "\"" + name + "\" is looked for in a file");
        case node_kind::symlink:
            return fail(errc::is_symlink);
        case node_kind::directory: {
            const auto found = std::ranges::find(here.links, name, &node_link::name);
            link = found == here.links.end() ? nullptr : &*found;
            break;
        }
        case node_kind::shard:
            if (hash_bits_ + bits_per_level(here.fanout) > hash_bits)
                return fail(errc::too_deep);
            link = find_in_shard(here);
            break;
    }
    if (!link)
        return not_found(name);
    if (link->name.empty()) {
        hash_bits_ += bits_per_level(here.fanout);
    } else {
        hash_bits_ = 0;
        ++at_;
    }
    node_ = link->target;
    return {};
}

/// The sub-shard or the entry that the current name leads to.
const node_link* path_walk::find_in_shard(const node& here) {
    const auto& name = names_[at_];
    const auto slot =
        hash_slice(murmur3_x64_64(as_bytes(name)), hash_bits_, bits_per_level(here.fanout));
    const auto found = std::ranges::lower_bound(here.links, slot, {}, &node_link::slot);
    if (found == here.links.end() || found->slot != slot)
        return nullptr;
    return found->name.empty() || found->name == name ? &*found : nullptr;
}

file_walk::file_walk(cid root, file_walk_options options) : options_(options) {
    stack_.push_back({std::move(root), 0, std::nullopt, 0});
}

std::vector<cid> file_walk::upcoming(std::size_t count) const {
    std::vector<cid> out;
    for (auto at = stack_.rbegin(); at != stack_.rend() && out.size() < count; ++at)
        out.push_back(at->target);
    return out;
}

result<byte_view> file_walk::feed(byte_view block) {
    assert(wanted());
    const auto at = std::move(stack_.back());
    stack_.pop_back();
    const auto here = parse_node(at.target, block);
    if (!here)
        return std::unexpected(here.error());
    if (const auto ok = check(at, *here); !ok)
        return std::unexpected(ok.error());
    if (const auto ok = push_children(at, *here); !ok)
        return std::unexpected(ok.error());
    return clip(at, here->content);
}

result<void> file_walk::check(const pending& at, const node& here) {
    if (here.kind != node_kind::file)
        return fail(at.size ? errc::malformed_node : errc::not_a_file);
    if (at.size && *at.size != here.size)
        return fail(errc::size_mismatch);
    if (file_size_)
        return {};
    if (here.size > options_.file_bytes_max)
        return fail(errc::too_large, "file of " + std::to_string(here.size) + " bytes");
    file_size_ = here.size;
    const auto start = std::min(options_.offset, here.size);
    end_ = start + std::min(options_.length.value_or(here.size), here.size - start);
    return {};
}

result<void> file_walk::push_children(const pending& at, const node& here) {
    if (!here.links.empty() && at.depth + 1 == tree_depth_max)
        return fail(errc::too_deep);
    std::vector<pending> children;
    auto offset = at.offset + here.content.size();
    for (const auto& link : here.links) {
        // A child without bytes of the range is not read: that also bounds what a tree of empty
        // nodes can cost.
        if (is_in_range(offset, link.size))
            children.push_back({link.target, offset, link.size, at.depth + 1});
        offset += link.size;
    }
    if (stack_.size() + children.size() > walk_pending_max)
        return fail(errc::too_large, "file with too many blocks at once");
    std::ranges::move(children.rbegin(), children.rend(), std::back_inserter(stack_));
    return {};
}

byte_view file_walk::clip(const pending& at, byte_view content) const {
    if (!is_in_range(at.offset, content.size()))
        return {};
    const auto skip = options_.offset > at.offset ? options_.offset - at.offset : 0;
    const auto stop = std::min<std::uint64_t>(content.size(), end_ - at.offset);
    return content.subspan(static_cast<std::size_t>(skip), static_cast<std::size_t>(stop - skip));
}

bool file_walk::is_in_range(std::uint64_t offset, std::uint64_t size) const {
    return size > 0 && offset < end_ && offset + size > options_.offset;
}

directory_walk::directory_walk(cid root) {
    stack_.push_back({std::move(root), 0, 0});
}

result<std::vector<node_link>> directory_walk::feed(byte_view block) {
    assert(wanted());
    const auto at = std::move(stack_.back());
    stack_.pop_back();
    auto here = parse_node(at.target, block);
    if (!here)
        return std::unexpected(std::move(here.error()));
    if (!here->is_directory())
        return fail(at.depth == 0 ? errc::not_a_directory : errc::malformed_node);
    if (here->kind == node_kind::shard)
        return take_shard(at, *here);
    if (at.depth > 0)
        return fail(errc::malformed_node, "part of a sharded directory is no shard");
    return std::move(here->links);
}

result<std::vector<node_link>> directory_walk::take_shard(const pending& at, node& here) {
    if (at.depth == 0)
        fanout_ = here.fanout;
    // An empty part, or names in the wrong place, could be repeated without end: no writer makes
    // them.
    if (here.fanout != fanout_ || (at.depth > 0 && here.links.empty()))
        return fail(errc::malformed_node);
    const auto bits = bits_per_level(fanout_);
    const auto used = (at.depth + 1) * bits;
    if (used > hash_bits)
        return fail(errc::too_deep);
    std::vector<node_link> entries;
    std::vector<pending> parts;
    for (auto& link : here.links) {
        const auto prefix = (at.prefix << bits) | link.slot;
        if (link.name.empty()) {
            parts.push_back({std::move(link.target), at.depth + 1, prefix});
            continue;
        }
        if (hash_slice(murmur3_x64_64(as_bytes(link.name)), 0, used) != prefix)
            return fail(errc::malformed_node, "directory entry in the wrong shard");
        entries.push_back(std::move(link));
    }
    std::ranges::move(parts.rbegin(), parts.rend(), std::back_inserter(stack_));
    return entries;
}

}  // namespace dm::unixfs
