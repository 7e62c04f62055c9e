#include "control/plan/strategy.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/json/read.hpp"
#include "control/plan/errc.hpp"
#include "control/plan/key.hpp"
#include "control/plan/payload.hpp"
#include "control/plan/record.hpp"

using namespace dm;
using namespace dm::plan;

namespace {

const std::string peer_a = "12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA";
const std::string peer_b = "QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N";

multiformats::peer_id peer(std::string_view text) {
    return multiformats::parse_peer_id(text).value();
}

oci::reference image(std::string_view text) {
    return oci::parse_reference(text).value();
}

strategy percentage(std::string_view name, unsigned p) {
    strategy s;
    s.image = image(name);
    s.percentage = p;
    return s;
}

strategy target(std::string_view name, std::initializer_list<std::string> targets) {
    strategy s;
    s.type = strategy_type::target;
    s.image = image(name);
    for (const auto& t : targets)
        s.targets.push_back(peer(t));
    std::ranges::sort(s.targets);
    return s;
}

// The payload of the prototype's README with members changed, or removed by null.
std::string payload(const nlohmann::json& changes) {
    auto value = *json::read(R"({"execute":true,"nametag":"busybox:1.35.0","percentage":50,)"
                             R"("target":"doesntmatter","type":"percentage"})");
    for (const auto& [key, member] : changes.items()) {
        value[key] = member;
        if (member.is_null())
            value.erase(key);
    }
    return json::write(value);
}

// "field: sentence", or "accepted".
std::string why(const nlohmann::json& changes) {
    const auto r = parse_strategy_payload(payload(changes));
    return r ? "accepted" : r.error().field + ": " + r.error().reason.message();
}

}  // namespace

TEST(strategy_payload, of_the_prototype_is_accepted) {
    const auto p = parse_strategy_payload(payload({}));
    ASSERT_TRUE(p) << p.error().reason.message();
    EXPECT_EQ(p->type, strategy_type::percentage);
    EXPECT_EQ(p->image.canonical(), "docker.io/library/busybox:1.35.0");
    EXPECT_EQ(p->percentage, 50u);
    EXPECT_TRUE(p->execute);
    EXPECT_FALSE(p->replace);
    EXPECT_TRUE(p->targets.empty());

    const auto t = parse_strategy_payload(
        payload({{"type", "target"}, {"target", peer_b}, {"percentage", 0}, {"execute", false}}));
    ASSERT_TRUE(t) << t.error().reason.message();
    EXPECT_EQ(t->targets, std::vector{peer(peer_b)});
    EXPECT_EQ(t->percentage, 0u);
    EXPECT_FALSE(t->execute);
}

TEST(strategy_payload, may_leave_out_what_has_a_default) {
    EXPECT_EQ(why({{"execute", nullptr}, {"target", nullptr}}), "accepted");
    EXPECT_TRUE(parse_strategy_payload(payload({{"execute", nullptr}}))->execute);
    EXPECT_EQ(why({{"type", "target"}, {"target", peer_a}, {"percentage", nullptr}}), "accepted");
    EXPECT_EQ(why({{"comment", {1, 2}}}), "accepted");
}

TEST(strategy_payload, takes_several_targets_in_any_order_once_each) {
    const auto t = parse_strategy_payload(
        payload({{"type", "target"}, {"target", peer_b + ", " + peer_a + "," + peer_b}}));
    ASSERT_TRUE(t);
    EXPECT_EQ(t->targets, target("x", {peer_a, peer_b}).targets);
}

TEST(strategy_payload, takes_a_selector_and_replace) {
    const auto p = parse_strategy_payload(
        payload({{"selector", {{"site", "store"}, {"rack", "7"}}}, {"replace", true}}));
    ASSERT_TRUE(p);
    EXPECT_EQ(p->selector, (labels{{"rack", "7"}, {"site", "store"}}));
    EXPECT_TRUE(p->replace);
}

