#include "content/unixfs/walk.hpp"

#include <gtest/gtest.h>

#include <map>

#include "base/hex_for_test.hpp"
#include "content/unixfs/block_map_for_test.hpp"
#include "content/unixfs/directory_builder.hpp"
#include "content/unixfs/murmur3.hpp"

using namespace dm;
using namespace dm::unixfs;
using multiformats::codec;

namespace {

/// Feeds a walk from the map until it is done or fails.
result<cid> resolve(const block_map& map, const cid& root, std::string_view path) {
    auto walk = path_walk::start(root, path);
    if (!walk)
        return std::unexpected(walk.error());
    while (walk->wanted())
        if (const auto ok = walk->feed(map.at(*walk->wanted())); !ok)
            return std::unexpected(ok.error());
    return walk->target();
}

result<bytes> read(const block_map& map, const cid& root, file_walk_options options = {}) {
    file_walk walk(root, options);
    bytes out;
    while (walk.wanted()) {
        const auto& block = map.at(*walk.wanted());
        const auto part = walk.feed(block);
        if (!part)
            return std::unexpected(part.error());
        append(out, *part);
    }
    return out;
}

result<std::map<std::string, cid>> list(const block_map& map, const cid& root) {
    directory_walk walk(root);
    std::map<std::string, cid> out;
    while (walk.wanted()) {
        const auto part = walk.feed(map.at(*walk.wanted()));
        if (!part)
            return std::unexpected(part.error());
        for (const auto& entry : *part)
            EXPECT_TRUE(out.emplace(entry.name, entry.target).second) << entry.name;
    }
    return out;
}

subtree directory(block_map& map, const std::map<std::string, subtree>& entries,
                  const profile& p = kubo_cid_v1) {
    directory_builder builder(map.sink(), p);
    for (const auto& [name, entry] : entries)
        EXPECT_TRUE(builder.add(name, entry));
    return builder.finish().value();
}

/// A hand-made node: each child with the size that the parent claims.
cid file_node(block_map& map, const std::vector<std::pair<cid, std::uint64_t>>& children,
              std::optional<std::uint64_t> file_size = std::nullopt,
              std::optional<byte_view> content = std::nullopt) {
    bytes block;
    unixfs_data data{.type = data_type::file, .content = content, .file_size = file_size};
    for (const auto& [child, size] : children) {
        append_dag_pb_link(block, child, "", size);
        data.block_sizes.push_back(size);
    }
    append_dag_pb_data(block, encode_unixfs_data(data));
    const auto id = cid::of(codec::dag_pb, block);
    map.blocks[id] = block;
    return id;
}

cid raw(block_map& map, std::string_view text) {
    const auto id = cid::of(codec::raw, as_bytes(text));
    map.blocks[id] = to_bytes(text);
    return id;
}

struct shard_link {
    std::string name;
    cid target;
};

cid shard_node(block_map& map, const std::vector<shard_link>& links, std::string_view bitfield,
               std::uint64_t fanout = 256, std::uint64_t hash_type = 0x22) {
    bytes block;
    for (const auto& link : links)
        append_dag_pb_link(block, link.target, link.name, 1);
    const auto bits = unhex(bitfield);
    append_dag_pb_data(block, encode_unixfs_data({.type = data_type::hamt_shard,
                                                  .content = bits,
                                                  .hash_type = hash_type,
                                                  .fanout = fanout}));
    const auto id = cid::of(codec::dag_pb, block);
    map.blocks[id] = block;
    return id;
}

errc code_of(const error& e) {
    return static_cast<errc>(e.code.value());
}

constexpr profile tiny{.chunk_bytes = 3, .file_links_max = 2};
constexpr profile sharded{.shard_threshold_bytes = 0};

}  // namespace

TEST(path_walk, finds_files_and_directories_below_a_root) {
    block_map map;
    const auto file = add_file(map, as_bytes("content"));
    const auto inner = directory(map, {{"f", file}});
    const auto root = directory(map, {{"a", inner}, {"b", file}});
    EXPECT_EQ(resolve(map, root.root, "").value(), root.root);
    EXPECT_EQ(resolve(map, root.root, "/").value(), root.root);
    EXPECT_EQ(resolve(map, root.root, "a").value(), inner.root);
    EXPECT_EQ(resolve(map, root.root, "/a//f/").value(), file.root);
    EXPECT_EQ(code_of(resolve(map, root.root, "a/g").error()), errc::not_found);
    EXPECT_EQ(code_of(resolve(map, root.root, "b/f").error()), errc::not_a_directory);
    EXPECT_EQ(code_of(resolve(map, root.root, "a/../b").error()), errc::bad_name);
    EXPECT_EQ(resolve(map, root.root, "a/g").error().message(), "no entry named \"g\"");
}

