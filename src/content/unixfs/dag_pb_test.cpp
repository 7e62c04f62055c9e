#include "content/unixfs/dag_pb.hpp"

#include <gtest/gtest.h>

#include "base/hex_for_test.hpp"
#include "content/unixfs/data.hpp"

using namespace dm;
using namespace dm::unixfs;

namespace {

// "abcdef" in chunks of three, and a directory with it as "f": Kubo and the JS importer agree.
constexpr const char* file_block =
    "122a0a2401551220ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad12001803"
    "122a0a2401551220cb8379ac2098aa165029e3938a51da0bcecfc008fd6795f401178647f96c5b3412001803"
    "0a080802180620032003";
constexpr const char* directory_block =
    "122b0a2401701220a31e59101c2242b7617c1c4d7276ac81ab87f7d48ac17dda7560d55aaa3d82a31201661868"
    "0a020801";
// A link: identity CID of nothing, then perhaps a name and a size.
constexpr const char* bare_link = "12060a0401550000";

errc code_of(const char* hex) {
    const auto node = decode_dag_pb(unhex(hex));
    EXPECT_FALSE(node) << hex;
    return node ? errc{} : static_cast<errc>(node.error().code.value());
}

}  // namespace

TEST(dag_pb, reads_and_writes_the_fixtures) {
    for (const char* hex : {file_block, directory_block, "", "0a00", bare_link}) {
        const auto block = unhex(hex);
        const auto node = decode_dag_pb(block);
        ASSERT_TRUE(node) << hex;
        EXPECT_EQ(to_hex(encode_dag_pb(*node)), hex);
    }
    const auto block = unhex(file_block);
    EXPECT_EQ(cid::of(multiformats::codec::dag_pb, block).to_string(),
              "bafybeifddzmrahbcik3wc7a4jvzhnlebvod7pvekyf65u5la2vnkupmcum");
    const auto node = decode_dag_pb(block).value();
    ASSERT_EQ(node.links.size(), 2u);
    EXPECT_EQ(node.links[1].name, "");
    EXPECT_EQ(node.links[1].tsize, 3u);
    EXPECT_EQ(to_hex(*node.data), "0802180620032003");
}

TEST(dag_pb, names_the_empty_block) {
    EXPECT_EQ(cid::v0(multiformats::multihash::sha2_256({})).to_string(),
              "QmdfTbBqBPQ7VNxZEYEj14VmRuZBkqFbiwReogJgS1zR1n");
}

TEST(dag_pb, keeps_absent_and_empty_apart) {
    const auto absent = decode_dag_pb(unhex(bare_link)).value();
    EXPECT_FALSE(absent.links[0].name);
    EXPECT_FALSE(absent.links[0].tsize);
    EXPECT_FALSE(absent.data);
    const auto empty = decode_dag_pb(unhex("120a0a0401550000120018000a00")).value();
    EXPECT_EQ(empty.links[0].name, "");
    EXPECT_EQ(empty.links[0].tsize, 0u);
    EXPECT_TRUE(empty.data && empty.data->empty());
}

TEST(dag_pb, takes_data_before_or_after_the_links_but_not_between) {
    const std::string link = bare_link;
    EXPECT_TRUE(decode_dag_pb(unhex("0a020801" + link + link)));
    EXPECT_TRUE(decode_dag_pb(unhex(link + link + "0a020801")));
    EXPECT_EQ(code_of((link + "0a020801" + link).c_str()), errc::malformed_node);
    EXPECT_EQ(code_of(("0a020801" + link + "0a020801").c_str()), errc::malformed_node);
    EXPECT_EQ(code_of("0a0208010a020801"), errc::malformed_node);
}

TEST(dag_pb, refuses_what_the_codec_forbids) {
    for (const char* hex : {"00",
                            "0a",
                            "0a01",
                            "1a00",
                            "0800",
                            "1000",
                            "2206616263646566",
                            "0d00000000",
                            "1200",      // link without a hash
                            "12021200",  // name without a hash
                            "12080a0401550000"
                            "2000",                          // unknown field in a link
                            "12080a04015500001000",          // wrong type of name
                            "12080a04015500001a00",          // wrong type of tsize
                            "120a0a040155000018001200",      // tsize before name
                            "120c0a04015500000a0401550000",  // two hashes
                            "120a0a040155000012001200",      // two names
                            "12080a020155",                  // shorter than it says
                            "12040a020155",                  // half a CID
                            "12070a050155000000",            // a byte after the CID
                            "12050a0355aabb",                // no CID
                            "12080800120018000a00"})
        EXPECT_EQ(code_of(hex), errc::malformed_node) << hex;
}

