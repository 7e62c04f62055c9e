#include "content/unixfs/file_builder.hpp"

#include <gtest/gtest.h>
#include <openssl/evp.h>

#include "base/hex.hpp"
#include "content/unixfs/block_map_for_test.hpp"
#include "crypto/hash.hpp"

using namespace dm;
using namespace dm::unixfs;

namespace {

/// The root of the first `size` bytes that `next(n)` yields.
template <class Next>
file_builder feed(std::size_t size, const profile& p, Next next) {
    file_builder builder([](const cid&, byte_view) {}, p);
    for (std::size_t done = 0; done < size;) {
        const auto chunk = std::min(p.chunk_bytes, size - done);
        builder.add_leaf(make_leaf(next(chunk), p).node);
        done += chunk;
    }
    return builder;
}

/// The key stream that Kubo's tests make their content of.
class key_stream {
  public:
    explicit key_stream(std::string_view seed)
        : context_(EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free) {
        const auto key = crypto::sha256(as_bytes(seed));
        const unsigned char iv[16] = {};
        EVP_EncryptInit_ex(context_.get(), EVP_chacha20(), nullptr,
                           reinterpret_cast<const unsigned char*>(key.data()), iv);
    }
    byte_view operator()(std::size_t size) {
        zeros_.resize(size);
        out_.resize(size);
        int written = 0;
        EVP_EncryptUpdate(context_.get(), reinterpret_cast<unsigned char*>(out_.data()), &written,
                          reinterpret_cast<const unsigned char*>(zeros_.data()),
                          static_cast<int>(size));
        return out_;
    }

  private:
    std::unique_ptr<EVP_CIPHER_CTX, void (*)(EVP_CIPHER_CTX*)> context_;
    bytes zeros_;
    bytes out_;
};

std::string root_of_stream(const char* seed, std::size_t size, const profile& p) {
    key_stream next(seed);
    return feed(size, p, std::ref(next)).finish().root.to_string();
}

}  // namespace

TEST(file_builder, gives_the_golden_roots_of_the_original) {
    const std::pair<std::size_t, const char*> vectors[] = {
        {0, "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"},
        {1, "bafkreidogqfzz75tpkmjzjke425xqcrmpcib2p5tg44hnbirumdbpl5adu"},
        {262144, "bafkreietseox7mbu3i3vb7ros2unfux4aqryzvgytw7scpl5juzn65javy"},
        {262145, "bafybeicouja4gg2waqb57du37qije2sp5slnazguiuchd2lj4gix54r2pa"},
        {600000, "bafybeiak23n6ofmsx2lznv663xobploaagi6qsh27ocdkzkkrbtuzumk3e"},
        {45613056, "bafybeiblbsv5a3wqsdcuiqzsbodtue2dbbwppjdjv7giyiyuqa2bxikayu"},
        {45613057, "bafybeihr7g6tzxx3ngulodiuwm2mvgfumbxrp65wbw5gl2rpk3lrhcwfky"},
        {104857600, "bafybeiae457hsbvniu4yssgsujbms6zdf4shcxa7yqnvwfmke5s22ysuam"}};
    // 262144 is a multiple of the pattern's period of 65536: all full chunks are the same.
    const auto whole = pattern(262144);
    ASSERT_EQ(pattern(1000, 262144), to_bytes(byte_view{whole}.first(1000)));
    for (const auto& [size, root] : vectors) {
        auto builder =
            feed(size, kubo_cid_v1, [&](std::size_t n) { return byte_view{whole}.first(n); });
        const auto file = builder.finish();
        EXPECT_EQ(file.root.to_string(), root) << size;
        EXPECT_EQ(file.size, size);
    }
}

TEST(file_builder, gives_the_fixture_of_two_small_chunks) {
    block_map map;
    const auto file = add_file(map, as_bytes("abcdef"), {.chunk_bytes = 3});
    EXPECT_EQ(file.root.to_string(), "bafybeifddzmrahbcik3wc7a4jvzhnlebvod7pvekyf65u5la2vnkupmcum");
    EXPECT_EQ(file.tsize, 104u);
    EXPECT_EQ(to_hex(map.at(file.root)),
              "122a0a2401551220ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad1200"
              "1803122a0a2401551220cb8379ac2098aa165029e3938a51da0bcecfc008fd6795f401178647f96c5b34"
              "120018030a080802180620032003");
}

TEST(file_builder, lays_out_levels_as_the_js_importer_does) {
    const std::pair<std::size_t, const char*> vectors[] = {
        {2, "bafybeiax4xog4m4p3j73flgovgmljykx4e4ziialjigptc6zvybvekste4"},
        {3, "bafybeicxao4gcslmxy6o2mbp6cobj7qip676vtaardrze2bir6mhgcu5ia"},
        {4, "bafybeiaztejexwqsfkiqusriycdnjz4xsvz2ul6wekotnttgprhrdsslhe"},
        {5, "bafybeicz2j7ksddtkik45gdqmit54jhzx2jpllzdwzt4aofz6usgvid5sm"},
        {7, "bafybeiexgvvvmhytjvkb26ub67hmqulnoc42ut5vyodh5hymk2nsbpyqei"},
        {9, "bafybeiabjmlgiar5hpd2j62voxv65iv7wjtbugvdphyw723qnb4zm2azvy"}};
    for (const auto& [letters, root] : vectors) {
        block_map map;
        const auto text = std::string_view("abcdefghij").substr(0, letters);
        const auto file = add_file(map, as_bytes(text), {.chunk_bytes = 1, .file_links_max = 2});
        EXPECT_EQ(file.root.to_string(), root) << letters;
    }
}

