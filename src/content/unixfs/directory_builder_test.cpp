#include "content/unixfs/directory_builder.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>

#include "base/hex.hpp"
#include "content/unixfs/block_map_for_test.hpp"
#include "content/unixfs/murmur3.hpp"
#include "content/unixfs/node.hpp"
#include "crypto/digest.hpp"
#include "crypto/hash.hpp"

using namespace dm;
using namespace dm::unixfs;

namespace {

/// Names as Kubo's tests make them, from a ChaCha20 key stream.
class name_stream {
  public:
    explicit name_stream(std::string_view seed, std::size_t bytes_needed) : letters_(bytes_needed) {
        const auto key = crypto::sha256(as_bytes(seed));
        const unsigned char iv[16] = {};
        const bytes zeros(bytes_needed);
        auto* context = EVP_CIPHER_CTX_new();
        int written = 0;
        EVP_EncryptInit_ex(context, EVP_chacha20(), nullptr,
                           reinterpret_cast<const unsigned char*>(key.data()), iv);
        EVP_EncryptUpdate(context, reinterpret_cast<unsigned char*>(letters_.data()), &written,
                          reinterpret_cast<const unsigned char*>(zeros.data()),
                          static_cast<int>(bytes_needed));
        EVP_CIPHER_CTX_free(context);
    }
    std::string next(std::size_t size) {
        constexpr std::string_view alphabet = "abcdefghijklmnopqrstuvwxyz01234567890-_";
        std::string out;
        for (; out.size() < size; ++at_)
            out += alphabet[to_u8(letters_[at_]) % alphabet.size()];
        return out;
    }

  private:
    bytes letters_;
    std::size_t at_ = 0;
};

/// A directory of `count` files named by the stream, then perhaps one of another length.
subtree directory_of(const char* seed, std::size_t count, std::size_t length, std::size_t last,
                     const profile& p, block_map& map) {
    name_stream names(seed, count * length + last);
    const auto file = add_file(map, as_bytes("x"), p);
    directory_builder builder(map.sink(), p);
    for (std::size_t i = 0; i < count; ++i)
        EXPECT_TRUE(builder.add(names.next(length), file));
    if (last > 0) {
        EXPECT_TRUE(builder.add(names.next(last), file));
    }
    return builder.finish().value();
}

}  // namespace

TEST(murmur3, gives_the_vectors_of_the_reference) {
    EXPECT_EQ(murmur3_x64_64({}), 0u);
    EXPECT_EQ(murmur3_x64_64(as_bytes("hello")), 0xcbd8a7b341bd9b02u);
    EXPECT_EQ(murmur3_x64_64(as_bytes("470.txt")), 0x006e88df5847e67cu);
    // Longer than a block, from the reference implementation's well-known test sentence.
    EXPECT_EQ(murmur3_x64_64(as_bytes("The quick brown fox jumps over the lazy dog")),
              0xe34bbc7bbc071b6cu);
}

TEST(directory_builder, names_the_empty_directory) {
    block_map map;
    const auto v1 = directory_builder(map.sink()).finish().value();
    EXPECT_EQ(v1.root.to_string(), "bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354");
    EXPECT_EQ(v1.tsize, 4u);
    const auto v0 = directory_builder(map.sink(), unixfs_v0_2015).finish().value();
    EXPECT_EQ(v0.root.to_string(), "QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn");
}

TEST(directory_builder, gives_the_fixture_with_one_file) {
    block_map map;
    const auto file = add_file(map, as_bytes("abcdef"), {.chunk_bytes = 3});
    directory_builder builder(map.sink());
    ASSERT_TRUE(builder.add("f", file));
    const auto dir = builder.finish().value();
    EXPECT_EQ(dir.root.to_string(), "bafybeics77bhdclsm5cfc7qbowrqsetbb5j6cqwjpsmcig4f33wnzzphx4");
    EXPECT_EQ(dir.tsize, map.at(dir.root).size() + 104);
}

