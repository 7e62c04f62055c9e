#include "mesh/trust/driver_table.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "aio/run_for_test.hpp"
#include "base/temp_dir.hpp"
#include "mesh/state/durable_map.hpp"
#include "mesh/state/table_conformance.hpp"

using namespace dm;
using namespace dm::trust;

namespace {

crypto::private_key key_of(std::uint8_t n) {
    std::array<std::byte, crypto::ed25519_seed_size> seed{};
    seed[0] = static_cast<std::byte>(n);
    return crypto::private_key::from_seed(seed);
}

peer_id node(std::uint8_t n) {
    return peer_id(key_of(n).public_key());
}

std::string node_key(std::uint8_t n) {
    return "/dm1/node/" + node(n).to_string() + "/rec";
}

const std::string strategy = "/dm1/strategy/s/rec";

/// What all nodes of a mesh have written, as each of them has it; node 0 is the root.
struct world {
    explicit world(executor ex) : executor_(ex), raw(ex, workers, dir / "state.db") {}

    signed_table& add(std::uint8_t n, table_options o = {.roots = {node(0)}}) {
        keys.push_back(std::make_unique<crypto::private_key>(key_of(n)));
        tables.push_back(std::make_unique<signed_table>(executor_, workers, raw, *keys.back(),
                                                        dir / ("trust" + std::to_string(n) + ".db"),
                                                        std::move(o)));
        tables.back()->start();
        return *tables.back();
    }
    awaitable<void> stop() {
        for (auto& t : tables)
            co_await t->stop();
        tables.clear();
    }
    awaitable<void> restart(std::uint8_t n) {
        co_await stop();
        add(n);
        co_await tables.back()->ready();
    }

    temp_dir dir;
    aio::pool workers{2};

  private:
    executor executor_;

  public:
    state::durable_map raw;
    std::vector<std::unique_ptr<crypto::private_key>> keys;
    std::vector<std::unique_ptr<signed_table>> tables;
};

template <class Test>
void in_world(Test test) {
    aio::run_in_world<world>(std::move(test));
}

template <class Errc>
awaitable<void> expect_refused(awaitable<void> what, Errc code) {
    try {
        co_await std::move(what);
        ADD_FAILURE() << "it was done";
    } catch (const failure& e) {
        EXPECT_EQ(e.code(), code) << e.what();
    }
}

std::string_view shown(const signed_table& t, std::string_view key) {
    return t.find(key).value_or("(none)");
}

}  // namespace

TEST(signed_table, is_a_table_where_every_member_steers) {
    in_world([](world& w) -> awaitable<void> {
        auto& open = w.add(1, {});
        co_await open.ready();
        EXPECT_TRUE(open.is_open());
        co_await state::check_table(open);
        co_await expect_refused(open.add(node(2)), errc::no_operators);
    });
}

TEST(signed_table, an_operators_records_count_everywhere) {
    in_world([](world& w) -> awaitable<void> {
        auto& root = w.add(0);
        auto& other = w.add(1);
        co_await root.ready();
        co_await other.ready();
        std::vector<std::string> seen;
        const auto watching = other.watch(
            [&](const state::change& c) { seen.push_back(c.key + (c.value ? " set" : " gone")); });
        co_await root.set(strategy, R"({"percentage":50,"v":1})");
        EXPECT_TRUE(says_the_same(shown(other, strategy), R"({"percentage":50,"v":1})"));
        const auto before = std::string(shown(other, strategy));
        co_await root.set(strategy, R"({"v":1,"percentage":50})");
        EXPECT_EQ(shown(other, strategy), before) << "saying it again costs nothing";
        EXPECT_TRUE(co_await root.erase(strategy));
        EXPECT_FALSE(co_await root.erase(strategy));
        EXPECT_EQ(shown(other, strategy), "(none)");
        EXPECT_EQ(seen, (std::vector<std::string>{strategy + " set", strategy + " gone"}));
        co_await root.set(strategy, R"({"v":1})");
        EXPECT_NE(shown(other, strategy), "(none)") << "and it can come back";
    });
}

TEST(signed_table, who_is_no_operator_is_refused_and_told_whom_to_ask) {
    in_world([](world& w) -> awaitable<void> {
        auto& other = w.add(1);
        co_await other.ready();
        for (const auto* key : {"/dm1/strategy/s/rec", "/dm1/name/n/rec", "/dm1/label/x/rec",
                                "/dm1/operator/x/rec", "/dm1/of a later version/x/rec"})
            co_await expect_refused(other.set(key, R"({"v":1})"), errc::not_operator);
        co_await expect_refused(other.set(node_key(0), R"({"v":1})"), errc::not_operator);
        co_await expect_refused(other.add(node(1)), errc::not_operator);
        EXPECT_TRUE(other.refusal(strategy)->detail.contains(node(0).to_string()));
        co_await other.set(node_key(1), R"({"v":1})");
        co_await other.set("/dm1/image/sha256:x/rec", "image");
        co_await other.set("/foreign", "x");
        EXPECT_EQ(shown(other, "/dm1/image/sha256:x/rec"), "image");
        EXPECT_NE(shown(other, node_key(1)), "(none)");
        EXPECT_EQ(w.raw.find("/foreign"), "x");
    });
}