TEST(file_builder, follows_every_profile_on_small_files) {
    constexpr profile v1_no_raw{.raw_leaves = false};
    const std::tuple<const char*, profile, const char*> vectors[] = {
        {"hello world", unixfs_v0_2015, "Qmf412jQZiuVUtdgnB36FXFX7xg5V6KEbSJ4dpQuhkLyfD"},
        {"hello world", unixfs_v1_2025,
         "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e"},
        {"hello world", v1_no_raw, "bafybeihykld7uyxzogax6vgyvag42y7464eywpf55gxi5qpoisibh3c5wa"},
        {"", unixfs_v0_2015, "QmbFMke1KXqnYyBBWxB74N4c5SBnJMVAiMNRcGu6x1AwQH"},
        {"", v1_no_raw, "bafybeif7ztnhq65lumvvtr4ekcwd2ifwgm3awq4zfr3srh462rwyinlb4y"},
        {"", kubo_cid_v1, "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"},
        {"x", unixfs_v0_2015, "QmULKig5Fxrs2sC4qt9nNduucXfb92AFYQ6Hi3YRqDmrYC"},
        {"x", unixfs_v1_2025, "bafkreibnoelefnzgwbcacyt4vh52ymxvzbjq7mmqhtcnwarfq4lzegsiqe"}};
    for (const auto& [content, p, root] : vectors) {
        block_map map;
        const auto file = add_file(map, as_bytes(content), p);
        EXPECT_EQ(file.root.to_string(), root);
        EXPECT_EQ(map.blocks.count(file.root), 1u) << "also the leaf of nothing is handed out";
    }
    block_map map;
    EXPECT_EQ(add_file(map, as_bytes("x"), unixfs_v0_2015).tsize, 9u);
    EXPECT_EQ(add_file(map, as_bytes("x"), unixfs_v1_2025).tsize, 1u);
}

TEST(file_builder, follows_kubo_at_the_edge_of_one_chunk) {
    EXPECT_EQ(root_of_stream("chunk-v0-seed", 262144, unixfs_v0_2015),
              "QmWmRj3dFDZdb6ABvbmKhEL6TmPbAfBZ1t5BxsEyJrcZhE");
    EXPECT_EQ(root_of_stream("chunk-v0-seed", 262145, unixfs_v0_2015),
              "QmYyLxtzZyW22zpoVAtKANLRHpDjZtNeDjQdJrcQNWoRkJ");
    EXPECT_EQ(root_of_stream("chunk-v1-seed", 1048576, unixfs_v1_2025),
              "bafkreiacndfy443ter6qr2tmbbdhadvxxheowwf75s6zehscklu6ezxmta");
    EXPECT_EQ(root_of_stream("chunk-v1-seed", 1048577, unixfs_v1_2025),
              "bafybeigmix7t42i6jacydtquhet7srwvgpizfg7gjbq7627d35mjomtu64");
}

TEST(file_builder, follows_kubo_at_the_edge_of_one_level) {
    const std::tuple<const char*, profile, const char*, const char*> vectors[] = {
        {"v0-seed", unixfs_v0_2015, "QmUbBALi174SnogsUzLpYbD4xPiBSFANF4iztWCsHbMKh2",
         "QmV81WL765sC8DXsRhE5fJv2rwhS4icHRaf3J9Zk5FdRnW"},
        {"v1-2025-seed", unixfs_v1_2025,
         "bafybeihmf37wcuvtx4hpu7he5zl5qaf2ineo2lqlfrapokkm5zzw7zyhvm",
         "bafybeibdsi225ugbkmpbdohnxioyab6jsqrmkts3twhpvfnzp77xtzpyhe"}};
    for (const auto& [seed, p, full_root, over_root] : vectors) {
        key_stream next(seed);
        auto full = feed(p.file_links_max * p.chunk_bytes, p, std::ref(next));
        auto over = full;
        over.add_leaf(make_leaf(next(1), p).node);
        EXPECT_EQ(full.finish().root.to_string(), full_root);
        EXPECT_EQ(over.finish().root.to_string(), over_root);
    }
}

TEST(file_builder, hands_out_nodes_as_soon_as_they_are_complete) {
    std::vector<cid> nodes;
    file_builder builder([&](const cid& id, byte_view) { nodes.push_back(id); },
                         {.file_links_max = 2});
    const auto leaf = cid::of(multiformats::codec::raw, as_bytes("x"));
    const std::size_t handed_out[] = {0, 1, 1, 3, 3, 4, 4, 7};
    for (const auto expected : handed_out) {
        builder.add_leaf(leaf, 1);
        EXPECT_EQ(nodes.size(), expected);
    }
    const auto root = builder.finish();
    EXPECT_EQ(nodes.size(), 7u);
    EXPECT_EQ(nodes.back(), root.root);
    EXPECT_EQ(root.size, 8u);
}
