#include "mesh/crdt/replica.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/rng.hpp"
#include "base/temp_dir.hpp"
#include "mesh/crdt/reader.hpp"

using namespace dm;
using namespace dm::crdt;

namespace {

/// A replica in a folder of its own, and the map as it tells of it.
struct site {
    explicit site(replica_limits limits = {})
        : r(dir / "state.db", limits), read(dir / "state.db") {}

    std::vector<block> set(const std::string& key, const std::string& value) {
        return take(*r.write({{key, value}}, {}));
    }
    std::vector<block> erase(const std::string& key) { return take(*r.write({}, {key})); }
    outcome merge(const std::vector<block>& blocks) {
        auto out = r.merge(blocks);
        take(out);
        return out;
    }
    std::vector<block> take(const outcome& out) {
        for (const auto& [key, value] : out.changes) {
            if (value)
                map[key] = *value;
            else
                map.erase(key);
        }
        std::vector<block> written;
        for (const auto& id : out.written)
            written.push_back({id, *read.block(id)});
        return written;
    }
    std::string at(const std::string& key) {
        const auto it = map.find(key);
        return it == map.end() ? "(none)" : it->second;
    }

    temp_dir dir;
    replica r;
    reader read;
    replica::values map;
};

block made(std::vector<cid> links, delta d) {
    auto data = encode_node({.links = std::move(links), .delta = std::move(d)});
    const auto id = cid_of(data);
    return {id, std::move(data)};
}

block setting(std::uint64_t height, const std::string& key, const std::string& value) {
    return made({}, {.elements = {{.key = key, .value = value}}, .priority = height});
}

block burying(std::uint64_t height, const std::string& key, const std::vector<block>& what) {
    delta d{.priority = height};
    for (const auto& b : what)
        d.tombstones.push_back({.key = key, .id = block_id(b.id)});
    return made({}, d);
}

}  // namespace

TEST(crdt_replica, writes_what_go_ds_crdt_writes) {
    site s;
    EXPECT_EQ(s.set("/hello", "world").at(0).id.to_string(),
              "bafybeidsfjpejlb67ieikrewsjvlxd3giucznszgdcb6qhclkyk2hvonta");
    EXPECT_EQ(s.set("/hello", "again").at(0).id.to_string(),
              "bafybeiewckacrvur6mokqo7dha5g3yxn5b546tbg2nq5nhxprveusm6j3y");
    EXPECT_EQ(s.at("/hello"), "again");
    EXPECT_EQ(s.erase("/hello").at(0).data.size(), 185u);
    EXPECT_TRUE(s.map.empty());
    EXPECT_EQ(s.r.heads().size(), 1u);
    EXPECT_EQ(s.r.heads()[0].height, 3u);
    EXPECT_TRUE(s.erase("/hello").empty()) << "nothing to delete: no block";
}

TEST(crdt_replica, keeps_everything_over_a_restart) {
    temp_dir dir;
    std::vector<head> heads;
    {
        replica r(dir / "state.db");
        ASSERT_TRUE(r.write({{"/a", "1"}, {"/b", std::string("\0x", 2)}}, {}));
        ASSERT_TRUE(r.write({{"/c", "3"}}, {"/a"}));
        heads = r.heads();
    }
    replica again(dir / "state.db");
    EXPECT_EQ(again.load(), (replica::values{{"/b", std::string("\0x", 2)}, {"/c", "3"}}));
    EXPECT_EQ(again.heads(), heads);
    EXPECT_EQ(again.blocks(), 2u);
}

TEST(crdt_replica, the_higher_block_wins_then_the_greater_value) {
    const auto low = setting(1, "/k", "zzz");
    const auto high = setting(2, "/k", "aaa");
    const auto tie = setting(2, "/k", "aab");
    std::vector<block> order{low, high, tie};
    std::ranges::sort(order, {}, &block::id);
    do {
        site s;
        for (const auto& b : order)
            s.merge({b});
        EXPECT_EQ(s.at("/k"), "aab");
    } while (std::ranges::next_permutation(order, {}, &block::id).found);
}