TEST(path_walk, does_not_follow_symlinks) {
    block_map map;
    const auto link = make_symlink("b", map.sink());
    const auto root = directory(map, {{"link", link}});
    EXPECT_EQ(resolve(map, root.root, "link").value(), link.root);
    EXPECT_EQ(code_of(resolve(map, root.root, "link/x").error()), errc::is_symlink);
}

TEST(path_walk, limits_the_names_of_a_path) {
    std::string path;
    for (std::size_t i = 0; i < path_names_max; ++i)
        path += "/a";
    EXPECT_TRUE(path_walk::start(cid(), path));
    EXPECT_EQ(code_of(path_walk::start(cid(), path + "/a").error()), errc::too_large);
}

TEST(sharded_directory, is_listed_and_searched_like_a_basic_one) {
    block_map map;
    std::map<std::string, subtree> entries;
    for (int i = 1; i <= 3000; ++i)
        entries[std::to_string(i) + ".txt"] = add_file(map, as_bytes(std::to_string(i)));
    const auto root = directory(map, entries, sharded);
    ASSERT_EQ(parse_node(root.root, map.at(root.root))->kind, node_kind::shard);
    const auto listed = list(map, root.root).value();
    ASSERT_EQ(listed.size(), entries.size());
    for (const auto& [name, entry] : entries) {
        EXPECT_EQ(listed.at(name), entry.root);
        EXPECT_EQ(resolve(map, root.root, name).value(), entry.root) << name;
    }
    EXPECT_EQ(code_of(resolve(map, root.root, "3001.txt").error()), errc::not_found);
    EXPECT_EQ(code_of(resolve(map, root.root, "7").error()), errc::not_found);

    const auto above = directory(map, {{"dir", root}});
    EXPECT_EQ(resolve(map, above.root, "dir/7.txt").value(), entries["7.txt"].root);
    const auto below = directory(map, {{"dir", above}}, sharded);
    EXPECT_EQ(resolve(map, below.root, "dir/dir/7.txt").value(), entries["7.txt"].root);
}

TEST(sharded_directory, reads_other_fanouts) {
    block_map map;
    const auto leaf = raw(map, "x");
    // "hello" hashes to cb…: 1100 1011. Fanout 8 takes three bits a level: 110, 010.
    ASSERT_EQ(murmur3_x64_64(as_bytes("hello")) >> 56, 0xcbu);
    const auto inner = shard_node(map, {{"2hello", leaf}}, "04", 8);
    const auto root = shard_node(map, {{"6", inner}}, "40", 8);
    EXPECT_EQ(resolve(map, root, "hello").value(), leaf);
    EXPECT_EQ(list(map, root)->at("hello"), leaf);
    // 1024 slots take ten bits and three digits: 11 0010 1111.
    ASSERT_EQ(murmur3_x64_64(as_bytes("hello")) >> 54, 0x32fu);
    const auto wide = shard_node(map, {{"32Fhello", leaf}}, "80" + std::string(202, '0'), 1024);
    EXPECT_EQ(resolve(map, wide, "hello").value(), leaf);
}

