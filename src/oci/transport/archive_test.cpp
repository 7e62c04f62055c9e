#include <gtest/gtest.h>

#include <fstream>

#include "base/temp_dir.hpp"
#include "oci/transport/errc.hpp"
#include "oci/transport/file_sink.hpp"
#include "oci/transport/file_tree.hpp"

#include <archive.h>
#include <archive_entry.h>

using namespace dm;
using namespace dm::transport;

namespace {

struct item {
    std::string path;
    std::string content = {};
    unsigned type = AE_IFREG;
    std::string link = {};
    bool hard = false;
};

enum class packing { none, gzip, zstd };

std::string tar_of(const temp_dir& dir, const std::vector<item>& items,
                   packing how = packing::none) {
    const auto path = (dir / "a.tar").string();
    auto* const a = archive_write_new();
    archive_write_set_format_pax_restricted(a);
    if (how == packing::gzip)
        archive_write_add_filter_gzip(a);
    if (how == packing::zstd)
        archive_write_add_filter_zstd(a);
    EXPECT_EQ(archive_write_open_filename(a, path.c_str()), ARCHIVE_OK);
    for (const auto& i : items) {
        auto* const e = archive_entry_new();
        archive_entry_set_pathname(e, i.path.c_str());
        archive_entry_set_filetype(e, i.type);
        archive_entry_set_perm(e, 0644);
        archive_entry_set_size(e, static_cast<la_int64_t>(i.content.size()));
        if (!i.link.empty() && i.hard)
            archive_entry_set_hardlink(e, i.link.c_str());
        else if (!i.link.empty())
            archive_entry_set_symlink(e, i.link.c_str());
        EXPECT_EQ(archive_write_header(a, e), ARCHIVE_OK) << archive_error_string(a);
        if (!i.content.empty())
            archive_write_data(a, i.content.data(), i.content.size());
        archive_entry_free(e);
    }
    archive_write_close(a);
    archive_write_free(a);
    return path;
}

std::string content_of(file_tree& t, const std::string& path) {
    return std::string(as_chars(read_small(t, path, 1 << 20)));
}

std::error_code refusal(const std::vector<item>& items, packing how = packing::none) {
    const temp_dir dir;
    try {
        const auto t = open_archive(tar_of(dir, items, how));
        for (const auto& i : items)
            if (t->size(i.path))
                t->read(i.path, [](byte_view) {});
    } catch (const failure& e) {
        return e.code();
    }
    return {};
}

}  // namespace

