#include "daemon/cid/cid_command.hpp"

#include <gtest/gtest.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "base/temp_dir.hpp"

using namespace dm;
using namespace dm::cid_command;

namespace {

void write(const std::filesystem::path& path, std::string_view content) {
    std::ofstream(path, std::ios::binary) << content;
}

std::string pattern(std::size_t size) {
    std::string out(size, '\0');
    for (std::size_t i = 0; i < size; ++i)
        out[i] = static_cast<char>(i * 31 + (i >> 8) * 7);
    return out;
}

}  // namespace

TEST(cid_of_path, gives_the_golden_vectors_for_files) {
    const temp_dir dir;
    const std::pair<std::size_t, const char*> vectors[] = {
        {0, "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"},
        {1, "bafkreidogqfzz75tpkmjzjke425xqcrmpcib2p5tg44hnbirumdbpl5adu"},
        {262144, "bafkreietseox7mbu3i3vb7ros2unfux4aqryzvgytw7scpl5juzn65javy"},
        {262145, "bafybeicouja4gg2waqb57du37qije2sp5slnazguiuchd2lj4gix54r2pa"},
        {600000, "bafybeiak23n6ofmsx2lznv663xobploaagi6qsh27ocdkzkkrbtuzumk3e"}};
    for (const auto& [size, cid] : vectors) {
        write(dir / "f", pattern(size));
        EXPECT_EQ(cid_of_path(dir / "f").value(), cid) << size;
    }
}

TEST(cid_of_path, gives_the_golden_image_for_its_directory) {
    const temp_dir dir;
    std::filesystem::create_directories(dir / "blobs");
    std::filesystem::create_directories(dir / "manifests");
    const std::string docker = "application/vnd.docker.";
    const std::string config =
        "sha256:c5b1d63604f273462ef36fadac3182d43ae6a6138731cf594b314835cf1c034f";
    const std::string layer =
        "sha256:fb5c491a1319338ac34ccf550f0faef06557940ed060e979d8968d18b24e589c";
    const std::string manifest =
        "sha256:7ad8eb2027a946004b38e1990d5f96f917eda8293a8b4c3ae3764ce8883d87f2";
    const auto manifest_json =
        R"({"schemaVersion":2,"mediaType":")" + docker + R"(distribution.manifest.v2+json",)" +
        R"("config":{"mediaType":")" + docker + R"(container.image.v1+json","size":78,"digest":")" +
        config + R"("},"layers":[{"mediaType":")" + docker +
        R"(image.rootfs.diff.tar.gzip","size":300000,"digest":")" + layer + R"("}]})";
    write(dir / ("blobs/" + config),
          R"({"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}})");
    write(dir / ("blobs/" + layer), pattern(300000));
    write(dir / "manifests/latest", manifest_json);
    write(dir / ("manifests/" + manifest), manifest_json);
    const auto root = "bafybeieicit3h4abhx5vtvamibtmsq4uqwzwcx32p4geoour6gybtpdcyq";
    EXPECT_EQ(cid_of_path(dir.path()).value(), root);
    EXPECT_EQ(cid_of_path(dir.path().string() + "/").value(), root);
    EXPECT_EQ(cid_of_path(dir / "blobs/../manifests/..").value(), root);
}

TEST(cid_of_path, skips_hidden_entries_unless_asked) {
    const temp_dir dir;
    const auto empty = "bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354";
    EXPECT_EQ(cid_of_path(dir.path()).value(), empty);
    write(dir / ".hidden", "x");
    EXPECT_EQ(cid_of_path(dir.path()).value(), empty);
    EXPECT_NE(cid_of_path(dir.path(), {.hidden = true}).value(), empty);
    EXPECT_EQ(cid_of_path(dir / ".hidden").value(),
              "bafkreibnoelefnzgwbcacyt4vh52ymxvzbjq7mmqhtcnwarfq4lzegsiqe")
        << "the argument itself is never hidden";
}

