#include <gtest/gtest.h>

#include <fstream>

#include "aio/run_for_test.hpp"
#include "base/log.hpp"
#include "base/rng.hpp"
#include "base/temp_dir.hpp"
#include "content/store/content_store.hpp"

using namespace dm;
using crypto::digest;
using crypto::hash_algorithm;

namespace {

bytes random_bytes(std::size_t n, std::uint64_t seed) {
    rng r(seed);
    bytes out(n);
    for (auto& b : out)
        b = static_cast<std::byte>(r());
    return out;
}

digest digest_of(byte_view data, hash_algorithm a = hash_algorithm::sha256) {
    return crypto::hash_of(a, data);
}

/// Hands in data[from, to) in pieces of odd sizes.
awaitable<void> feed(store::arrival& a, byte_view data, std::size_t to) {
    while (a.received() < to) {
        const auto at = a.received();
        const auto n = std::min<std::size_t>(to - at, 70'001);
        if (!a.write(data.subspan(at, n)))
            co_await a.ready();
    }
}

template <class Body>
void with_store(const std::filesystem::path& folder, store::options o, Body body) {
    aio::pool workers(2);
    aio::run_coroutine([&](executor ex) -> awaitable<void> {
        store::content_store s(ex, workers, folder, o);
        std::exception_ptr failed;
        try {
            co_await body(s);
        } catch (...) {
            failed = std::current_exception();
        }
        co_await s.stop();
        if (failed)
            std::rethrow_exception(failed);
    });
}

std::string read_file(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

template <class F>
awaitable<std::error_code> code_of(F f) {
    try {
        co_await f();
    } catch (const failure& e) {
        co_return e.code();
    }
    co_return std::error_code{};
}

}  // namespace

TEST(content_store, keeps_blobs_of_both_algorithms_in_an_oci_layout) {
    temp_dir dir;
    for (const auto algorithm : {hash_algorithm::sha256, hash_algorithm::sha512})
        for (const std::size_t size : {0u, 1u, 262143u, 262144u, 262145u, 3'000'000u}) {
            const auto data = random_bytes(size, size);
            const auto d = digest_of(data, algorithm);
            with_store(dir / "s", {}, [&](store::content_store& s) -> awaitable<void> {
                const auto info = co_await s.put(d, data);
                EXPECT_EQ(info.size, size);
                EXPECT_EQ(co_await s.read(d, size), data);
            });
            EXPECT_EQ(read_file(dir / "s" / "blobs" / crypto::name_of(algorithm) / d.hex()),
                      as_chars(data));
        }
    EXPECT_EQ(read_file(dir / "s" / "oci-layout"), R"({"imageLayoutVersion":"1.0.0"})");
}

TEST(content_store, finds_every_block_of_a_blob) {
    temp_dir dir;
    const auto data = random_bytes(600'000, 1);
    with_store(dir / "s", {}, [&](store::content_store& s) -> awaitable<void> {
        const auto info = co_await s.put(digest_of(data), data);
        for (std::size_t at = 0; at < data.size(); at += store::leaf_bytes) {
            const auto leaf = byte_view(data).subspan(
                at, std::min<std::size_t>(store::leaf_bytes, data.size() - at));
            const auto found =
                co_await s.block(multiformats::cid::of(multiformats::codec::raw, leaf));
            EXPECT_EQ(found, to_bytes(leaf));
        }
        EXPECT_EQ((co_await s.find_root(info.root))->digest, info.digest);
        const auto root = co_await s.block(info.root);
        if (!root)
            throw std::runtime_error("the root node is not in the store");
        EXPECT_EQ(multiformats::cid::of(multiformats::codec::dag_pb, *root), info.root);
    });
}

TEST(content_store, refuses_wrong_content_and_keeps_none_of_it) {
    temp_dir dir;
    auto data = random_bytes(700'000, 2);
    const auto d = digest_of(data);
    data[650'000] ^= std::byte{1};
    with_store(dir / "s", {}, [&](store::content_store& s) -> awaitable<void> {
        EXPECT_EQ(co_await code_of([&] { return s.put(d, data); }), store::errc::wrong_digest);
        EXPECT_FALSE(co_await s.find(d));
        const auto stat = co_await s.stat();
        EXPECT_EQ(stat.blobs, 0u);
        EXPECT_EQ(stat.partial_blobs, 0u);
    });
}

TEST(content_store, refuses_more_bytes_than_announced) {
    temp_dir dir;
    const auto data = random_bytes(10, 3);
    with_store(dir / "s", {}, [&](store::content_store& s) -> awaitable<void> {
        auto lease = *co_await s.receive(digest_of(data), 9);
        EXPECT_FALSE(lease->write(data));
        EXPECT_EQ(co_await code_of([&] { return s.finish(lease); }), store::errc::wrong_size);
    });
}

TEST(content_store, takes_up_a_partial_blob_where_it_stopped) {
    temp_dir dir;
    const auto data = random_bytes(2'000'000, 4);
    const auto d = digest_of(data);
    with_store(dir / "s", {}, [&](store::content_store& s) -> awaitable<void> {
        auto lease = *co_await s.receive(d, data.size());
        co_await feed(*lease, data, 1'500'000);
        co_await lease->settle();
    });
    with_store(dir / "s", {}, [&](store::content_store& s) -> awaitable<void> {
        auto lease = *co_await s.receive(d, data.size());
        EXPECT_EQ(lease->received(), 5u * store::leaf_bytes);
        co_await feed(*lease, data, data.size());
        co_await s.finish(lease);
        EXPECT_EQ(co_await s.read(d, data.size()), data);
    });
}

TEST(content_store, forgets_leaves_of_a_partial_blob_that_the_disk_lost) {
    temp_dir dir;
    const auto data = random_bytes(2'000'000, 5);
    const auto d = digest_of(data);
    with_store(dir / "s", {}, [&](store::content_store& s) -> awaitable<void> {
        auto lease = *co_await s.receive(d, data.size());
        co_await feed(*lease, data, 1'500'000);
        co_await lease->settle();
    });
    {
        std::fstream file(dir / "s" / "partial" / store::partial_file::name_of(d),
                          std::ios::in | std::ios::out | std::ios::binary);
        file.seekp(2 * store::leaf_bytes + 17);
        file.put('\0').put('\0').put('\0');
    }
    with_store(dir / "s", {}, [&](store::content_store& s) -> awaitable<void> {
        auto lease = *co_await s.receive(d, data.size());
        EXPECT_EQ(lease->received(), 2u * store::leaf_bytes);
        co_await feed(*lease, data, data.size());
        co_await s.finish(lease);
    });
}

TEST(content_store, lets_readers_follow_an_arrival) {
    temp_dir dir;
    const auto data = random_bytes(1'000'000, 6);
    const auto d = digest_of(data);
    with_store(dir / "s", {}, [&](store::content_store& s) -> awaitable<void> {
        aio::task_group group(co_await asio::this_coro::executor);
        bytes seen;
        {
            auto writer = *co_await s.receive(d, data.size());
            EXPECT_FALSE(co_await s.receive(d, data.size()));
            group.spawn("reader",
                        [](store::content_store& from, digest what, bytes& out) -> awaitable<void> {
                            auto lease = *from.arriving(what);
                            while (!lease->complete()) {
                                bytes part(lease->available() - out.size());
                                const auto n = ::pread(lease->file(), part.data(), part.size(),
                                                       static_cast<off_t>(out.size()));
                                part.resize(static_cast<std::size_t>(n));
                                append(out, part);
                                co_await lease->changed();
                            }
                        }(s, d, seen));
            co_await feed(*writer, data, data.size());
            co_await s.finish(writer);
        }
        co_await group.join();
        EXPECT_EQ(seen, data);
        EXPECT_FALSE(s.arriving(d));
    });
}

TEST(content_store, tells_readers_when_the_writer_gives_up) {
    temp_dir dir;
    const auto data = random_bytes(1'000'000, 7);
    const auto d = digest_of(data);
    with_store(dir / "s", {}, [&](store::content_store& s) -> awaitable<void> {
        auto writer = std::make_unique<store::arrival_lease>(*co_await s.receive(d, data.size()));
        auto reader = *s.arriving(d);
        co_await feed(**writer, data, 500'000);
        writer.reset();
        EXPECT_TRUE(reader->failed());
        auto again = *co_await s.receive(d, data.size());
        EXPECT_EQ(again->received(), store::leaf_bytes);
    });
}

TEST(content_store, evicts_what_is_not_pinned_least_recently_used_first) {
    temp_dir dir;
    with_store(dir / "s", {.size_max = 2'500'000}, [&](store::content_store& s) -> awaitable<void> {
        std::vector<digest> d;
        for (std::uint64_t i = 0; i < 2; ++i) {
            const auto data = random_bytes(1'000'000, 100 + i);
            d.push_back(digest_of(data));
            co_await s.put(d.back(), data);
        }
        co_await s.pin("keep", {d[0]}, {});
        const auto third = random_bytes(1'000'000, 102);
        co_await s.put(digest_of(third), third);
        EXPECT_TRUE(co_await s.find(d[0]));
        EXPECT_FALSE(co_await s.find(d[1]));

        co_await s.pin("keep too", {digest_of(third)}, {});
        const auto fourth = random_bytes(1'000'000, 103);
        std::string text;
        try {
            co_await s.put(digest_of(fourth), fourth);
        } catch (const failure& e) {
            EXPECT_EQ(e.code(), store::errc::no_space);
            text = e.what();
        }
        EXPECT_NE(text.find("488 KiB more"), std::string::npos) << text;

        EXPECT_TRUE(co_await s.unpin("keep"));
        EXPECT_FALSE(co_await s.unpin("keep"));
        co_await s.put(digest_of(fourth), fourth);
        EXPECT_FALSE(co_await s.find(d[0]));
        EXPECT_EQ(co_await s.collect_garbage(), 1'000'000u);
        EXPECT_EQ((co_await s.stat()).blobs, 1u);
    });
}

TEST(content_store, an_arrival_counts_with_all_its_bytes_against_the_limit) {
    temp_dir dir;
    with_store(dir / "s", {.size_max = 1'000'000}, [&](store::content_store& s) -> awaitable<void> {
        const auto first = random_bytes(800'000, 31);
        const auto second = random_bytes(800'000, 32);
        auto lease = std::make_unique<store::arrival_lease>(
            *co_await s.receive(digest_of(first), first.size()));
        co_await feed(**lease, first, 790'000);
        EXPECT_EQ(co_await code_of([&] { return s.put(digest_of(second), second); }),
                  store::errc::no_space);
        co_await (*lease)->settle();
        lease.reset();
        co_await s.pin("goes on later", {digest_of(first)}, {});
        EXPECT_EQ(co_await code_of([&] { return s.put(digest_of(second), second); }),
                  store::errc::no_space);
        co_await s.unpin("goes on later");
        co_await s.put(digest_of(second), second);
        EXPECT_EQ((co_await s.stat()).partial_blobs, 0u) << "what nobody wants makes way";
    });
}

TEST(content_store, arrivals_that_begin_at_once_stay_under_the_limit_together) {
    temp_dir dir;
    with_store(dir / "s", {.size_max = 1'000'000}, [&](store::content_store& s) -> awaitable<void> {
        for (std::uint64_t i = 0; i < 9; ++i) {
            const auto data = random_bytes(100'000, 40 + i);
            co_await s.put(digest_of(data), data);
        }
        aio::task_group group(co_await asio::this_coro::executor);
        int kept = 0;
        int refused = 0;
        const auto bring = [&](std::uint64_t seed) -> awaitable<void> {
            const auto data = random_bytes(300'000, seed);
            const auto d = digest_of(data);
            co_await s.pin(d.to_string(), {d}, {});
            try {
                co_await s.put(d, data);
                ++kept;
            } catch (const failure& e) {
                EXPECT_EQ(e.code(), store::errc::no_space);
                ++refused;
            }
        };
        for (std::uint64_t i = 0; i < 5; ++i)
            group.spawn("bring", bring(60 + i));
        co_await group.join();
        EXPECT_EQ(kept, 3);
        EXPECT_EQ(refused, 2);
        EXPECT_LE((co_await s.stat()).blob_bytes, 1'000'000u);
    });
}

TEST(content_store, verify_drops_the_damaged_blob_and_says_where) {
    temp_dir dir;
    const auto good = random_bytes(500'000, 8);
    const auto bad = random_bytes(500'000, 9);
    with_store(dir / "s", {}, [&](store::content_store& s) -> awaitable<void> {
        co_await s.put(digest_of(good), good);
        co_await s.put(digest_of(bad), bad);
        {
            std::fstream file(dir / "s" / "blobs" / "sha256" / digest_of(bad).hex(),
                              std::ios::in | std::ios::out | std::ios::binary);
            file.seekp(300'000);
            file.put(static_cast<char>(~to_u8(bad[300'000])));
        }
        const auto found = co_await s.verify({});
        EXPECT_EQ(found.size(), 1u);
        EXPECT_EQ(found.at(0).digest, digest_of(bad));
        EXPECT_EQ(found.at(0).what, "bytes 262144-499999 are not what they were");
        EXPECT_FALSE(co_await s.find(digest_of(bad)));
        EXPECT_TRUE(co_await s.find(digest_of(good)));
    });
}

TEST(content_store, takes_blobs_into_the_index_that_a_crash_left_out) {
    temp_dir dir;
    const auto data = random_bytes(500'000, 10);
    const auto other = random_bytes(10, 11);
    with_store(dir / "s", {}, [&](store::content_store& s) -> awaitable<void> {
        co_await s.put(digest_of(data), data);
    });
    std::filesystem::remove(dir / "s" / "store.db");
    std::filesystem::remove(dir / "s" / "store.db-wal");
    std::ofstream(dir / "s" / "blobs" / "sha256" / digest_of(other).hex()) << "not that";
    with_store(dir / "s", {}, [&](store::content_store& s) -> awaitable<void> {
        EXPECT_EQ(co_await s.read(digest_of(data), data.size()), data);
        EXPECT_FALSE(co_await s.find(digest_of(other)));
    });
    EXPECT_FALSE(std::filesystem::exists(dir / "s" / "blobs" / "sha256" / digest_of(other).hex()));
}

TEST(content_store, heals_files_of_the_layout_that_a_power_cut_left_empty) {
    temp_dir dir;
    std::filesystem::create_directories(dir / "s");
    for (const char* name : {"oci-layout", "index.json"})
        std::ofstream(dir / "s" / name).close();
    with_store(dir / "s", {}, [](store::content_store&) -> awaitable<void> { co_return; });
    EXPECT_EQ(read_file(dir / "s" / "oci-layout"), R"({"imageLayoutVersion":"1.0.0"})");
    EXPECT_EQ(read_file(dir / "s" / "index.json"), R"({"schemaVersion":2,"manifests":[]})");
}

TEST(content_store, is_open_in_one_process_only) {
    temp_dir dir;
    with_store(dir / "s", {}, [&](store::content_store&) -> awaitable<void> {
        std::error_code seen;
        aio::pool workers(1);
        try {
            store::content_store second(co_await asio::this_coro::executor, workers, dir / "s");
        } catch (const failure& e) {
            seen = e.code();
        }
        EXPECT_EQ(seen, store::errc::in_use);
    });
}

byte_view leaf_of(byte_view data, std::uint32_t i) {
    const auto at = std::size_t{i} * store::leaf_bytes;
    return data.subspan(at, std::min<std::size_t>(store::leaf_bytes, data.size() - at));
}

TEST(content_store, takes_leaves_in_any_order) {
    temp_dir dir;
    const auto data = random_bytes(10 * store::leaf_bytes + 77, 21);
    const auto d = digest_of(data);
    with_store(dir.path(), {}, [&](store::content_store& s) -> awaitable<void> {
        auto lease = std::move(*co_await s.receive(d, data.size()));
        for (const std::uint32_t i : {7u, 10u, 0u, 3u, 1u, 2u, 9u, 8u, 4u, 6u, 5u}) {
            EXPECT_FALSE(lease->has(i));
            EXPECT_TRUE(co_await lease->put(i, to_bytes(leaf_of(data, i)),
                                            crypto::sha256(leaf_of(data, i))));
            EXPECT_TRUE(lease->has(i));
            bytes back(leaf_of(data, i).size());
            EXPECT_TRUE(co_await lease->read_leaf(i, back));
            EXPECT_EQ(back, to_bytes(leaf_of(data, i)));
            if (i == 3)
                EXPECT_EQ(lease->available(), store::leaf_bytes);
        }
        EXPECT_EQ((co_await s.finish(lease)).size, data.size());
        EXPECT_EQ(co_await s.read(d, data.size()), data);
    });
}

TEST(content_store, takes_many_leaves_at_once_in_nearly_any_order) {
    temp_dir dir;
    const auto data = random_bytes(60 * store::leaf_bytes + 5, 24);
    for (std::uint64_t seed = 0; seed < 4; ++seed) {
        rng random(seed);
        std::vector<std::uint32_t> order;
        for (std::uint32_t i = 0; i <= 60; ++i)
            order.push_back((i + 20 * static_cast<std::uint32_t>(seed)) % 61);
        if (seed == 3)
            std::ranges::shuffle(order, random);
        with_store(dir / std::to_string(seed), {}, [&](store::content_store& s) -> awaitable<void> {
            auto lease = std::move(*co_await s.receive(digest_of(data), data.size()));
            aio::task_group group(co_await asio::this_coro::executor);
            std::size_t next = 0;
            int right = 0, wrong = 0;
            const auto work = [&]() -> awaitable<void> {
                while (next < order.size()) {
                    const auto i = order[next++];
                    const auto hash = crypto::sha256(leaf_of(data, i));
                    auto bad = to_bytes(leaf_of(data, i));
                    bad[0] ^= std::byte{1};
                    wrong += !co_await lease->put(i, bad, hash);
                    right += co_await lease->put(i, leaf_of(data, i), hash);
                }
            };
            for (int i = 0; i < 12; ++i)
                group.spawn("put", work());
            co_await group.join();
            EXPECT_EQ(right, 61);
            EXPECT_EQ(wrong, 61);
            EXPECT_EQ((co_await s.finish(lease)).size, data.size());
            EXPECT_EQ(co_await s.read(digest_of(data), data.size()), data);
        });
    }
}

TEST(content_store, keeps_nothing_of_a_leaf_that_is_not_what_it_should_be) {
    temp_dir dir;
    const auto data = random_bytes(2 * store::leaf_bytes, 22);
    const auto d = digest_of(data);
    with_store(dir.path(), {}, [&](store::content_store& s) -> awaitable<void> {
        auto lease = std::move(*co_await s.receive(d, data.size()));
        const auto hash = crypto::sha256(leaf_of(data, 1));
        EXPECT_FALSE(co_await lease->put(1, to_bytes(leaf_of(data, 0)), hash));
        EXPECT_FALSE(co_await lease->put(1, to_bytes(leaf_of(data, 1).first(5)), hash));
        EXPECT_FALSE(lease->has(1));
        EXPECT_TRUE(co_await lease->put(1, to_bytes(leaf_of(data, 1)), hash));
        EXPECT_TRUE(co_await lease->put(1, {}, hash)) << "it is here already";
        bool incomplete = false;
        try {
            co_await s.finish(lease);
        } catch (const failure& e) {
            incomplete = e.code() == store::errc::incomplete;
        }
        EXPECT_TRUE(incomplete);
    });
}

TEST(content_store, leaves_out_of_order_survive_a_restart) {
    temp_dir dir;
    const auto data = random_bytes(6 * store::leaf_bytes, 23);
    const auto d = digest_of(data);
    for (int round = 0; round < 2; ++round)
        with_store(dir.path(), {}, [&](store::content_store& s) -> awaitable<void> {
            auto lease = std::move(*co_await s.receive(d, data.size()));
            for (const std::uint32_t i : {5u, 0u, 2u}) {
                EXPECT_EQ(lease->has(i), round == 1);
                EXPECT_TRUE(co_await lease->put(i, to_bytes(leaf_of(data, i)),
                                                crypto::sha256(leaf_of(data, i))));
            }
            if (round == 0)
                co_return;
            for (const std::uint32_t i : {4u, 3u, 1u})
                EXPECT_TRUE(co_await lease->put(i, to_bytes(leaf_of(data, i)),
                                                crypto::sha256(leaf_of(data, i))));
            co_await s.finish(lease);
        });
}

TEST(content_store, tells_of_every_leaf_and_lists_those_of_a_blob) {
    temp_dir dir;
    auto data = random_bytes(3 * store::leaf_bytes + 1, 24);
    std::copy_n(data.begin(), store::leaf_bytes, data.begin() + 2 * store::leaf_bytes);
    const auto d = digest_of(data);
    with_store(dir.path(), {}, [&](store::content_store& s) -> awaitable<void> {
        std::vector<std::uint64_t> told;
        {
            auto lease = std::move(*co_await s.receive(d, data.size()));
            lease->on_leaf([&](std::uint64_t i) { told.push_back(i); });
            co_await feed(*lease, data, data.size());
            co_await s.finish(lease);
        }
        std::ranges::sort(told);
        EXPECT_EQ(told, (std::vector<std::uint64_t>{0, 1, 2, 3}));
        const auto leaves = co_await s.leaves(d);
        EXPECT_EQ(leaves.size(), 4u);
        for (std::uint32_t i = 0; i < 4; ++i)
            EXPECT_EQ(leaves.at(i), crypto::sha256(leaf_of(data, i)));
        EXPECT_TRUE((co_await s.leaves(digest_of(as_bytes("other")))).empty());
    });
}

TEST(content_store, tells_of_each_blob_that_is_complete_and_lists_them_all) {
    const temp_dir folder;
    with_store(folder.path(), {}, [](store::content_store& s) -> awaitable<void> {
        std::vector<digest> told;
        const auto watching =
            s.completed().add([&](const store::blob_info& b) { told.push_back(b.digest); });
        const auto data = random_bytes(300'000, 5);
        co_await s.put(digest_of(data), data);
        co_await s.put(digest_of(data), data);
        EXPECT_EQ(told, std::vector{digest_of(data)});
        const auto all = co_await s.blobs();
        EXPECT_EQ(all.size(), 1u);
        EXPECT_EQ(all.at(0).digest, digest_of(data));
        const auto tail = byte_view(data).subspan(store::leaf_bytes);
        const auto leaf = multiformats::cid::of(multiformats::codec::raw, tail);
        const auto sizes = co_await s.block_sizes({leaf, all.at(0).root, {}});
        EXPECT_EQ(sizes.at(0), tail.size());
        EXPECT_TRUE(sizes.at(1).has_value());
        EXPECT_FALSE(sizes.at(2).has_value());
    });
}

TEST(content_store, a_pin_grows_node_by_node) {
    const temp_dir folder;
    with_store(folder.path(), {}, [](store::content_store& s) -> awaitable<void> {
        const auto one = multiformats::cid::of(multiformats::codec::dag_pb, as_bytes("one"));
        const auto two = multiformats::cid::of(multiformats::codec::raw, as_bytes("two"));
        std::vector<store::dag_node> first{{one, to_bytes("one")}};
        std::vector<store::dag_node> second{{two, to_bytes("two")}, {one, to_bytes("one")}};
        co_await s.pin_also("p", {}, first);
        co_await s.pin_also("p", {}, second);
        EXPECT_EQ(co_await s.block(one), to_bytes("one"));
        EXPECT_EQ(co_await s.block(two), to_bytes("two"));
        EXPECT_TRUE(co_await s.unpin("p"));
        EXPECT_FALSE(co_await s.block(two));
    });
}

TEST(content_store, a_pin_takes_over_what_another_keeps) {
    const temp_dir folder;
    with_store(folder.path(), {}, [](store::content_store& s) -> awaitable<void> {
        const auto node = multiformats::cid::of(multiformats::codec::dag_pb, as_bytes("node"));
        const auto one = digest_of(as_bytes("one"));
        const auto two = digest_of(as_bytes("two"));
        std::vector<store::dag_node> nodes{{node, to_bytes("node")}};
        co_await s.pin("image", {one}, nodes);
        co_await s.pin("arriving", {one, two}, nodes);
        co_await s.move_pin("arriving", "image");
        co_await s.move_pin("arriving", "image");
        const auto pins = co_await s.pins("");
        EXPECT_EQ(pins.size(), 1u);
        EXPECT_EQ(pins.at(0).name, "image");
        EXPECT_EQ(pins.at(0).blobs.size(), 2u);
        EXPECT_EQ(co_await s.block(node), to_bytes("node"));
    });
}

namespace {

awaitable<std::unique_ptr<store::upload>> uploaded(store::content_store& s, byte_view data,
                                                   std::size_t piece) {
    auto u = s.begin_upload();
    for (std::size_t at = 0; at < data.size(); at += piece) {
        const auto part = data.subspan(at, std::min(piece, data.size() - at));
        co_await s.make_room(*u, part.size());
        co_await u->write(part);
        if (at / piece % 3 == 1)
            co_await u->pause();
    }
    co_return u;
}

std::size_t files_in(const std::filesystem::path& folder) {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(folder), {}));
}

}  // namespace

TEST(upload, becomes_the_same_blob_as_an_arrival_of_known_digest) {
    const temp_dir one;
    const temp_dir other;
    for (const auto size : {0uz, 1uz, 262'143uz, 262'144uz, 262'145uz, 1'048'576uz, 3'000'001uz}) {
        const auto data = random_bytes(size, size + 1);
        std::optional<store::blob_info> expected;
        with_store(one / "store", {}, [&](store::content_store& s) -> awaitable<void> {
            expected = co_await s.put(digest_of(data), data);
        });
        with_store(other / "store", {}, [&](store::content_store& s) -> awaitable<void> {
            auto u = co_await uploaded(s, data, 70'001);
            EXPECT_EQ(u->received(), size);
            EXPECT_EQ(co_await s.finish(*u, digest_of(data)), *expected) << size;
            s.discard(std::move(u));
            EXPECT_EQ(co_await s.read(digest_of(data), size), data);
            EXPECT_EQ(files_in(other / "store" / "uploads"), 0u);
            EXPECT_TRUE((co_await s.verify({})).empty());
        });
    }
}

TEST(upload, is_checked_against_sha512_too) {
    const temp_dir dir;
    with_store(dir / "store", {}, [&](store::content_store& s) -> awaitable<void> {
        const auto data = random_bytes(600'000, 1);
        auto u = co_await uploaded(s, data, 100'000);
        const auto d = digest_of(data, hash_algorithm::sha512);
        EXPECT_EQ((co_await s.finish(*u, d)).size, data.size());
        s.discard(std::move(u));
        EXPECT_EQ(co_await s.read(d, data.size()), data);
    });
}

TEST(upload, that_does_not_match_its_digest_leaves_nothing) {
    const temp_dir dir;
    with_store(dir / "store", {}, [&](store::content_store& s) -> awaitable<void> {
        auto u = co_await uploaded(s, random_bytes(600'000, 1), 100'000);
        std::error_code code;
        try {
            co_await s.finish(*u, digest_of(random_bytes(600'000, 2)));
        } catch (const failure& e) {
            code = e.code();
        }
        EXPECT_EQ(code, store::errc::wrong_digest);
        s.discard(std::move(u));
        EXPECT_EQ(files_in(dir / "store" / "uploads"), 0u);
        EXPECT_TRUE((co_await s.blobs()).empty());
    });
}

TEST(upload, given_up_while_the_disk_works_leaves_nothing) {
    const temp_dir dir;
    with_store(dir / "store", {}, [&](store::content_store& s) -> awaitable<void> {
        auto u = s.begin_upload();
        co_await u->write(random_bytes(3 * store::upload_block_bytes, 1));
        EXPECT_FALSE(u->idle());
        s.discard(std::move(u));
        co_return;
    });
    EXPECT_EQ(files_in(dir / "store" / "uploads"), 0u);
}

TEST(upload, of_another_process_is_gone_after_a_restart) {
    const temp_dir dir;
    std::filesystem::create_directories(dir / "store" / "uploads");
    std::ofstream(dir / "store" / "uploads" / "7") << "left behind";
    with_store(dir / "store", {}, [](store::content_store&) -> awaitable<void> { co_return; });
    EXPECT_EQ(files_in(dir / "store" / "uploads"), 0u);
}

TEST(upload, counts_against_the_limit_of_the_store) {
    const temp_dir dir;
    with_store(dir / "store", {.size_max = 1'000'000},
               [&](store::content_store& s) -> awaitable<void> {
                   auto first = co_await uploaded(s, random_bytes(700'000, 1), 100'000);
                   auto second = s.begin_upload();
                   std::error_code code;
                   try {
                       co_await s.make_room(*second, 400'000);
                   } catch (const failure& e) {
                       code = e.code();
                   }
                   EXPECT_EQ(code, store::errc::no_space);
                   s.discard(std::move(first));
                   co_await s.make_room(*second, 400'000);
                   s.discard(std::move(second));
               });
}