TEST(archive_tree, reads_plain_gzip_and_zstd) {
    for (const auto how : {packing::none, packing::gzip, packing::zstd}) {
        const temp_dir dir;
        const auto t = open_archive(
            tar_of(dir, {{"./one", "1"}, {"d/two", std::string(300'000, '2')}, {"e", ""}}, how));
        EXPECT_EQ(content_of(*t, "one"), "1");
        EXPECT_EQ(t->size("d/two"), 300'000);
        EXPECT_EQ(content_of(*t, "d/two"), std::string(300'000, '2'));
        EXPECT_EQ(content_of(*t, "e"), "");
        EXPECT_FALSE(t->size("f"));
    }
}

TEST(archive_tree, follows_links_inside) {
    const temp_dir dir;
    const auto t = open_archive(tar_of(dir, {{"a/layer.tar", "x"},
                                             {"b/layer.tar", "", AE_IFLNK, "../a/layer.tar"},
                                             {"c", "", AE_IFREG, "a/layer.tar", true}}));
    EXPECT_EQ(content_of(*t, "b/layer.tar"), "x");
    EXPECT_EQ(content_of(*t, "c"), "x");
}

TEST(archive_tree, refuses_what_leads_out_and_what_no_image_has) {
    EXPECT_EQ(refusal({{"../a", "x"}}), errc::unsafe_archive);
    EXPECT_EQ(refusal({{"a/../../b", "x"}}), errc::unsafe_archive);
    EXPECT_EQ(refusal({{"/a", "x"}}), errc::unsafe_archive);
    EXPECT_EQ(refusal({{"a", "", AE_IFLNK, "/etc/passwd"}}), errc::unsafe_archive);
    EXPECT_EQ(refusal({{"a/b", "", AE_IFLNK, "../../etc/passwd"}}), errc::unsafe_archive);
    EXPECT_EQ(refusal({{"a", "", AE_IFREG, "../b", true}}), errc::unsafe_archive);
    EXPECT_EQ(refusal({{"a", "", AE_IFIFO}}), errc::unsafe_archive);
    EXPECT_EQ(refusal({{"a", "", AE_IFCHR}}), errc::unsafe_archive);
    EXPECT_EQ(refusal({{"a", "x"}, {"./a", "y"}}), errc::unsafe_archive);
    EXPECT_EQ(refusal({{"a", "x"}, {"b", "y"}}), std::error_code());
}

TEST(archive_tree, refuses_more_entries_than_the_limit) {
    std::vector<item> items;
    for (std::size_t i = 0; i < archive_entries_max; ++i)
        items.push_back({"f" + std::to_string(i)});
    const temp_dir dir;
    EXPECT_TRUE(open_archive(tar_of(dir, items))->size("f0"));
    items.push_back({"one-more"});
    EXPECT_EQ(refusal(items), errc::too_large);
}

TEST(archive_tree, refuses_a_path_over_the_limit) {
    EXPECT_EQ(refusal({{std::string(archive_path_bytes_max, 'a'), "x"}}), std::error_code());
    EXPECT_EQ(refusal({{std::string(archive_path_bytes_max + 1, 'a'), "x"}}), errc::too_large);
}

TEST(archive_tree, refuses_links_in_a_row_over_the_limit) {
    std::vector<item> items{{"0", "x"}};
    for (std::size_t i = 1; i <= archive_links_max; ++i)
        items.push_back({std::to_string(i), "", AE_IFLNK, std::to_string(i - 1)});
    EXPECT_EQ(refusal(items), std::error_code());
    items.push_back({"last", "", AE_IFLNK, std::to_string(archive_links_max)});
    EXPECT_EQ(refusal(items), errc::unsafe_archive);
    EXPECT_EQ(refusal({{"a", "", AE_IFLNK, "b"}, {"b", "", AE_IFLNK, "a"}}), errc::unsafe_archive);
}

TEST(archive_tree, refuses_a_bomb) {
    // zstd packs zeros by far more than a thousand to one.
    const std::string zeros(expansion_free_bytes + (8 << 20), '\0');
    EXPECT_EQ(refusal({{"a", zeros}}, packing::zstd), errc::too_large);
    EXPECT_EQ(refusal({{"a", zeros}}), std::error_code());
}

TEST(archive_tree, refuses_what_is_cut_off_or_no_tar) {
    const temp_dir dir;
    const auto path = tar_of(dir, {{"a", std::string(100'000, 'x')}});
    std::filesystem::resize_file(path, 50'000);
    EXPECT_THROW(
        {
            const auto t = open_archive(path);
            t->read("a", [](byte_view) {});
        },
        failure);
    std::ofstream(dir / "text") << "this is no tar, whatever its name says";
    EXPECT_THROW(open_archive((dir / "text").string()), failure);
    EXPECT_THROW(open_archive((dir / "absent").string()), failure);
}

TEST(folder_tree, refuses_links_that_lead_out) {
    const temp_dir dir;
    const temp_dir other;
    std::ofstream(other / "secret") << "s";
    std::ofstream(dir / "plain") << "p";
    std::filesystem::create_symlink(other / "secret", dir / "out");
    std::filesystem::create_symlink("plain", dir / "in");
    const auto t = open_folder(dir.path().string());
    EXPECT_EQ(content_of(*t, "in"), "p");
    EXPECT_THROW(content_of(*t, "out"), failure);
    EXPECT_FALSE(t->size("absent"));
}

TEST(archive_sink, leaves_nothing_behind_when_it_is_given_up) {
    const temp_dir dir;
    const auto path = (dir / "out.tar").string();
    {
        const auto sink = write_archive(path);
        sink->write("a", as_bytes("x"));
    }
    EXPECT_TRUE(std::filesystem::is_empty(dir.path()));
    const auto sink = write_archive(path);
    sink->write("d/a", as_bytes("x"));
    sink->finish();
    EXPECT_EQ(content_of(*open_archive(path), "d/a"), "x");
}
