#include "content/tree/driver.hpp"

#include <algorithm>
#include <deque>
#include <unordered_set>

namespace dm::tree {
namespace {

using multiformats::codec;

/// How many blocks to ask for ahead: as large as those were, which may be 2 MiB before one is seen.
class look_ahead {
  public:
    void note_leaf(std::size_t block_bytes) { largest_ = std::max(largest_, block_bytes); }
    std::size_t blocks() const {
        const auto size = largest_ == 0 ? unixfs::block_bytes_max : largest_;
        return std::clamp<std::size_t>(read_ahead_bytes / size, 1, read_ahead_blocks);
    }

  private:
    std::size_t largest_ = 0;
};

/// Where a walk looks for its blocks: what it wants next, then what it will want.
template <class Walk, class Take>
awaitable<void> run_walk(bitswap::fetcher& blocks, Walk& walk, Take take) {
    while (const auto* wanted = walk.wanted()) {
        const cid id = *wanted;
        const auto block = co_await blocks.get(id);
        take(value_or_throw(walk.feed(*block)));
    }
}

}  // namespace

awaitable<reader::entry> reader::look(cid id) {
    entry out{.block = co_await blocks_.get(id), .node = {}};
    out.node = value_or_throw(unixfs::parse_node(id, *out.block));
    co_return out;
}

awaitable<cid> reader::resolve(cid root, std::string path) {
    auto walk = value_or_throw(unixfs::path_walk::start(root, path));
    while (const auto* wanted = walk.wanted()) {
        const cid id = *wanted;
        const auto block = co_await blocks_.get(id);
        value_or_throw(walk.feed(*block));
    }
    co_return walk.target();
}

awaitable<std::vector<unixfs::node_link>> reader::list(cid directory, std::size_t entries_max) {
    std::vector<unixfs::node_link> out;
    unixfs::directory_walk walk(directory);
    co_await run_walk(blocks_, walk, [&](std::vector<unixfs::node_link> links) {
        if (links.size() > entries_max - out.size())
            raise(unixfs::errc::too_large, directory.to_string() + " has more than " +
                                               std::to_string(entries_max) + " entries");
        std::ranges::move(links, std::back_inserter(out));
    });
    co_return out;
}

awaitable<std::uint64_t> reader::read(cid file, std::uint64_t offset, byte_sink into) {
    unixfs::file_walk walk(file, {.offset = offset});
    look_ahead ahead;
    while (const auto* wanted = walk.wanted()) {
        const cid id = *wanted;
        co_await blocks_.get_ahead(walk.upcoming(ahead.blocks()));
        const auto block = co_await blocks_.get(id);
        const auto piece = value_or_throw(walk.feed(*block));
        if (piece.empty())
            continue;
        ahead.note_leaf(piece.size());
        co_await into(piece);
    }
    co_return walk.file_size().value_or(0);
}

awaitable<bytes> reader::read_all(cid file, std::size_t size_max) {
    bytes out;
    // NOLINTNEXTLINE(cppcoreguidelines-avoid-capturing-lambda-coroutines): awaited here
    co_await read(file, 0, [&](byte_view piece) -> awaitable<void> {
        if (piece.size() > size_max - out.size())
            raise(unixfs::errc::too_large,
                  file.to_string() + " has more than " + std::to_string(size_max) + " bytes");
        append(out, piece);
        co_return;
    });
    co_return out;
}

awaitable<void> reader::walk(cid root, block_sink into) {
    std::deque<cid> todo{root};
    std::unordered_set<cid> seen{root};
    look_ahead ahead;
    while (!todo.empty()) {
        // Depth first, so that what waits stays small: the blocks of one file are its last links.
        const auto id = std::move(todo.front());
        todo.pop_front();
        const auto count = std::min(ahead.blocks(), todo.size());
        std::vector<cid> next(todo.begin(), todo.begin() + static_cast<std::ptrdiff_t>(count));
        co_await blocks_.get_ahead(std::move(next));
        const auto block = co_await blocks_.get(id);
        if (id.codec() == codec::raw)
            ahead.note_leaf(block->size());
        if (!co_await into(id, *block) || id.codec() != codec::dag_pb)
            continue;
        const auto node = value_or_throw(unixfs::decode_dag_pb(*block));
        for (auto link = node.links.rbegin(); link != node.links.rend(); ++link)
            if (seen.insert(link->target).second)
                todo.push_front(link->target);
        if (seen.size() > tree_blocks_max)
            raise(unixfs::errc::too_large, root.to_string() + " has too many blocks");
    }
}

}  // namespace dm::tree