TEST(sharded_directory, refuses_nodes_that_do_not_add_up) {
    block_map map;
    const auto leaf = raw(map, "x");
    const auto parse = [&](const cid& id) { return parse_node(id, map.at(id)); };
    EXPECT_TRUE(parse(shard_node(map, {{"00a", leaf}, {"01b", leaf}}, "03")));
    EXPECT_TRUE(parse(shard_node(map, {}, "")));
    const std::pair<std::vector<shard_link>, std::string> bad[] = {
        {{{"00a", leaf}}, ""},                   // bit not set
        {{{"00a", leaf}}, "02"},                 // another bit set
        {{{"00a", leaf}}, "03"},                 // a bit too many
        {{{"00a", leaf}, {"00b", leaf}}, "03"},  // a slot twice
        {{{"01a", leaf}, {"00b", leaf}}, "03"},  // out of order
        {{{"0a", leaf}}, "01"},                  // no slot
        {{{"0", leaf}}, "01"},
        {{{"", leaf}}, "01"},
        {{{"0bx", leaf}}, "0800"},  // lower-case slot
        {{{"+1x", leaf}}, "02"},
        {{{"00a", leaf}}, std::string(65, '0') + "1"}};
    for (const auto& [links, bitfield] : bad)
        EXPECT_EQ(code_of(parse(shard_node(map, links, bitfield)).error()), errc::malformed_node);
    EXPECT_EQ(code_of(parse(shard_node(map, {{"00a/b", leaf}}, "01")).error()), errc::bad_name);
    for (const std::uint64_t fanout : {0ull, 1ull, 3ull, 2048ull, 1ull << 40})
        EXPECT_EQ(code_of(parse(shard_node(map, {{"00a", leaf}}, "01", fanout)).error()),
                  errc::unsupported_node)
            << fanout;
    EXPECT_EQ(code_of(parse(shard_node(map, {{"00a", leaf}}, "01", 256, 0x12)).error()),
              errc::unsupported_node);
    static_assert(read_fanout_max == 1024);
}

TEST(sharded_directory, cannot_be_made_endless) {
    block_map map;
    const auto leaf = raw(map, "x");
    // "hello" belongs under CB then D8.
    const auto good = shard_node(map, {{"D8hello", leaf}}, "01" + std::string(54, '0'));
    const auto one = shard_node(map, {{"CB", good}}, "08" + std::string(50, '0'));
    EXPECT_EQ(list(map, one)->size(), 1u);
    // The same part a second time holds a name that does not belong there.
    const auto twice = shard_node(map, {{"CA", good}, {"CB", good}}, "0c" + std::string(50, '0'));
    EXPECT_EQ(code_of(list(map, twice).error()), errc::malformed_node);
    const auto empty = shard_node(map, {{"00", shard_node(map, {}, "")}}, "01");
    EXPECT_EQ(code_of(list(map, empty).error()), errc::malformed_node);
    const auto mixed =
        shard_node(map, {{"00", shard_node(map, {{"0hello", leaf}}, "01", 16)}}, "01");
    EXPECT_EQ(code_of(list(map, mixed).error()), errc::malformed_node);
    const auto basic =
        shard_node(map, {{"CB", directory(map, {}).root}}, "08" + std::string(50, '0'));
    EXPECT_EQ(code_of(list(map, basic).error()), errc::malformed_node);
    EXPECT_EQ(code_of(resolve(map, basic, "hello").error()), errc::malformed_node);

    // One level more than the hash has bytes.
    auto chain = shard_node(map, {{"00", leaf}}, "01");
    for (int i = 0; i < 9; ++i)
        chain = shard_node(map, {{"00", chain}}, "01");
    EXPECT_EQ(code_of(list(map, chain).error()), errc::too_deep);
}

TEST(sharded_directory, is_not_searched_deeper_than_the_hash) {
    block_map map;
    // "hello" is cbd8a7b341bd9b02: a part for each of its bytes, and one more.
    auto at = shard_node(map, {{"02", raw(map, "x")}}, "04");
    for (const char* slot : {"02", "9B", "BD", "41", "B3", "A7", "D8", "CB"}) {
        const auto number = std::strtoul(slot, nullptr, 16);
        std::string bits(64, '0');
        bits[63 - number / 4] = static_cast<char>('0' + (1 << number % 4));
        at = shard_node(map, {{slot, at}}, bits);
    }
    EXPECT_EQ(code_of(resolve(map, at, "hello").error()), errc::too_deep);
    EXPECT_EQ(code_of(list(map, at).error()), errc::too_deep);
}

TEST(directory_walk, lists_basic_directories_and_nothing_else) {
    block_map map;
    const auto file = add_file(map, as_bytes("x"));
    EXPECT_EQ(list(map, directory(map, {{"a", file}, {"b", file}}).root)->size(), 2u);
    EXPECT_TRUE(list(map, directory(map, {}).root)->empty());
    EXPECT_EQ(code_of(list(map, file.root).error()), errc::not_a_directory);
    EXPECT_EQ(code_of(list(map, make_symlink("x", map.sink()).root).error()),
              errc::not_a_directory);
}