TEST(dag_pb, limits_links_and_size_of_a_block) {
    const auto link = unhex(bare_link);
    bytes block;
    for (std::size_t i = 0; i < node_links_max; ++i)
        append(block, link);
    EXPECT_EQ(decode_dag_pb(block).value().links.size(), node_links_max);
    append(block, link);
    EXPECT_EQ(decode_dag_pb(block).error().code, errc::too_large);

    bytes large;
    append_dag_pb_data(large, bytes(block_bytes_max - 4));
    ASSERT_EQ(large.size(), block_bytes_max);
    EXPECT_TRUE(decode_dag_pb(large));
    large.clear();
    append_dag_pb_data(large, bytes(block_bytes_max - 3));
    EXPECT_EQ(decode_dag_pb(large).error().code, errc::too_large);
}

TEST(dag_pb, predicts_the_size_of_a_link) {
    const auto raw = cid::of(multiformats::codec::raw, {});
    const auto v0 = cid::v0(multiformats::multihash::sha2_256({}));
    for (const auto& target : {raw, v0, cid()})
        for (const std::size_t name_size : {0u, 1u, 80u, 127u, 128u, 300u})
            for (const std::uint64_t tsize : {std::uint64_t{0}, std::uint64_t{128}, UINT64_MAX}) {
                bytes block;
                const std::string name(name_size, 'n');
                append_dag_pb_link(block, target, name, tsize);
                EXPECT_EQ(block.size(), dag_pb_link_size(target, name, tsize));
            }
}

TEST(unixfs_data, reads_and_writes_every_field) {
    for (const char* hex : {"0801", "08021800", "08020a00", "0802180620032003", "08041203616263",
                            "0805120400000102282230"
                            "8002",
                            "080218003801",
                            "0802180038a403420b088094ebdc03150100"
                            "0000"}) {
        const auto bytes_in = unhex(hex);
        const auto data = decode_unixfs_data(bytes_in);
        if (std::string_view(hex) == "08020a00") {
            EXPECT_FALSE(data) << "the type twice";
            continue;
        }
        ASSERT_TRUE(data) << hex;
        EXPECT_EQ(to_hex(encode_unixfs_data(*data)), hex);
    }
    const auto timed = unhex(
        "0802180038a403420b088094ebdc03150100"
        "0000");
    const auto data = decode_unixfs_data(timed).value();
    EXPECT_EQ(data.mode, 0644u);
    EXPECT_EQ(data.mtime->seconds, 1000000000);
    EXPECT_EQ(data.mtime->nanoseconds, 1u);
}

TEST(unixfs_data, takes_what_protobuf_allows) {
    // packed sizes, any order, unknown fields
    const auto packed = decode_unixfs_data(unhex("18060802"
                                                 "22020303"
                                                 "5001"))
                            .value();
    EXPECT_EQ(packed.block_sizes, (std::vector<std::uint64_t>{3, 3}));
    EXPECT_EQ(packed.file_size, 6u);
    // seconds before 1970
    const auto old = decode_unixfs_data(unhex("0801420b08ffffffffffffffffff01")).value();
    EXPECT_EQ(old.mtime->seconds, -1);
}

TEST(unixfs_data, refuses_what_is_broken_or_there_twice) {
    for (const char* hex : {"",
                            "18",
                            "1800",
                            "08",
                            "08020801",
                            "0a0102",
                            "080212",
                            "08021200"
                            "1200",
                            "0802180018"
                            "00",
                            "08021a00",
                            "0802220180",
                            "0802280028"
                            "00",
                            "080230003000",
                            "080238003800",
                            "08023880808080"
                            "10",
                            "080242004200",
                            "08024200",
                            "0802420408000800",
                            "0802420a0800150000000015"
                            "00000000",
                            "0802420210"
                            "00",
                            "08024202"
                            "1800"})
        EXPECT_FALSE(decode_unixfs_data(unhex(hex))) << hex;
    EXPECT_EQ(decode_unixfs_data(unhex("0806")).error().code, errc::unsupported_node);
}

TEST(unixfs_data, limits_the_number_of_block_sizes) {
    unixfs_data data{.type = data_type::file};
    data.block_sizes.assign(node_links_max, 1);
    EXPECT_TRUE(decode_unixfs_data(encode_unixfs_data(data)));
    data.block_sizes.push_back(1);
    EXPECT_EQ(decode_unixfs_data(encode_unixfs_data(data)).error().code, errc::malformed_node);
}