TEST(signed_table, what_others_write_past_it_changes_nothing) {
    in_world([](world& w) -> awaitable<void> {
        auto& root = w.add(0);
        auto& other = w.add(1);
        co_await root.ready();
        co_await other.ready();
        co_await root.set(strategy, R"({"percentage":50,"v":1})");
        const auto good = std::string(shown(root, strategy));
        const auto intruder = key_of(9);
        const auto forged = [&](std::string_view key, std::string_view record) {
            return *seal(intruder, key, record, sequence_max - 1);
        };
        for (const auto& value :
             {std::string("{}"), std::string(), forged(strategy, R"({"v":1})"),
              seal_deletion(intruder, strategy, sequence_max - 1),
              // signed by the root, but for another key, or longer ago
              *seal(key_of(0), "/dm1/strategy/t/rec", R"({"v":1})", sequence_max - 1),
              *seal(key_of(0), strategy, R"({"v":1})", 1)}) {
            co_await w.raw.set(strategy, value);
            for (const auto* t : {&root, &other})
                EXPECT_EQ(shown(*t, strategy), good);
        }
        co_await w.raw.erase(strategy);
        EXPECT_EQ(shown(other, strategy), good) << "only a signed deletion counts";
        for (const auto& key : {std::string("/dm1/name/n/rec"), std::string("/dm1/label/n/rec"),
                                operator_key(node(9)), node_key(1), node_key(0)}) {
            co_await w.raw.set(key, forged(key, R"({"operator":true,"v":1})"));
            EXPECT_EQ(shown(other, key), "(none)");
        }
        EXPECT_EQ(root.list().size(), 1u);
        EXPECT_GE(other.ignored(), 7u);
        EXPECT_TRUE(co_await root.erase(strategy));
        EXPECT_EQ(shown(other, strategy), "(none)");
        co_await w.raw.set(strategy, good);
        EXPECT_EQ(shown(other, strategy), "(none)") << "replayed";
    });
}

TEST(signed_table, operators_are_added_and_removed) {
    in_world([](world& w) -> awaitable<void> {
        auto& root = w.add(0);
        auto& second = w.add(1);
        auto& third = w.add(2);
        for (auto& t : w.tables)
            co_await t->ready();
        co_await root.add(node(1));
        EXPECT_FALSE(second.refusal(strategy));
        co_await second.set(strategy, R"({"v":1})");
        co_await second.add(node(2));
        co_await third.set("/dm1/strategy/t/rec", R"({"v":1})");
        EXPECT_EQ(root.list().size(), 3u);
        EXPECT_EQ(root.list().at(0).id, node(0));
        EXPECT_NE(shown(root, "/dm1/strategy/t/rec"), "(none)");
        const auto remove = [](signed_table& by, peer_id who, bool keep) -> awaitable<void> {
            co_await by.remove(who, keep);
        };
        co_await expect_refused(remove(third, node(1), true), errc::not_senior);
        co_await expect_refused(remove(second, node(0), true), errc::not_senior);
        co_await expect_refused(remove(root, node(7), true), errc::unknown_operator);
        const auto done = co_await root.remove(node(1), true);
        EXPECT_EQ(done.records_kept, 2u);
        EXPECT_EQ(done.also_removed, std::vector{node(2)});
        EXPECT_EQ(third.list().size(), 1u);
        EXPECT_TRUE(second.refusal(strategy));
        EXPECT_NE(shown(third, strategy), "(none)") << "signed by the root now";
        const auto late = *seal(key_of(1), strategy, R"({"v":2})", sequence_max - 1);
        co_await w.raw.set(strategy, late);
        EXPECT_TRUE(says_the_same(shown(third, strategy), R"({"v":1})"));
    });
}

TEST(signed_table, the_records_of_a_removed_operator_go_and_those_before_come_back) {
    in_world([](world& w) -> awaitable<void> {
        auto& root = w.add(0);
        auto& second = w.add(1);
        co_await root.ready();
        co_await second.ready();
        co_await root.add(node(1));
        co_await second.set(strategy, R"({"evil":true,"v":1})");
        co_await root.remove(node(1), false);
        EXPECT_EQ(shown(root, strategy), "(none)");
        EXPECT_EQ(shown(second, strategy), "(none)");
    });
}

TEST(signed_table, knows_after_a_restart_what_it_knew) {
    in_world([](world& w) -> awaitable<void> {
        auto& root = w.add(0);
        co_await root.ready();
        co_await root.add(node(1));
        co_await root.set(strategy, R"({"v":1})");
        co_await root.set("/dm1/strategy/gone/rec", R"({"v":1})");
        const auto gone = std::string(shown(root, "/dm1/strategy/gone/rec"));
        co_await root.erase("/dm1/strategy/gone/rec");
        // Overwritten while it is away, and before it has looked at everything.
        co_await w.raw.set(strategy, "rubbish");
        co_await w.stop();
        co_await w.raw.set("/dm1/strategy/gone/rec", gone);
        auto& again = w.add(0);
        EXPECT_NE(shown(again, strategy), "(none)") << "at once";
        co_await again.ready();
        EXPECT_NE(shown(again, strategy), "(none)");
        EXPECT_EQ(shown(again, "/dm1/strategy/gone/rec"), "(none)");
        EXPECT_EQ(again.list().size(), 2u);
        auto& late = w.add(1);
        co_await late.ready();
        EXPECT_FALSE(late.refusal(strategy)) << "who has not been there before knows it, too";
    });
}