TEST(file_walk, returns_the_bytes_of_a_file_in_order) {
    block_map map;
    for (std::size_t size : {0u, 1u, 3u, 4u, 6u, 7u, 12u, 13u, 100u}) {
        const auto content = pattern(size);
        const auto file = add_file(map, content, tiny);
        EXPECT_EQ(read(map, file.root).value(), content) << size;
        profile no_raw = tiny;
        no_raw.raw_leaves = false;
        EXPECT_EQ(read(map, add_file(map, content, no_raw).root).value(), content) << size;
    }
}

TEST(file_walk, reads_any_range_and_only_the_blocks_it_needs) {
    block_map map;
    const auto content = pattern(30);
    const auto file = add_file(map, content, tiny);
    for (std::size_t offset = 0; offset <= 31; ++offset)
        for (std::size_t length = 0; length <= 31; ++length) {
            const auto start = std::min<std::size_t>(offset, 30);
            const auto part = byte_view{content}.subspan(start, std::min(length, 30 - start));
            EXPECT_EQ(read(map, file.root, {.offset = offset, .length = length}).value(),
                      to_bytes(part))
                << offset << "+" << length;
        }
    EXPECT_EQ(read(map, file.root, {.offset = 28, .length = UINT64_MAX}).value().size(), 2u);
    EXPECT_EQ(read(map, file.root, {.offset = UINT64_MAX}).value().size(), 0u);

    std::size_t blocks = 0;
    file_walk walk(file.root, {.offset = 12, .length = 3});
    for (; walk.wanted(); ++blocks)
        ASSERT_TRUE(walk.feed(map.at(*walk.wanted())));
    EXPECT_EQ(blocks, 5u) << "four inner nodes on the way to one leaf";
    EXPECT_EQ(walk.file_size(), 30u);
}

TEST(file_walk, knows_what_will_be_wanted) {
    block_map map;
    const auto file = add_file(map, pattern(12), tiny);
    file_walk walk(file.root);
    EXPECT_EQ(walk.upcoming(5), std::vector<cid>{file.root});
    ASSERT_TRUE(walk.feed(map.at(file.root)));
    EXPECT_EQ(walk.upcoming(5).size(), 2u);
    EXPECT_EQ(walk.upcoming(1).front(), *walk.wanted());
}

TEST(file_walk, reads_bytes_that_stand_before_the_children) {
    block_map map;
    const auto leaf = raw(map, "cd");
    const auto root = file_node(map, {{leaf, 2}}, 4, as_bytes("ab"));
    EXPECT_EQ(as_chars(read(map, root).value()), "abcd");
    EXPECT_EQ(as_chars(read(map, root, {.offset = 1, .length = 2}).value()), "bc");
}

TEST(file_walk, finds_every_lie_about_sizes) {
    block_map map;
    const auto leaf = raw(map, "abc");
    EXPECT_TRUE(read(map, file_node(map, {{leaf, 3}}, 3)));
    EXPECT_TRUE(read(map, file_node(map, {{leaf, 3}})));
    for (const std::uint64_t claimed : {2u, 4u}) {
        EXPECT_EQ(code_of(read(map, file_node(map, {{leaf, claimed}})).error()),
                  errc::size_mismatch);
        EXPECT_EQ(code_of(read(map, file_node(map, {{leaf, 3}}, claimed)).error()),
                  errc::size_mismatch);
    }
    const auto inner = file_node(map, {{leaf, 3}, {leaf, 3}});
    EXPECT_EQ(code_of(read(map, file_node(map, {{inner, 5}})).error()), errc::size_mismatch);
    EXPECT_EQ(code_of(read(map, file_node(map, {{leaf, UINT64_MAX}, {leaf, 3}})).error()),
              errc::size_mismatch);

    bytes block;
    append_dag_pb_link(block, leaf, "", 3);
    append_dag_pb_data(block, encode_unixfs_data({.type = data_type::file, .file_size = 3}));
    EXPECT_EQ(code_of(parse_node(cid::of(codec::dag_pb, block), block).error()),
              errc::malformed_node);
}

TEST(file_walk, refuses_what_is_no_file) {
    block_map map;
    const auto dir = directory(map, {});
    EXPECT_EQ(code_of(read(map, dir.root).error()), errc::not_a_file);
    EXPECT_EQ(code_of(read(map, make_symlink("x", map.sink()).root).error()), errc::not_a_file);
    EXPECT_EQ(code_of(read(map, file_node(map, {{dir.root, 4}})).error()), errc::malformed_node);
    const cid cbor(codec::dag_cbor, multiformats::multihash::sha2_256({}));
    map.blocks[cbor] = {};
    EXPECT_EQ(code_of(read(map, cbor).error()), errc::unsupported_node);
}