TEST(strategy_payload, is_refused_in_one_sentence_at_its_field) {
    EXPECT_EQ(why({{"percentage", -1}}), "percentage: percentage has to be 1 to 100, not -1");
    EXPECT_EQ(why({{"percentage", 101}}), "percentage: percentage has to be 1 to 100, not 101");
    EXPECT_EQ(why({{"percentage", 0}}), "percentage: percentage has to be 1 to 100, not 0");
    EXPECT_EQ(why({{"percentage", "50"}}), "percentage: percentage has to be a number, not \"50\"");
    EXPECT_EQ(why({{"percentage", 50.5}}),
              "percentage: percentage has to be a whole number, not 50.5");
    EXPECT_EQ(why({{"percentage", true}}), "percentage: percentage has to be a number, not true");
    EXPECT_EQ(why({{"percentage", nullptr}}), "percentage: percentage is missing: 1 to 100");
    EXPECT_EQ(why({{"nametag", ""}}), "nametag: the image name is empty");
    EXPECT_EQ(
        why({{"nametag", "busy box"}}),
        "nametag: \"busy box\" is not an image name: it contains a space or a special character");
    EXPECT_EQ(why({{"nametag", std::string(300, 'a')}}),
              "nametag: the image name is 318 characters long, 255 are allowed");
    EXPECT_EQ(why({{"nametag", "../../etc"}}),
              "nametag: \"../../etc\" is not an image name: \"..\" is not a registry host");
    EXPECT_EQ(why({{"nametag", 7}}), "nametag: nametag has to be a string, not 7");
    EXPECT_EQ(why({{"nametag", nullptr}}), "nametag: nametag is missing: which image?");
    EXPECT_EQ(why({{"type", "some"}}),
              "type: \"some\" is not a strategy type: use \"percentage\" or \"target\"");
    EXPECT_EQ(why({{"type", 1}}),
              "type: 1 is not a strategy type: use \"percentage\" or \"target\"");
    EXPECT_EQ(why({{"type", nullptr}}), "type: type is missing: use \"percentage\" or \"target\"");
    EXPECT_EQ(why({{"type", "target"}}), "target: target \"doesntmatter\" is not a peer id");
    EXPECT_EQ(why({{"type", "target"}, {"target", peer_a + ","}}),
              "target: target \"\" is not a peer id");
    EXPECT_EQ(why({{"type", "target"}, {"target", " "}}),
              "target: target is missing: the peer id of a node");
    EXPECT_EQ(why({{"execute", "yes"}}), "execute: execute has to be true or false, not \"yes\"");
    EXPECT_EQ(why({{"replace", 1}}), "replace: replace has to be true or false, not 1");
    EXPECT_EQ(why({{"selector", "site=store"}}),
              "selector: selector has to be an object of labels");
    EXPECT_EQ(why({{"selector", {{"a b", "c"}}}}), "selector: \"a b\"=\"c\" is not a label");
}

TEST(strategy_payload, tells_wrong_targets_from_wrong_members) {
    const auto target_error = parse_strategy_payload(payload({{"type", "target"}}));
    EXPECT_EQ(condition_of(target_error.error().reason.code), condition::unprocessable);
    const auto member_error = parse_strategy_payload(payload({{"percentage", 101}}));
    EXPECT_EQ(condition_of(member_error.error().reason.code), condition::invalid);
}

TEST(strategy_payload, that_is_no_json_object_is_refused_as_a_whole) {
    for (const char* text : {"", "{", "[]", "null", "{\"type\":\"percentage\",}"}) {
        const auto r = parse_strategy_payload(text);
        ASSERT_FALSE(r) << text;
        EXPECT_EQ(r.error().field, "");
        EXPECT_EQ(r.error().reason.message(), "the strategy is not a JSON object");
    }
}

TEST(strategy_payload, stops_at_its_limits) {
    auto text = payload({});
    text.resize(payload_bytes_max, ' ');
    EXPECT_TRUE(parse_strategy_payload(text));
    EXPECT_EQ(parse_strategy_payload(text + " ").error().reason.message(),
              "the strategy is too large");

    std::string targets = peer_a;
    for (std::size_t i = 1; i < strategy_targets_max; ++i)
        targets += "," + peer_a;
    EXPECT_EQ(why({{"type", "target"}, {"target", targets}}), "accepted");
    EXPECT_EQ(why({{"type", "target"}, {"target", targets + "," + peer_a}}),
              "target: more than 1000 targets");

    nlohmann::json selector;
    for (std::size_t i = 0; i < labels_max; ++i)
        selector[fmt::format("l{}", i)] = std::string(label_text_max, 'x');
    EXPECT_EQ(why({{"selector", selector}}), "accepted");
    selector["more"] = "x";
    EXPECT_EQ(why({{"selector", selector}}), "selector: selector has more than 32 labels");
    EXPECT_NE(why({{"selector", {{"l", std::string(label_text_max + 1, 'x')}}}}), "accepted");
}

TEST(strategy_id, depends_on_type_image_and_selector_only) {
    const auto base = percentage("busybox:1.35.0", 50);
    EXPECT_EQ(id_of(base).size(), 16u);
    auto same = percentage("docker.io/library/busybox:1.35.0", 70);
    same.execute = false;
    same.replace = true;
    EXPECT_EQ(id_of(base), id_of(same));
    auto other = base;
    other.selector = {{"site", "store"}};
    EXPECT_NE(id_of(base), id_of(other));
    EXPECT_NE(id_of(base), id_of(percentage("busybox:1.36.0", 50)));
    EXPECT_NE(id_of(base), id_of(target("busybox:1.35.0", {peer_a})));
    EXPECT_EQ(id_of(target("x", {peer_b})), id_of(target("x", {peer_a})));
    // Written into the state of fleets: it may never change.
    EXPECT_EQ(id_of(base), "22e8bd923955b0a2");
}

