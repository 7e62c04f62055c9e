#include "content/tree/driver.hpp"

#include <gtest/gtest.h>

#include "aio/run_for_test.hpp"
#include "content/bitswap/driver_memory_blockstore.hpp"
#include "content/bitswap/for_test.hpp"
#include "content/unixfs/directory_builder.hpp"
#include "content/unixfs/file_builder.hpp"
#include "libp2p/host/memory_host.hpp"

using namespace dm;
using bitswap::peer;

namespace {

bytes pattern(std::size_t size) {
    bytes out(size);
    for (std::size_t i = 0; i < size; ++i)
        out[i] = static_cast<std::byte>(i * 31 + (i >> 8) * 7 + (i >> 16) * 13);
    return out;
}

/// One node has the blocks, the other reads them.
struct pair {
    explicit pair(executor ex)
        : a(ex, network, peer(1)),
          b(ex, network, peer(2)),
          there(ex, workers, a, store),
          here(ex, workers, b, empty) {
        there.start();
        here.start();
    }
    awaitable<void> connect() { co_await a.connect(b.self(), b.addresses()); }
    awaitable<void> stop() {
        co_await there.stop();
        co_await here.stop();
        co_await a.stop();
        co_await b.stop();
    }

    unixfs::block_sink sink() {
        return [this](const multiformats::cid& id, byte_view block) { store.put(id, block); };
    }
    unixfs::subtree add_file(byte_view content, const unixfs::profile& p = unixfs::kubo_cid_v1) {
        unixfs::file_builder builder(sink(), p);
        while (!content.empty()) {
            const auto chunk = content.first(std::min(content.size(), p.chunk_bytes));
            content = content.subspan(chunk.size());
            const auto leaf = unixfs::make_leaf(chunk, p);
            store.put(leaf.node.root, leaf.block ? byte_view(*leaf.block) : chunk);
            builder.add_leaf(leaf.node);
        }
        return builder.finish();
    }

    aio::pool workers{1};
    host::memory_network network;
    host::memory_host a;
    host::memory_host b;
    bitswap::memory_blockstore store;
    bitswap::memory_blockstore empty;
    bitswap::exchange there;
    bitswap::exchange here;
};

template <class Body>
void with_pair(Body body) {
    aio::run_coroutine([&](executor ex) -> awaitable<void> {
        pair p(ex);
        co_await p.connect();
        co_await body(p);
        co_await p.stop();
    });
}

awaitable<std::error_code> code_of(awaitable<void> op) {
    try {
        co_await std::move(op);
    } catch (const failure& e) {
        co_return e.code();
    }
    co_return std::error_code{};
}

awaitable<void> read_some(tree::reader& from, multiformats::cid file, std::size_t max) {
    co_await from.read_all(file, max);
}

}  // namespace

TEST(tree_reader, reads_files_of_any_shape) {
    with_pair([](pair& p) -> awaitable<void> {
        const auto content = pattern(3'000'000);
        for (const auto& profile :
             {unixfs::kubo_cid_v1, unixfs::unixfs_v0_2015, unixfs::unixfs_v1_2025}) {
            tree::reader from(p.here);
            EXPECT_EQ(co_await from.read_all(p.add_file(content, profile).root, 3'000'000),
                      content);
        }
        tree::reader from(p.here);
        EXPECT_TRUE((co_await from.read_all(p.add_file({}).root, 0)).empty());
    });
}

TEST(tree_reader, reads_from_an_offset_and_no_more_than_it_may) {
    with_pair([](pair& p) -> awaitable<void> {
        const auto content = pattern(1'000'000);
        const auto root = p.add_file(content).root;
        tree::reader from(p.here);
        bytes tail;
        const auto take = [&](byte_view piece) -> awaitable<void> {
            append(tail, piece);
            co_return;
        };
        EXPECT_EQ(co_await from.read(root, 900'000, take), 1'000'000u);
        EXPECT_EQ(tail, bytes(content.begin() + 900'000, content.end()));
        EXPECT_LT(from.blocks().received_bytes(), 400'000u) << "only what is needed";
        EXPECT_EQ(co_await code_of(read_some(from, root, 999'999)), unixfs::errc::too_large);
    });
}

TEST(tree_reader, finds_paths_lists_and_walks) {
    with_pair([](pair& p) -> awaitable<void> {
        const auto file = p.add_file(pattern(600'000));
        unixfs::directory_builder inner(p.sink());
        EXPECT_TRUE(inner.add("file", file));
        EXPECT_TRUE(inner.add("again", file));
        const auto folder = *inner.finish();
        unixfs::directory_builder outer(p.sink());
        EXPECT_TRUE(outer.add("folder", folder));
        const auto root = outer.finish()->root;

        tree::reader from(p.here);
        EXPECT_EQ(co_await from.resolve(root, "folder/file"), file.root);
        EXPECT_EQ((co_await from.list(folder.root, 2)).size(), 2u);
        const auto list = [&]() -> awaitable<void> { co_await from.list(folder.root, 1); };
        EXPECT_EQ(co_await code_of(list()), unixfs::errc::too_large);
        EXPECT_EQ((co_await from.look(root)).node.kind, unixfs::node_kind::directory);

        std::vector<multiformats::cid> seen;
        const auto all = [&](const multiformats::cid& id, byte_view) -> awaitable<bool> {
            seen.push_back(id);
            co_return true;
        };
        co_await from.walk(root, all);
        EXPECT_EQ(seen.size(), 2u + 1 + 3) << "each block once";
        EXPECT_EQ(seen[0], root);
        seen.clear();
        const auto top = [&](const multiformats::cid& id, byte_view) -> awaitable<bool> {
            seen.push_back(id);
            co_return false;
        };
        co_await from.walk(root, top);
        EXPECT_EQ(seen, std::vector{root});
    });
}

TEST(tree_reader, says_what_nobody_has) {
    with_pair([](pair& p) -> awaitable<void> {
        const auto content = pattern(600'000);
        const auto root = p.add_file(content).root;
        p.store.erase(multiformats::cid::of(multiformats::codec::raw,
                                            byte_view(content).subspan(262'144, 262'144)));
        tree::reader from(p.here);
        EXPECT_EQ(co_await code_of(read_some(from, root, 600'000)), bitswap::errc::not_found);
    });
}