// The image of the reference: config, one layer, manifest, as the prototype's importer adds it.
TEST(directory_builder, gives_the_root_of_the_golden_image) {
    block_map map;
    const std::string config =
        R"({"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}})";
    const auto layer = pattern(300000);
    const auto digest_of = [](byte_view data) {
        return crypto::hash_of(crypto::hash_algorithm::sha256, data).to_string();
    };
    const auto config_name = digest_of(as_bytes(config));
    const auto layer_name = digest_of(layer);
    const std::string docker = "application/vnd.docker.";
    const auto manifest =
        R"({"schemaVersion":2,"mediaType":")" + docker + R"(distribution.manifest.v2+json",)" +
        R"("config":{"mediaType":")" + docker + R"(container.image.v1+json","size":78,"digest":")" +
        config_name + R"("},"layers":[{"mediaType":")" + docker +
        R"(image.rootfs.diff.tar.gzip","size":300000,"digest":")" + layer_name + R"("}]})";
    ASSERT_EQ(manifest.size(), 425u);
    const auto manifest_name = digest_of(as_bytes(manifest));
    EXPECT_EQ(manifest_name,
              "sha256:7ad8eb2027a946004b38e1990d5f96f917eda8293a8b4c3ae3764ce8883d87f2");

    directory_builder blobs(map.sink());
    ASSERT_TRUE(blobs.add(layer_name, add_file(map, layer)));
    ASSERT_TRUE(blobs.add(config_name, add_file(map, as_bytes(config))));
    directory_builder manifests(map.sink());
    ASSERT_TRUE(manifests.add("latest", add_file(map, as_bytes(manifest))));
    ASSERT_TRUE(manifests.add(manifest_name, add_file(map, as_bytes(manifest))));
    const auto blobs_dir = blobs.finish().value();
    const auto manifests_dir = manifests.finish().value();
    EXPECT_EQ(blobs_dir.root.to_string(),
              "bafybeift7tra5mjjz3r4du5ubcqw3v7syxaw5rcwmogbxcuvre55as3lh4");
    EXPECT_EQ(manifests_dir.root.to_string(),
              "bafybeigps6eqpbmccqqw2ga2tqcan34hrx2at3ncy4ejprfpeblu772yle");
    directory_builder root(map.sink());
    ASSERT_TRUE(root.add("manifests", manifests_dir));
    ASSERT_TRUE(root.add("blobs", blobs_dir));
    EXPECT_EQ(root.finish()->root.to_string(),
              "bafybeieicit3h4abhx5vtvamibtmsq4uqwzwcx32p4geoour6gybtpdcyq");
}

TEST(directory_builder, shards_exactly_where_kubo_does) {
    block_map map;
    const auto basic_v0 = directory_of("hamt-unixfs-v0-2015", 4096, 30, 0, unixfs_v0_2015, map);
    EXPECT_EQ(basic_v0.root.to_string(), "QmX5GtRk3TSSEHtdrykgqm4eqMEn3n2XhfkFAis5fjyZmN");
    const auto hamt_v0 = directory_of("hamt-unixfs-v0-2015", 4033, 31, 0, unixfs_v0_2015, map);
    EXPECT_EQ(hamt_v0.root.to_string(), "QmeMiJzmhpJAUgynAcxTQYek5PPKgdv3qEvFsdV3XpVnvP");
    const auto basic_v1 = directory_of("hamt-unixfs-v1-2025", 4765, 11, 21, unixfs_v1_2025, map);
    EXPECT_EQ(basic_v1.root.to_string(),
              "bafybeic3h7rwruealwxkacabdy45jivq2crwz6bufb5ljwupn36gicplx4");
    EXPECT_EQ(map.at(basic_v1.root).size(), 262144u);
    const auto hamt_v1 = directory_of("hamt-unixfs-v1-2025", 4765, 11, 22, unixfs_v1_2025, map);
    EXPECT_EQ(hamt_v1.root.to_string(),
              "bafybeiegvuterwurhdtkikfhbxcldohmxp566vpjdofhzmnhv6o4freidu");
}