TEST(prototype_key, is_what_the_prototype_writes) {
    EXPECT_EQ(prototype_key(percentage("busybox:1.35.0", 50)),
              "percentage-busybox:1.35.0-50-active");
    auto t = target("700mbv1", {peer_b});
    t.execute = false;
    EXPECT_EQ(prototype_key(t), "target-700mbv1:latest-" + peer_b + "-inactive");
}

TEST(find_strategy, takes_ids_and_prototype_keys) {
    auto stores = percentage("busybox:1.35.0", 50);
    stores.selector = {{"site", "store"}};
    auto paused = percentage("a-b/c-d:1-2", 7);
    paused.execute = false;
    const std::vector<strategy> all{stores, percentage("busybox:1.35.0", 50),
                                    target("ghcr.io/x/y", {peer_a, peer_b}), paused};
    for (const auto& s : all)
        EXPECT_EQ(find_strategy(all, id_of(s)), &s);
    EXPECT_EQ(find_strategy(all, "percentage-busybox:1.35.0-50-active"), &all[1]);
    EXPECT_EQ(find_strategy(all, "percentage-docker.io/library/busybox:1.35.0-50-active"), &all[1]);
    EXPECT_EQ(find_strategy(all, fmt::format("target-ghcr.io/x/y-{},{}-active", peer_b, peer_a)),
              &all[2]);
    EXPECT_EQ(find_strategy(all, "percentage-a-b/c-d:1-2-7-inactive"), &all[3]);
    EXPECT_EQ(find_strategy(std::span{all}.first(1), "percentage-busybox:1.35.0-50-active"),
              &all[0]);
}

TEST(find_strategy, finds_nothing_by_keys_that_are_no_longer_true) {
    const std::vector<strategy> all{percentage("busybox:1.35.0", 50), target("x", {peer_a})};
    for (const std::string& key :
         {std::string{"percentage-busybox:1.35.0-60-active"},
          std::string{"percentage-busybox:1.35.0-50-inactive"},
          std::string{"percentage-busybox-50-active"},
          std::string{"target-busybox:1.35.0-50-active"}, "target-x-" + peer_b + "-active",
          "target-x-" + peer_a + "," + peer_b + "-active", std::string{""}, std::string{"-"},
          std::string{"--"}, std::string{"---"}, std::string{"percentage"},
          std::string{"target-x--active"}, std::string(100'000, '-')})
        EXPECT_EQ(find_strategy(all, key), nullptr) << key.substr(0, 80);
}

TEST(record_key, is_a_path_that_ends_in_rec) {
    const std::pair<record_key, const char*> cases[] = {
        {{record_kind::strategy, "0011"}, "/dm1/strategy/0011/rec"},
        {{record_kind::name, "docker.io/library/busybox:1"},
         "/dm1/name/docker.io/library/busybox:1/rec"},
        {{record_kind::node, "QmX"}, "/dm1/node/QmX/rec"},
        {{record_kind::image, "sha256:0"}, "/dm1/image/sha256:0/rec"},
        {{record_kind::operators, "QmX"}, "/dm1/operator/QmX/rec"},
        {{record_kind::label, "QmX"}, "/dm1/label/QmX/rec"},
    };
    for (const auto& [key, text] : cases) {
        EXPECT_EQ(to_string(key), text);
        EXPECT_EQ(parse_record_key(text), key);
    }
    for (const char* text : {"", "/dm1/strategy/0011", "/dm1/strategy//rec", "/dm1/other/1/rec",
                             "busybox:1.35.0", "/dm1/strategy/rec", "/dm2/strategy/1/rec"})
        EXPECT_FALSE(parse_record_key(text)) << text;
}

TEST(label, is_read_from_the_command_line) {
    EXPECT_EQ(parse_label("site=store"), (std::pair<std::string, std::string>{"site", "store"}));
    for (const char* text : {"", "site", "=x", "x=", "a b=c", "-a=b", "a=b=c"})
        EXPECT_EQ(parse_label(text).error().code, make_error_code(errc::invalid_field)) << text;
    EXPECT_TRUE(matches({}, {}));
    EXPECT_TRUE(matches({{"a", "1"}}, {{"a", "1"}, {"b", "2"}}));
    EXPECT_FALSE(matches({{"a", "1"}}, {{"a", "2"}}));
    EXPECT_FALSE(matches({{"a", "1"}}, {}));
    EXPECT_EQ(to_string(labels{{"a", "1"}, {"b", "2"}}), "a=1,b=2");
}