TEST(crdt_replica, values_are_compared_as_bytes) {
    site s;
    s.merge({setting(1, "/k", "\x7f"), setting(1, "/k", "\xff"), setting(1, "/k", "\xff\x01")});
    EXPECT_EQ(s.at("/k"), "\xff\x01");
}

TEST(crdt_replica, a_deleted_value_gives_way_to_the_best_that_is_left) {
    site s;
    const auto low = setting(1, "/k", "low");
    const auto high = setting(2, "/k", "high");
    s.merge({low, high});
    s.merge({burying(3, "/k", {high})});
    EXPECT_EQ(s.at("/k"), "low");
    s.merge({burying(3, "/k", {low})});
    EXPECT_EQ(s.at("/k"), "(none)");
    s.merge({setting(1, "/k", "new")});
    EXPECT_EQ(s.at("/k"), "new") << "what was not deleted counts, whatever its height";
}

TEST(crdt_replica, a_deletion_may_come_before_what_it_deletes) {
    site s;
    const auto b = setting(5, "/k", "v");
    s.merge({burying(6, "/k", {b})});
    const auto out = s.merge({b});
    EXPECT_TRUE(out.changes.empty());
    EXPECT_EQ(s.at("/k"), "(none)");
}

TEST(crdt_replica, a_concurrent_put_survives_a_deletion) {
    site a;
    site b;
    const auto base = a.set("/k", "old");
    b.merge(base);
    const auto deleted = a.erase("/k");
    const auto put = b.set("/k", "new");
    a.merge(put);
    b.merge(deleted);
    EXPECT_EQ(a.at("/k"), "new");
    EXPECT_EQ(b.at("/k"), "new");
    EXPECT_EQ(a.r.heads().size(), 2u);
    EXPECT_EQ(a.r.heads(), b.r.heads());
}

TEST(crdt_replica, knows_what_is_missing_and_takes_it_in_any_order) {
    site a;
    std::vector<block> history;
    for (int i = 0; i < 20; ++i)
        history.push_back(a.set("/k" + std::to_string(i % 5), std::to_string(i)).at(0));
    site b;
    b.merge({history.back()});
    EXPECT_EQ(b.at("/k4"), "19") << "the newest counts at once";
    EXPECT_EQ(b.r.missing(10), std::vector{history[18].id});
    EXPECT_EQ(b.r.unknown({history[3].id, history.back().id}), std::vector{history[3].id});
    std::ranges::reverse(history);
    for (const auto& block : history)
        b.merge({block});
    EXPECT_TRUE(b.r.missing(10).empty());
    EXPECT_EQ(b.map, a.map);
    EXPECT_EQ(b.r.heads(), a.r.heads());
    EXPECT_EQ(b.merge(history).merged, 0u);
}

TEST(crdt_replica, leaves_malformed_blocks_out) {
    site s;
    const auto rubbish = to_bytes("rubbish");
    const auto out = s.merge({{cid_of(rubbish), rubbish}, setting(1, "/k", "v")});
    EXPECT_EQ(out.malformed, 1u);
    EXPECT_EQ(out.merged, 1u);
    EXPECT_EQ(s.at("/k"), "v");
    delta odd{.tombstones = {{.key = "/k", .id = "/nonsense"}}, .priority = 1};
    EXPECT_TRUE(s.merge({made({}, odd)}).changes.empty());
}

TEST(crdt_replica, keys_of_others_are_cleaned) {
    site s;
    s.merge({setting(1, "a//b/", "v")});
    EXPECT_EQ(s.at("/a/b"), "v");
}