// Printed by `ipfs add -r --cid-version=1` and, last, `ipfs add -r` of Kubo 0.42.
TEST(directory_builder, gives_the_roots_that_kubo_prints) {
    block_map map;
    const auto numbered = [&](int i) { return add_file(map, as_bytes(std::to_string(i % 50))); };
    directory_builder edge(map.sink());
    directory_builder over(map.sink());
    for (int i = 0; i < 4096; ++i) {
        ASSERT_TRUE(edge.add(fmt::format("{:028}", i), numbered(i)));
        const auto name = i < 4095 ? fmt::format("{:028}", i) : std::string(29, '9');
        ASSERT_TRUE(over.add(name, numbered(i)));
    }
    EXPECT_EQ(edge.finish()->root.to_string(),
              "bafybeialviphkqlnvjvume47mu3gt37jhajuxegjzmrqe565yrnnb4cv7y");
    EXPECT_EQ(over.finish()->root.to_string(),
              "bafybeibspays6ask5gsopg5oluytwuhukqxvwfc2hesr7wolimpow2wbwm");
    // A sharded directory with files, a directory and a symlink, below another one.
    for (const auto& [p, root] :
         {std::pair{kubo_cid_v1, "bafybeih52kjujfmrsktpuc6evi6f7ndeo72iwo66jhk6xeokjqxdlaf3t4"},
          std::pair{unixfs_v0_2015, "QmZCxVTxqj2RmaA3yQvngJHFri3FNMZH7R3FHvRybn6VrR"}}) {
        directory_builder inner(map.sink(), p);
        for (int i = 0; i < 9000; ++i)
            ASSERT_TRUE(inner.add(fmt::format("file-{}.layer", i),
                                  add_file(map, as_bytes(std::to_string(i % 50)), p)));
        ASSERT_TRUE(inner.add("subdir", directory_builder(map.sink(), p).finish().value()));
        ASSERT_TRUE(inner.add("link", make_symlink("file-1.layer", map.sink(), p)));
        directory_builder outer(map.sink(), p);
        ASSERT_TRUE(outer.add("inner", inner.finish().value()));
        ASSERT_TRUE(outer.add("x", add_file(map, as_bytes("x"), p)));
        EXPECT_EQ(outer.finish()->root.to_string(), root);
    }
}

TEST(directory_builder, does_not_depend_on_the_order_of_entries) {
    block_map map;
    const auto file = add_file(map, as_bytes("x"));
    const profile sharded{.shard_threshold_bytes = 0};
    for (const auto& p : {kubo_cid_v1, sharded}) {
        directory_builder forward(map.sink(), p);
        directory_builder backward(map.sink(), p);
        for (int i = 0; i < 500; ++i) {
            ASSERT_TRUE(forward.add(std::to_string(i), file));
            ASSERT_TRUE(backward.add(std::to_string(499 - i), file));
        }
        EXPECT_EQ(forward.finish().value(), backward.finish().value());
    }
}

TEST(directory_builder, refuses_bad_and_repeated_names) {
    block_map map;
    directory_builder builder(map.sink());
    for (const std::string& name : {std::string(), std::string("."), std::string(".."),
                                    std::string("a/b"), std::string("a\0b", 3)})
        EXPECT_EQ(builder.add(name, {}).error().code, errc::bad_name) << name;
    EXPECT_TRUE(builder.add("...", {}));
    EXPECT_TRUE(builder.add("\xff\xfe", {}));
    EXPECT_EQ(builder.add("...", {}).error().code, errc::duplicate_name);
}

TEST(symlink, holds_its_target) {
    block_map map;
    const auto link = make_symlink("../b", map.sink());
    EXPECT_EQ(to_hex(map.at(link.root)),
              "0a080804"
              "1204" +
                  to_hex(as_bytes("../b")));
    const auto node = parse_node(link.root, map.at(link.root)).value();
    EXPECT_EQ(node.kind, node_kind::symlink);
    EXPECT_EQ(as_chars(node.content), "../b");
    EXPECT_EQ(link.tsize, 10u);
}
