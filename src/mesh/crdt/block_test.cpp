#include "mesh/crdt/block.hpp"

#include <gtest/gtest.h>

#include "base/hex.hpp"
#include "content/unixfs/dag_pb.hpp"
#include "multiformats/protobuf.hpp"

using namespace dm;
using namespace dm::crdt;

namespace {

node first() {
    return {.links = {},
            .delta = {.elements = {{.key = "/hello", .value = "world"}}, .priority = 1}};
}

cid id_of(const node& n) {
    return cid_of(encode_node(n));
}

node second() {
    return {.links = {id_of(first())},
            .delta = {.elements = {{.key = "/hello", .value = "again"}}, .priority = 2}};
}

}  // namespace

TEST(crdt_block, is_what_go_ds_crdt_writes) {
    const auto one = encode_node(first());
    EXPECT_EQ(to_hex(one), "0a130a0f0a062f68656c6c6f1a05776f726c641801");
    EXPECT_EQ(cid_of(one).to_string(),
              "bafybeidsfjpejlb67ieikrewsjvlxd3giucznszgdcb6qhclkyk2hvonta");
    EXPECT_EQ(block_id(cid_of(one)), "/CIQHEKS6ISWD56QIQVCJNETKXOHWMRIFS3FSMGED5AOEWVQVUPK43GA");
    const auto two = encode_node(second());
    EXPECT_EQ(cid_of(two).to_string(),
              "bafybeiewckacrvur6mokqo7dha5g3yxn5b546tbg2nq5nhxprveusm6j3y");
    EXPECT_EQ(to_hex(encode_broadcast({cid_of(two)})),
              "0a260a240170122096128028d691f31ca83be3383a6de2ede87bcf4c26d361d69eef8d494933c9de");
    const auto three =
        encode_node({.links = {cid_of(two)},
                     .delta = {.tombstones = {{.key = "/hello", .id = block_id(cid_of(one))},
                                              {.key = "/hello", .id = block_id(cid_of(two))}},
                               .priority = 3}});
    EXPECT_EQ(three.size(), 185u);
    EXPECT_EQ(cid_of(three).to_string(),
              "bafybeihhstfomzjchi6foo7dsemksgvwt7ulkj5ear52onyeljlim4k5tq");
}

TEST(crdt_block, is_read_as_it_was_written) {
    for (const auto& n : {first(), second()})
        EXPECT_EQ(*decode_node(encode_node(n)), n);
    const node empty{.links = {}, .delta = {.elements = {{.key = "/k"}}, .priority = 1}};
    EXPECT_EQ(*decode_node(encode_node(empty)), empty);
}

TEST(crdt_block, names_of_elements_are_read_back) {
    const auto id = id_of(first());
    EXPECT_EQ(block_of_id(block_id(id)), id);
    for (const auto* text : {"", "/", "CIQHEKS6ISWD56QIQVCJNETKXOHWMRIFS3FSMGED5AOEWVQVUPK43GA",
                             "/ciqheks6iswd56qiqvcjnetkxohwmrifs3fsmged5aoewvqvupk43ga",
                             "/CIQHEKS6ISWD56QIQVCJNETKXOHWMRIFS3FSMGED5AOEWVQVUPK43G!"})
        EXPECT_FALSE(block_of_id(text)) << text;
}

TEST(crdt_block, broken_ones_are_refused) {
    EXPECT_FALSE(decode_node({})) << "no height";
    EXPECT_FALSE(decode_node(*from_hex("0a130a0f0a062f68656c6c6f1a05776f726c64")));
    auto n = first();
    n.delta.priority = 0;
    EXPECT_FALSE(decode_node(encode_node(n)));
    n.delta.priority = height_max;
    EXPECT_TRUE(decode_node(encode_node(n)));
    n.delta.priority = height_max + 1;
    EXPECT_FALSE(decode_node(encode_node(n)));
    n = first();
    n.links = {cid::of(multiformats::codec::raw, as_bytes("x"))};
    EXPECT_FALSE(decode_node(encode_node(n))) << "a raw block is no history";
    n = first();
    n.delta.elements[0].key.assign(key_bytes_max, 'k');
    EXPECT_TRUE(decode_node(encode_node(n)));
    n.delta.elements[0].key += 'k';
    EXPECT_FALSE(decode_node(encode_node(n)));
    EXPECT_FALSE(decode_node(bytes(block_bytes_max + 1)));
}

TEST(crdt_block, has_so_many_changes_and_no_more) {
    node n{.links = {}, .delta = {.elements = std::vector<element>(changes_max), .priority = 1}};
    EXPECT_TRUE(decode_node(encode_node(n)));
    n.delta.tombstones.emplace_back();
    EXPECT_FALSE(decode_node(encode_node(n)));
}

TEST(crdt_block, broadcasts_of_both_forms_are_read) {
    const auto a = id_of(first());
    const auto b = id_of(second());
    EXPECT_EQ(*decode_broadcast(encode_broadcast({a, b})), (std::vector{a, b}));
    EXPECT_EQ(*decode_broadcast(a.to_bytes()), std::vector{a}) << "before v0.4";
    bytes named;
    bytes head;
    multiformats::append_proto_bytes(head, 1, a.to_bytes());
    multiformats::append_proto_bytes(head, 2, as_bytes("dag"));
    multiformats::append_proto_bytes(named, 1, head);
    EXPECT_EQ(*decode_broadcast(named), std::vector{a}) << "after v0.6.8";
    EXPECT_TRUE(decode_broadcast({})->empty());
    for (const auto* text : {"0a00", "0a020a00", "1001", "ff", "0a", "0a0208"})
        EXPECT_FALSE(decode_broadcast(*from_hex(text))) << text;
    const std::vector<cid> many(broadcast_heads_max + 1, a);
    EXPECT_EQ(decode_broadcast(encode_broadcast(many))->size(), broadcast_heads_max);
}