TEST(crdt_replica, many_changes_become_blocks_of_bounded_size) {
    site s({.delta_bytes = 1'000});
    std::vector<std::pair<std::string, std::string>> many;
    for (int i = 0; i < 100; ++i)
        many.emplace_back("/k" + std::to_string(i), std::string(50, 'v'));
    const auto blocks = s.take(*s.r.write(many, {}));
    EXPECT_GT(blocks.size(), 5u);
    for (const auto& b : blocks)
        EXPECT_LE(b.data.size(), 1'100u);
    EXPECT_EQ(s.map.size(), 100u);
    EXPECT_EQ(s.r.heads().size(), 1u);
    site other;
    other.merge(blocks);
    EXPECT_EQ(other.map, s.map);
    for (int i = 0; i < 50; ++i)
        s.set("/k", std::to_string(i));
    EXPECT_GT(s.erase("/k").size(), 1u) << "a tombstone for each time it was set";
    EXPECT_EQ(s.at("/k"), "(none)");
}

TEST(crdt_replica, links_to_so_many_heads_and_no_more) {
    site s({.links_max = 3});
    for (int i = 0; i < 5; ++i)
        s.merge({setting(static_cast<std::uint64_t>(i + 1), "/k" + std::to_string(i), "v")});
    const auto b = s.set("/x", "y").at(0);
    const auto n = decode_node(b.data);
    EXPECT_EQ(n->links.size(), 3u);
    EXPECT_EQ(n->delta.priority, 6u);
    EXPECT_EQ(s.r.heads().size(), 3u);
}

TEST(crdt_replica, refuses_more_keys_than_its_bound_but_deletes) {
    site s({.keys_max = 3});
    std::vector<block> first;
    for (int i = 0; i < 3; ++i)
        first.push_back(s.set("/k" + std::to_string(i), "v").at(0));
    EXPECT_EQ(s.r.write({{"/more", "v"}}, {}).error().code, make_error_code(errc::full));
    const auto out = s.merge({setting(9, "/flood", "v")});
    EXPECT_TRUE(out.is_full);
    EXPECT_EQ(s.at("/flood"), "(none)");
    EXPECT_EQ(s.erase("/k0").size(), 1u);
    EXPECT_EQ(s.set("/more", "v").size(), 1u);
}

TEST(crdt_replica, refuses_more_bytes_than_its_bounds) {
    site state({.state_bytes_max = 1'000});
    state.set("/a", std::string(1'000, 'v'));
    EXPECT_FALSE(state.r.write({{"/b", "v"}}, {}));
    site history({.history_bytes_max = 1'000});
    while (history.r.history_bytes() < 1'000)
        history.set("/a", std::to_string(history.r.blocks()));
    EXPECT_FALSE(history.r.write({{"/a", "v"}}, {}));
    EXPECT_TRUE(history.r.write({}, {"/a"}));
    while (history.r.history_bytes() < 1'250)
        history.merge(
            {burying(history.r.blocks(), "/a", {setting(history.r.blocks(), "/a", "v")})});
    EXPECT_TRUE(history.merge({burying(99, "/a", {setting(99, "/a", "v")})}).is_full);
}

TEST(crdt_replica, has_room_for_what_is_vouched_for_when_others_have_filled_it) {
    site s({.history_bytes_max = 1'000});
    s.r.reserve_for([](std::string_view key, std::string_view value) {
        return key.starts_with("/signed/") && value == "good";
    });
    while (s.r.history_bytes() < 1'000)
        s.set("/flood", std::to_string(s.r.blocks()));
    EXPECT_FALSE(s.r.write({{"/flood", "v"}}, {}));
    EXPECT_FALSE(s.r.write({{"/signed/a", "bad"}}, {}));
    EXPECT_FALSE(s.r.write({{"/signed/a", "good"}, {"/flood", "v"}}, {}));
    EXPECT_EQ(s.set("/signed/a", "good").size(), 1u);
    EXPECT_FALSE(s.merge({setting(500, "/signed/b", "good")}).is_full);
    EXPECT_TRUE(s.merge({setting(500, "/signed/b", "bad")}).is_full);
    while (s.r.history_bytes() < 1'250)
        EXPECT_FALSE(s.merge({setting(s.r.blocks() + 500, "/signed/b", "good")}).is_full);
    EXPECT_FALSE(s.r.write({{"/signed/a", "good"}}, {})) << "that is bounded, too";
}

TEST(crdt_replica, does_not_ask_again_for_what_it_has_refused) {
    temp_dir dir;
    const auto flood = setting(5, "/flood", "v");
    const auto after =
        made({flood.id}, {.elements = {{.key = "/k0", .value = "w"}}, .priority = 6});
    {
        replica r(dir / "state.db", {.keys_max = 1, .refused_max = 2});
        r.merge({setting(1, "/k0", "v")});
        r.merge({after});
        EXPECT_TRUE(r.missing(9).empty()) << "it was refused itself";
        EXPECT_TRUE(r.merge({flood}).is_full);
        EXPECT_TRUE(r.unknown({flood.id, after.id}).empty());
        for (std::uint64_t i = 0; i < 3; ++i)
            r.merge({setting(7 + i, "/more", "v")});
        EXPECT_EQ(r.unknown({flood.id, after.id}).size(), 2u) << "only so many are remembered";
    }
    replica r(dir / "state.db", {.keys_max = 9});
    EXPECT_EQ(r.missing(9).size(), 2u) << "there may be room after a restart";
}

TEST(crdt_replica, what_comes_after_a_refused_block_is_complete) {
    site s({.keys_max = 1});
    s.set("/k0", "v");
    const auto flood = setting(5, "/flood", "v");
    EXPECT_TRUE(s.merge({flood}).is_full);
    s.merge({burying(6, "/other", {flood})});
    EXPECT_TRUE(s.r.missing(9).empty());
    site t({.keys_max = 1});
    t.set("/k0", "v");
    t.merge({made({flood.id}, {.tombstones = {{.key = "/x", .id = "y"}}, .priority = 6})});
    EXPECT_EQ(t.r.missing(9).size(), 1u);
    EXPECT_TRUE(t.merge({flood}).is_full);
    EXPECT_TRUE(t.r.missing(9).empty()) << "nobody waits for it any more";
}

TEST(crdt_replica, does_not_build_on_a_height_that_somebody_has_made_up) {
    site s;
    s.set("/k", "v");
    s.merge({setting(height_max, "/flood", "v")});
    const auto b = s.set("/k", "w").at(0);
    EXPECT_EQ(decode_node(b.data)->delta.priority, 2u);
    EXPECT_EQ(s.at("/k"), "w");
    EXPECT_EQ(s.r.heads().size(), 2u);
}

TEST(crdt_replica, tells_of_all_that_is_written_also_where_it_does_not_count) {
    site s;
    s.set("/dm1/k", "winner");
    s.set("/dm1/k", "winner again");
    auto out = s.merge({setting(1, "/dm1/k", "loser")});
    ASSERT_EQ(out.elements.size(), 1u);
    EXPECT_EQ(out.elements[0].second, "loser");
    s.erase("/dm1/k");
    for (int i = 0; i < 20; ++i)
        s.set("/dm1/l", std::to_string(i));
    s.set("/dm2/k", "other");
    s.set("/dm", "other");
    element_position at;
    std::vector<std::string> all;
    for (;;) {
        const auto piece = s.read.written("/dm1/", at, 7);
        if (piece.empty())
            break;
        EXPECT_LE(piece.size(), 7u);
        for (const auto& [key, value] : piece)
            all.push_back(value);
    }
    EXPECT_EQ(all.size(), 23u);
    EXPECT_TRUE(std::ranges::count(all, "loser") == 1 && std::ranges::count(all, "19") == 1);
}

TEST(crdt_replica, a_thousand_nodes_and_a_hundred_images_take_less_than_10_mib) {
    site s;
    const auto put = [&](const char* kind, int number, std::size_t size) {
        const auto key = std::string("/dm1/") + kind + "/" +
                         cid_of(as_bytes(std::to_string(number))).to_string() + "/rec";
        s.set(key, std::string(size, 'x'));
    };
    // As records of nodes, images with 8 platforms, strategies and names are, with signatures.
    for (int i = 0; i < 1'000; ++i)
        put("node", i, 700);
    for (int i = 0; i < 100; ++i) {
        put("image", i, 12'000);
        put("strategy", i, 600);
        put("name", i, 450);
    }
    std::uintmax_t on_disk = 0;
    for (const auto& file : std::filesystem::directory_iterator(s.dir.path()))
        if (!file.path().string().ends_with("-wal") && !file.path().string().ends_with("-shm"))
            on_disk += file.file_size();
    std::printf("%ju bytes on disk, %zu of history\n", on_disk,
                static_cast<std::size_t>(s.r.history_bytes()));
    EXPECT_LT(on_disk, 8u << 20) << "2 MiB are for what is verified of it";
}

TEST(crdt_replica, random_histories_converge) {
    for (std::uint64_t seed = 1; seed <= 6; ++seed) {
        rng random(seed);
        std::vector<std::unique_ptr<site>> sites;
        for (int i = 0; i < 4; ++i)
            sites.push_back(std::make_unique<site>());
        std::vector<block> all;
        for (int i = 0; i < 150; ++i) {
            auto& s = *sites[random() % 4];
            const auto key = "/k" + std::to_string(random() % 6);
            const auto made = random() % 4 == 0 ? s.erase(key) : s.set(key, std::to_string(i));
            all.insert(all.end(), made.begin(), made.end());
            if (random() % 3 == 0)
                sites[random() % 4]->merge({all[random() % all.size()]});
        }
        for (auto& s : sites) {
            std::ranges::shuffle(all, random);
            for (std::size_t i = 0; i < all.size(); i += 7)
                s->merge({all.begin() + static_cast<std::ptrdiff_t>(i),
                          all.begin() + static_cast<std::ptrdiff_t>(std::min(i + 7, all.size()))});
            EXPECT_EQ(s->map, sites[0]->map) << seed;
            EXPECT_EQ(s->map, s->r.load()) << seed;
            EXPECT_EQ(s->r.heads(), sites[0]->r.heads()) << seed;
            EXPECT_TRUE(s->r.missing(10).empty()) << seed;
        }
    }
}

TEST(crdt_reader, tells_what_another_lacks_oldest_first) {
    site a;
    site b;
    std::vector<block> history;
    for (int i = 0; i < 30; ++i)
        history.push_back(a.set("/k", std::to_string(i)).at(0));
    b.merge({history.begin(), history.begin() + 12});
    const auto have = b.read.locator(50);
    EXPECT_EQ(have.front(), history[11].id);
    EXPECT_LE(have.size(), 6u);
    const auto lacking = a.read.not_before(have, 100);
    ASSERT_EQ(lacking.size(), 18u);
    EXPECT_EQ(a.read.block_at(lacking.front()), history[12].data);
    EXPECT_EQ(a.read.not_before(have, 5).size(), 5u);
    EXPECT_TRUE(a.read.not_before(a.read.locator(50), 100).empty());
    EXPECT_EQ(a.read.not_before({}, 100).size(), 30u);
}

TEST(crdt_reader, finds_the_common_part_of_diverged_histories) {
    site a;
    site b;
    for (int i = 0; i < 100; ++i)
        b.merge(a.set("/k", std::to_string(i)));
    for (int i = 0; i < 10; ++i) {
        a.set("/a", std::to_string(i));
        b.set("/b", std::to_string(i));
    }
    const auto lacking = a.read.not_before(b.read.locator(50), 1'000);
    EXPECT_GE(lacking.size(), 10u);
    EXPECT_LE(lacking.size(), 20u) << "not all of the common part again";
    std::vector<block> sent;
    for (const auto name : lacking) {
        auto data = a.read.block_at(name);
        const auto id = cid_of(data);
        sent.push_back({id, std::move(data)});
    }
    b.merge(sent);
    EXPECT_EQ(b.at("/a"), "9");
    EXPECT_TRUE(b.r.missing(10).empty());
}