TEST(file_walk, limits_depth) {
    block_map map;
    auto node = raw(map, "x");
    for (std::size_t depth = 0; depth + 1 < tree_depth_max; ++depth)
        node = file_node(map, {{node, 1}});
    EXPECT_EQ(as_chars(read(map, node).value()), "x");
    EXPECT_EQ(code_of(read(map, file_node(map, {{node, 1}})).error()), errc::too_deep);
}

TEST(file_walk, limits_the_size_of_a_file) {
    block_map map;
    const auto file = add_file(map, as_bytes("abcdef"), tiny);
    EXPECT_TRUE(read(map, file.root, {.file_bytes_max = 6}));
    EXPECT_EQ(code_of(read(map, file.root, {.file_bytes_max = 5}).error()), errc::too_large);
    // A small tree can claim much.
    auto node = raw(map, "x");
    std::uint64_t size = 1;
    for (int i = 0; i < 50; ++i) {
        node = file_node(map, {{node, size}, {node, size}});
        size *= 2;
    }
    EXPECT_EQ(code_of(read(map, node).error()), errc::too_large);
}

TEST(file_walk, does_not_visit_empty_children) {
    block_map map;
    auto node = raw(map, "");
    for (int i = 0; i < 50; ++i)
        node = file_node(map, {{node, 0}, {node, 0}});
    EXPECT_TRUE(read(map, node).value().empty());
}

TEST(file_walk, limits_what_it_remembers) {
    block_map map;
    const auto leaf = raw(map, "x");
    const std::vector<std::pair<cid, std::uint64_t>> leaves(30000, {leaf, 1});
    auto node = file_node(map, leaves);
    std::uint64_t size = leaves.size();
    std::size_t levels = 1;
    for (; levels * (leaves.size() - 1) + 1 <= walk_pending_max; ++levels) {
        std::vector<std::pair<cid, std::uint64_t>> children(leaves);
        children.front() = {node, size};
        size += leaves.size() - 1;
        node = file_node(map, children);
    }
    file_walk walk(node);
    std::size_t fed = 0;
    result<byte_view> last{};
    for (; last && fed < levels; ++fed)
        last = walk.feed(map.at(*walk.wanted()));
    EXPECT_EQ(fed, levels);
    ASSERT_FALSE(last);
    EXPECT_EQ(code_of(last.error()), errc::too_large);
}

TEST(node, refuses_directories_with_bad_or_repeated_names) {
    const auto directory_of = [](const std::vector<std::string>& names) {
        bytes block;
        for (const auto& name : names)
            append_dag_pb_link(block, cid(), name, 0);
        append_dag_pb_data(block, encode_unixfs_data({.type = data_type::directory}));
        return parse_node(cid::of(codec::dag_pb, block), block);
    };
    EXPECT_TRUE(directory_of({"a", "b"}));
    EXPECT_TRUE(directory_of({"b", "a"})) << "order is the writer's business";
    EXPECT_EQ(code_of(directory_of({""}).error()), errc::bad_name);
    EXPECT_EQ(code_of(directory_of({".."}).error()), errc::bad_name);
    EXPECT_EQ(code_of(directory_of({"../../etc/passwd"}).error()), errc::bad_name);
    EXPECT_EQ(code_of(directory_of({"a", "b", "a"}).error()), errc::duplicate_name);
}

TEST(node, refuses_other_blocks) {
    const auto parse = [](const char* hex) {
        const auto block = unhex(hex);
        return parse_node(cid::of(codec::dag_pb, block), block).error();
    };
    EXPECT_EQ(code_of(parse("")), errc::malformed_node);            // no data
    EXPECT_EQ(code_of(parse("0a00")), errc::malformed_node);        // no type
    EXPECT_EQ(code_of(parse("0a020803")), errc::unsupported_node);  // metadata
    EXPECT_EQ(code_of(parse("12060a04015500000a020804")), errc::malformed_node);
    const bytes large(block_bytes_max + 1);
    EXPECT_EQ(code_of(parse_node(cid::of(codec::raw, large), large).error()), errc::too_large);
    EXPECT_TRUE(parse_node(cid(), byte_view{large}.first(block_bytes_max)));
}
