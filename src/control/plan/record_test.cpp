#include "control/plan/record.hpp"

#include <gtest/gtest.h>

#include "base/json/read.hpp"
#include "control/plan/errc.hpp"
#include "crypto/hash.hpp"

using namespace dm;
using namespace dm::plan;

namespace {

multiformats::peer_id peer_a() {
    return *multiformats::parse_peer_id("12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA");
}

crypto::digest some_digest() {
    return crypto::hash_of(crypto::hash_algorithm::sha256, as_bytes(std::string_view{"x"}));
}

wall_time at(std::int64_t milliseconds) {
    return wall_time{std::chrono::milliseconds{milliseconds}};
}

strategy full_strategy() {
    strategy s;
    s.image = *oci::parse_reference("ghcr.io/a/b:1");
    s.percentage = 30;
    s.selector = {{"site", "store"}};
    s.execute = false;
    s.replace = true;
    s.digest = some_digest();
    s.origin = peer_a();
    s.created = at(1'700'000'000'123);
    s.updated = at(1'700'000'000'456);
    s.author = "QmX";
    s.signature = "c2ln";
    s.unknown = R"({"priority":7})";
    return s;
}

// `text` without member `key`, and with it being something else.
std::vector<std::string> damaged_at(const std::string& text, const char* key) {
    auto value = *json::read(text);
    value.erase(key);
    const auto without = json::write(value);
    value[key] = nlohmann::json::array({nlohmann::json::object()});
    return {without, json::write(value)};
}

}  // namespace

TEST(strategy_record, is_read_back_as_written) {
    const auto s = full_strategy();
    const auto read = decode_strategy(encode(s));
    ASSERT_TRUE(read) << read.error().message();
    EXPECT_EQ(*read, s);
    EXPECT_EQ(encode(*read), encode(s));

    strategy t;
    t.type = strategy_type::target;
    t.image = *oci::parse_reference("busybox");
    t.targets = {peer_a()};
    EXPECT_EQ(decode_strategy(encode(t)), t);
}

TEST(strategy_record, keeps_members_that_it_does_not_know) {
    auto value = *json::read(encode(full_strategy()));
    EXPECT_EQ(value["priority"], 7);
    EXPECT_EQ(value["v"], 1);
    EXPECT_EQ(value["sig"], "c2ln");
    EXPECT_EQ(value["nametag"], "ghcr.io/a/b:1");
}

TEST(strategy_record, that_is_damaged_is_refused) {
    const auto good = encode(full_strategy());
    for (const char* key :
         {"v", "type", "nametag", "percentage", "execute", "created_ms", "updated_ms"})
        for (const auto& text : damaged_at(good, key))
            EXPECT_EQ(decode_strategy(text).error().code, make_error_code(errc::malformed_record))
                << key;
    for (const char* key : {"digest", "origin", "selector"})
        EXPECT_FALSE(decode_strategy(damaged_at(good, key)[1])) << key;
    auto value = *json::read(good);
    value["percentage"] = 101;
    EXPECT_FALSE(decode_strategy(json::write(value)));
    value["type"] = "target";
    EXPECT_FALSE(decode_strategy(json::write(value)));
    value["targets"] = nlohmann::json::array();
    EXPECT_FALSE(decode_strategy(json::write(value)));
    value["targets"] = {"nobody"};
    EXPECT_FALSE(decode_strategy(json::write(value)));
    EXPECT_FALSE(decode_strategy("[]"));
    EXPECT_FALSE(decode_strategy(""));
}

TEST(strategy_record, survives_times_at_the_end_of_the_clock) {
    auto value = *json::read(encode(full_strategy()));
    value["updated_ms"] = 9'223'372'036'854;
    EXPECT_TRUE(decode_strategy(json::write(value)));
    value["updated_ms"] = 9'223'372'036'855;
    EXPECT_FALSE(decode_strategy(json::write(value)));
}

TEST(name_record, is_read_back_as_written) {
    const name_record r{.name = *oci::parse_reference("busybox:1.35.0"),
                        .digest = some_digest(),
                        .updated = at(5),
                        .author = "QmX",
                        .signature = "",
                        .unknown = R"({"a":[]})"};
    EXPECT_EQ(decode_name_record(encode(r)), r);
    for (const char* key : {"name", "digest", "updated_ms"})
        for (const auto& text : damaged_at(encode(r), key))
            EXPECT_FALSE(decode_name_record(text)) << key;
    auto value = *json::read(encode(r));
    value["name"] = "busybox:1@" + some_digest().to_string();
    EXPECT_FALSE(decode_name_record(json::write(value)));
}

TEST(node_record, is_read_back_as_written) {
    node_record r{.id = peer_a(),
                  .addresses = {"/ip4/127.0.0.1/tcp/33123"},
                  .platform = {"linux", "arm", "v7"},
                  .labels = {{"site", "store"}},
                  .capacity_bytes = 1'000'000,
                  .engine = "docker",
                  .version = "0.1.0",
                  .author = "QmX",
                  .signature = "c2ln",
                  .unknown = R"({"x":1})"};
    EXPECT_EQ(decode_node_record(encode(r)), r);
    for (const char* key : {"id", "addresses", "platform", "engine", "version"})
        for (const auto& text : damaged_at(encode(r), key))
            EXPECT_FALSE(decode_node_record(text)) << key;

    r.addresses.assign(node_addresses_max, std::string(node_text_max, 'x'));
    EXPECT_TRUE(decode_node_record(encode(r)));
    r.addresses[0] += "x";
    EXPECT_FALSE(decode_node_record(encode(r)));
    r.addresses[0].pop_back();
    r.addresses.emplace_back("/ip4/1.2.3.4/tcp/1");
    EXPECT_FALSE(decode_node_record(encode(r)));
}

TEST(label_record, is_read_back_as_written) {
    label_record r{.id = peer_a(),
                   .labels = {{"site", "store"}},
                   .removed = {"a", "b"},
                   .forgotten = true,
                   .updated = at(5),
                   .author = "QmX",
                   .signature = "c2ln",
                   .unknown = R"({"x":1})"};
    EXPECT_EQ(decode_label_record(encode(r)), r);
    for (const char* key : {"id", "removed", "updated_ms"})
        for (const auto& text : damaged_at(encode(r), key))
            EXPECT_FALSE(decode_label_record(text)) << key;
    r.removed.assign(labels_max, "a");
    EXPECT_EQ(decode_label_record(encode(r))->removed, std::vector<std::string>{"a"});
    r.removed.emplace_back("b");
    EXPECT_FALSE(decode_label_record(encode(r)));
    r.removed = {"not a label"};
    EXPECT_FALSE(decode_label_record(encode(r)));
}

TEST(label_record, goes_over_what_a_node_says_itself) {
    label_record r{.id = peer_a(), .labels = {{"site", "store"}}, .removed = {"rack", "x"}};
    EXPECT_EQ(effective_labels({{"site", "lab"}, {"rack", "7"}, {"gpu", "no"}}, r),
              (labels{{"site", "store"}, {"gpu", "no"}}));
    labels full;
    for (std::size_t i = 0; i < labels_max; ++i)
        full.emplace("k" + std::to_string(i), "v");
    EXPECT_EQ(effective_labels(full, r).size(), labels_max);
}

TEST(record, over_its_size_is_refused) {
    auto text = encode(full_strategy());
    text.resize(record_bytes_max, ' ');
    EXPECT_TRUE(decode_strategy(text));
    EXPECT_FALSE(decode_strategy(text + " "));
}
