#include "runtime/docker/pull_reader.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

using namespace dm;
using namespace dm::docker;
using engine::layer_phase;

namespace {

std::string status(std::string_view what, std::string_view id) {
    return fmt::format(R"({{"status":"{}","progressDetail":{{}},"id":"{}"}})", what, id);
}

std::string moving(std::string_view what, std::string_view id, int current, int total) {
    return fmt::format(
        R"({{"status":"{}","progressDetail":{{"current":{},"total":{}}},"progress":"[=> ]","id":"{}"}})",
        what, current, total, id);
}

constexpr std::string_view success =
    R"({"status":"Status: Downloaded newer image for 127.0.0.1:5005/x:v1"})";

std::error_code failure_of(std::string_view line) {
    pull_reader reader;
    reader.take(line);
    reader.take(success);
    const auto end = reader.finish();
    return end ? std::error_code() : end.error().code;
}

}  // namespace

TEST(pull_reader, sums_up_the_layers) {
    pull_reader reader;
    EXPECT_FALSE(reader.take(R"({"status":"Pulling from exp/single","id":"v1"})"));
    EXPECT_TRUE(reader.take(status("Pulling fs layer", "aa")));
    EXPECT_TRUE(reader.take(status("Pulling fs layer", "bb")));
    EXPECT_TRUE(reader.take(status("Already exists", "cc")));
    EXPECT_TRUE(reader.take(status("Waiting", "bb")));
    EXPECT_TRUE(reader.take(moving("Downloading", "aa", 30, 100)));
    EXPECT_TRUE(reader.take(moving("Downloading", "bb", 5, 10)));
    const auto& p = reader.progress();
    ASSERT_EQ(p.layers.size(), 3u);
    EXPECT_EQ(p.layers[0].phase, layer_phase::downloading);
    EXPECT_EQ(p.layers[2].phase, layer_phase::complete);
    EXPECT_EQ(p.total_bytes, 110u);
    EXPECT_EQ(p.downloaded_bytes, 35u);
    EXPECT_EQ(p.extracted_bytes, 0u);

    reader.take(status("Verifying Checksum", "aa"));
    reader.take(status("Download complete", "aa"));
    EXPECT_EQ(p.layers[0].phase, layer_phase::downloaded);
    EXPECT_EQ(p.downloaded_bytes, 105u);
    reader.take(moving("Extracting", "aa", 60, 100));
    EXPECT_EQ(p.layers[0].phase, layer_phase::extracting);
    EXPECT_EQ(p.extracted_bytes, 60u);
    reader.take(status("Pull complete", "aa"));
    EXPECT_EQ(p.extracted_bytes, 100u);
    EXPECT_FALSE(reader.finish());
    EXPECT_FALSE(reader.take(R"({"status":"Digest: sha256:253c"})"));
    reader.take(success);
    EXPECT_TRUE(reader.finish());
}

TEST(pull_reader, does_not_go_back_when_a_layer_is_resumed) {
    pull_reader reader;
    reader.take(moving("Downloading", "aa", 60, 100));
    reader.take(status("Retrying in 5 seconds", "aa"));
    EXPECT_EQ(reader.progress().layers[0].phase, layer_phase::retrying);
    EXPECT_EQ(reader.progress().downloaded_bytes, 60u);
    reader.take(moving("Downloading", "aa", 10, 40));
    EXPECT_EQ(reader.progress().total_bytes, 100u);
    EXPECT_EQ(reader.progress().downloaded_bytes, 70u);
}

TEST(pull_reader, takes_seconds_for_no_bytes) {
    pull_reader reader;
    reader.take(moving("Downloading", "aa", 100, 100));
    reader.take(
        R"({"status":"Extracting","progressDetail":{"current":7,"total":9,"units":"s"},"id":"aa"})");
    EXPECT_EQ(reader.progress().total_bytes, 100u);
    EXPECT_EQ(reader.progress().extracted_bytes, 0u);
}

TEST(pull_reader, believes_no_nonsense) {
    pull_reader reader;
    EXPECT_FALSE(reader.take("no json"));
    EXPECT_FALSE(reader.take("[]"));
    EXPECT_FALSE(reader.take("{}"));
    EXPECT_FALSE(reader.take(R"({"status":7,"id":[]})"));
    EXPECT_FALSE(reader.take(R"({"status":"Downloading"})"));
    EXPECT_TRUE(reader.take(moving("Downloading", "aa", 500, 100)));
    EXPECT_EQ(reader.progress().downloaded_bytes, 100u);
    EXPECT_TRUE(reader.take(moving("Downloading", "aa", -5, 100)));
    EXPECT_EQ(reader.progress().downloaded_bytes, 100u);
    EXPECT_FALSE(reader.finish());
}

TEST(pull_reader, follows_only_so_many_layers) {
    pull_reader reader;
    for (std::size_t i = 0; i < layers_max; ++i)
        EXPECT_TRUE(reader.take(status("Pulling fs layer", fmt::format("{:012x}", i))));
    EXPECT_FALSE(reader.take(status("Pulling fs layer", "one too many")));
    EXPECT_TRUE(reader.take(status("Waiting", "000000000000")));
    EXPECT_EQ(reader.progress().layers.size(), layers_max);
}

TEST(pull_reader, knows_a_failure_after_the_status_200) {
    EXPECT_EQ(failure_of("{}"), std::error_code());
    EXPECT_EQ(failure_of(R"({"errorDetail":{"message":"x"},"error":"x"})"),
              engine::errc::pull_failed);
    EXPECT_EQ(failure_of(R"({"errorDetail":{"message":"only the detail"}})"),
              engine::errc::pull_failed);
    EXPECT_EQ(failure_of(R"({"error":"no matching manifest for linux/s390x in the list"})"),
              engine::errc::no_such_platform);
    EXPECT_EQ(failure_of(R"({"error":"write /x: no space left on device"})"),
              engine::errc::no_space);
}

TEST(pull_reader, hands_on_dockers_words_on_one_line) {
    pull_reader reader;
    reader.take(R"({"error":"first\nsecond\r\n"})");
    EXPECT_EQ(reader.finish().error().detail, "Docker: first second");
    reader.take(fmt::format(R"({{"error":"{}"}})", std::string(5000, 'x')));
    EXPECT_LT(reader.finish().error().detail.size(), 500u);
}

TEST(pull_reader, takes_no_numbers_that_are_no_sizes) {
    pull_reader reader;
    const auto sized = [](std::string_view id, std::uint64_t total) {
        return fmt::format(
            R"({{"status":"Downloading","progressDetail":{{"current":1,"total":{}}},"id":"{}"}})",
            total, id);
    };
    reader.take(sized("aa", layer_bytes_max));
    reader.take(sized("bb", layer_bytes_max + 1));
    reader.take(sized("cc", ~std::uint64_t{0}));
    EXPECT_EQ(reader.progress().layers.size(), 3u);
    EXPECT_EQ(reader.progress().total_bytes, layer_bytes_max);
}