TEST(signed_table, a_root_signs_what_was_there_before_and_a_newcomer_learns_of_it) {
    in_world([](world& w) -> awaitable<void> {
        co_await w.raw.set(strategy, R"({"v":1})");
        std::vector<peer_id> learned;
        auto& newcomer = w.add(1, {.learns_root = true,
                                   .on_learned = [&](const peer_id& p) { learned.push_back(p); }});
        co_await newcomer.ready();
        EXPECT_TRUE(newcomer.is_open());
        auto& root = w.add(0);
        co_await root.ready();
        EXPECT_EQ(learned, std::vector{node(0)});
        EXPECT_FALSE(newcomer.is_open());
        co_await newcomer.ready();
        EXPECT_TRUE(newcomer.refusal(strategy));
        while (shown(newcomer, strategy) == "(none)")
            co_await asio::post(co_await asio::this_coro::executor, use_awaitable);
        EXPECT_NE(shown(root, strategy), "(none)");
    });
}

TEST(signed_table, what_was_not_signed_is_gone_for_a_newcomer_that_learns_whom_to_obey) {
    in_world([](world& w) -> awaitable<void> {
        auto& newcomer = w.add(1, {.learns_root = true, .on_learned = [](const peer_id&) {}});
        co_await newcomer.ready();
        co_await newcomer.set(node_key(1), R"({"v":1})");
        std::vector<std::string> gone;
        const auto watching = newcomer.watch([&](const state::change& c) {
            if (!c.value)
                gone.push_back(c.key);
        });
        auto& root = w.add(0);
        co_await root.ready();
        co_await newcomer.ready();
        EXPECT_THAT(gone, testing::Contains(node_key(1)));
        EXPECT_EQ(shown(root, node_key(1)), "(none)");
        co_await newcomer.set(node_key(1), R"({"v":1})");
        EXPECT_NE(shown(root, node_key(1)), "(none)");
    });
}

TEST(signed_table, node_records_are_bounded) {
    in_world([](world& w) -> awaitable<void> {
        auto& root = w.add(0, {.roots = {node(0)}, .nodes_max = 3});
        co_await root.ready();
        for (std::uint8_t n = 1; n < 10; ++n)
            co_await w.raw.set(node_key(n), *seal(key_of(n), node_key(n), R"({"v":1})", 1));
        EXPECT_EQ(root.list().size(), 1u);
        EXPECT_EQ(root.all().size(), 3u);
    });
}

TEST(signed_table, does_not_check_again_what_it_has_verified) {
    in_world([](world& w) -> awaitable<void> {
        constexpr int count = 2'000;
        const auto root_key = key_of(0);
        std::vector<state::table::entry> all;
        for (int i = 0; i < count; ++i) {
            const auto key = "/dm1/strategy/" + std::to_string(i) + "/rec";
            all.emplace_back(key, *seal(root_key, key, R"({"nametag":"busybox:1.35.0","v":1})", 1));
        }
        co_await w.raw.set_all(std::move(all));
        const auto open_it = [&]() -> awaitable<std::chrono::microseconds> {
            const auto begin = std::chrono::steady_clock::now();
            auto& t = w.add(0);
            co_await t.ready();
            EXPECT_EQ(t.all().size(), static_cast<std::size_t>(count));
            const auto took = std::chrono::steady_clock::now() - begin;
            co_await w.stop();
            co_return std::chrono::duration_cast<std::chrono::microseconds>(took);
        };
        const auto first = co_await open_it();
        const auto again = co_await open_it();
        RecordProperty("first_us_a_record", static_cast<int>(first.count() / count));
        RecordProperty("again_us_a_record", static_cast<int>(again.count() / count));
        std::printf("opened in %lld us a record, again in %lld\n",
                    static_cast<long long>(first.count() / count),
                    static_cast<long long>(again.count() / count));
        EXPECT_LT(again * 3, first);
    });
}

TEST(signed_table, vouches_for_what_may_be_written_when_there_is_no_room_for_others) {
    in_world([](world& w) -> awaitable<void> {
        auto& root = w.add(0);
        co_await root.ready();
        const auto vouches = root.make_voucher();
        EXPECT_TRUE(vouches(strategy, *seal(key_of(0), strategy, R"({"v":1})", 1)));
        EXPECT_FALSE(vouches(node_key(5), *seal(key_of(5), node_key(5), R"({"v":1})", 1)));
        EXPECT_FALSE(vouches(strategy, *seal(key_of(5), strategy, R"({"v":1})", 1)));
        EXPECT_FALSE(vouches("/foreign", *seal(key_of(0), "/foreign", R"({"v":1})", 1)));
        EXPECT_FALSE(vouches(strategy, "{}"));
    });
}