// Each as `ipfs add -r --cid-version=1` of Kubo 0.42 prints it.
TEST(cid_of_path, takes_links_hidden_and_empty_entries_as_kubo_does) {
    const temp_dir dir;
    const auto d = dir / "d";
    std::filesystem::create_directories(d / "sub/empty");
    std::filesystem::create_directory(d / ".hid");
    write(d / "a.txt", "hi\n");
    write(d / ".hidden", "x");
    write(d / "sub/z", std::string(600000, '\0'));
    write(d / "sp ace", "o");
    write(d / "\xc3\xbcmlaut", "u");
    write(d / "Zed", "c");
    std::filesystem::create_symlink("../a.txt", d / "sub/link");
    std::filesystem::create_symlink("nowhere", d / "dangling");
    std::filesystem::create_symlink("d", dir / "to_directory");
    std::filesystem::create_symlink("d/a.txt", dir / "to_file");
    EXPECT_EQ(cid_of_path(d).value(),
              "bafybeianumd6zdksoafohaog6mhgip26eqcwh5dy27dsjzfqkt2ojph7ie");
    EXPECT_EQ(cid_of_path(d, {.hidden = true}).value(),
              "bafybeib5f7z25sxudpfpnow7g6tmtklilhkunvv3vogi2ftnrfivcudxa4");
    EXPECT_EQ(cid_of_path(d / "dangling").value(),
              "bafybeicfkztyetdy3wus3qxlv2snjunm7kxxfoyexh2tdvdxwlyzobajoy");
    EXPECT_EQ(cid_of_path(dir / "to_file").value(),
              "bafybeiexotygckf2yhcpwu34tsceaqjx5udyfcfa453f36v3a6johgwzja");
    const auto link = "bafybeicy2dkyr5fpa5cu2t5qfzeqpisb4zlw2ujdm3yucgvlu2bbnr76ty";
    EXPECT_EQ(cid_of_path(dir / "to_directory").value(), link);
    EXPECT_EQ(cid_of_path(dir / "to_directory/").value(), link);
}

TEST(cid_of_path, takes_the_other_profiles) {
    const temp_dir dir;
    write(dir / "f", "hello world");
    EXPECT_EQ(cid_of_path(dir / "f", {.profile = unixfs::unixfs_v0_2015}).value(),
              "Qmf412jQZiuVUtdgnB36FXFX7xg5V6KEbSJ4dpQuhkLyfD");
}

TEST(cid_of_path, says_what_cannot_be_read) {
    const temp_dir dir;
    const auto missing = cid_of_path(dir / "missing");
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error().message(),
              "no such file or directory: " + (dir / "missing").string());
    EXPECT_EQ(condition_of(missing.error().code), condition::not_found);

    std::filesystem::create_directory(dir / "sub");
    ASSERT_EQ(::mkfifo((dir / "sub/pipe").c_str(), 0600), 0);
    const auto pipe = cid_of_path(dir.path());
    ASSERT_FALSE(pipe);
    EXPECT_EQ(pipe.error().message(),
              (dir / "sub/pipe").string() + " is neither file, directory nor symlink");
}

TEST(cid_of_path, says_which_file_of_a_tree_is_forbidden) {
    const temp_dir dir;
    ASSERT_EQ(::chmod(dir.path().c_str(), 0755), 0);
    write(dir / "secret", "x");
    ASSERT_EQ(::chmod((dir / "secret").c_str(), 0), 0);
    // Root may read everything; as nobody it may not.
    const auto self = ::setfsuid(65534);
    const auto forbidden = cid_of_path(dir.path());
    ::setfsuid(static_cast<uid_t>(self));
    ASSERT_FALSE(forbidden);
    EXPECT_EQ(forbidden.error().message(),
              "cannot read " + (dir / "secret").string() + ": Permission denied");
    EXPECT_EQ(condition_of(forbidden.error().code), condition::forbidden);
}

TEST(cid_of_path, limits_the_levels_of_directories) {
    const temp_dir dir;
    auto deep = dir.path();
    for (std::size_t i = 1; i < directory_levels_max; ++i)
        deep /= "d";
    std::filesystem::create_directories(deep);
    EXPECT_TRUE(cid_of_path(dir.path()));
    std::filesystem::create_directory(deep / "d");
    const auto over = cid_of_path(dir.path());
    ASSERT_FALSE(over);
    EXPECT_TRUE(over.error().message().starts_with("more than 256 levels"));
}
