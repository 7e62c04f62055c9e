#include "oci/image_record.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/json/read.hpp"
#include "crypto/hash.hpp"
#include "oci/errc.hpp"

using namespace dm;
using namespace dm::oci;

namespace {

crypto::digest digest_of(std::string_view text) {
    return crypto::hash_of(crypto::hash_algorithm::sha256, as_bytes(text));
}

image_blob blob(std::string_view text) {
    return {digest_of(text), multiformats::cid::of(multiformats::codec::raw, as_bytes(text)),
            text.size()};
}

// An index for amd64 (imported) and arm/v7 (not).
image_record example() {
    return {
        .digest = digest_of("index"),
        .media_type = "application/vnd.oci.image.index.v1+json",
        .root = multiformats::cid::of(multiformats::codec::dag_pb, as_bytes("root")),
        .blobs = {blob("index"), blob("manifest"), blob("config"), blob("layer"), blob("other")},
        .platforms = {{{"linux", "amd64"},
                       digest_of("manifest"),
                       {digest_of("config"), digest_of("layer"), digest_of("layer")}},
                      {{"linux", "arm", "v7"}, digest_of("manifest 2"), {}}}};
}

}  // namespace

TEST(image_record, is_read_back_as_written) {
    const auto record = example();
    const auto read = decode_image_record(encode(record));
    ASSERT_TRUE(read) << read.error().message();
    EXPECT_EQ(*read, record);
    EXPECT_EQ(encode(*read), encode(record));
}

TEST(image_record, keeps_members_that_it_does_not_know) {
    auto value = *json::read(encode(example()));
    value["signatures"] = {1, 2};
    const auto read = decode_image_record(json::write(value));
    ASSERT_TRUE(read);
    EXPECT_EQ(read->unknown, R"({"signatures":[1,2]})");
    EXPECT_EQ(*json::read(encode(*read)), value);
}

TEST(image_record, says_what_a_node_of_a_platform_holds) {
    const auto needed = needed_blobs(example(), {"linux", "amd64"});
    ASSERT_TRUE(needed);
    EXPECT_EQ(*needed,
              (std::vector{blob("index"), blob("manifest"), blob("config"), blob("layer")}));
    EXPECT_EQ(needed_blobs(example(), {"linux", "arm", "v7"}).error().message(),
              "the image has not been imported for linux/arm/v7");
    EXPECT_EQ(needed_blobs(example(), {"linux", "s390x"}).error().message(),
              "the image does not exist for linux/s390x");
}

TEST(image_record, that_is_damaged_is_refused) {
    const auto good = *json::read(encode(example()));
    EXPECT_FALSE(decode_image_record(""));
    EXPECT_FALSE(decode_image_record("[]"));
    for (const char* key : {"digest", "media_type", "root", "blobs", "platforms"}) {
        auto value = good;
        value.erase(key);
        EXPECT_FALSE(decode_image_record(json::write(value))) << key;
        value[key] = 7;
        EXPECT_FALSE(decode_image_record(json::write(value))) << key;
    }
    auto value = good;
    value["platforms"][0]["blobs"] = {5};
    EXPECT_EQ(decode_image_record(json::write(value)).error().message(),
              "the image record is damaged: a platform names a blob that is not there");
    value["platforms"][0]["blobs"] = {-1};
    EXPECT_FALSE(decode_image_record(json::write(value)));
    value = good;
    value["blobs"][1]["size"] = -1;
    EXPECT_EQ(decode_image_record(json::write(value)).error().message(),
              "the image record is damaged: blob 2");
}

TEST(image_record, stops_at_its_limits) {
    auto record = example();
    record.platforms.resize(image_record_platforms_max, record.platforms[1]);
    EXPECT_TRUE(decode_image_record(encode(record)));
    record.platforms.push_back(record.platforms[1]);
    EXPECT_FALSE(decode_image_record(encode(record)));

    record = example();
    record.blobs.clear();
    record.platforms.clear();
    for (std::size_t i = 0; i < image_record_blobs_max; ++i)
        record.blobs.push_back(blob("x"));
    EXPECT_TRUE(decode_image_record(encode(record)));
    record.blobs.push_back(blob("x"));
    EXPECT_FALSE(decode_image_record(encode(record)));

    auto padded = encode(example());
    padded.resize(image_record_bytes_max, ' ');
    EXPECT_TRUE(decode_image_record(padded));
    EXPECT_FALSE(decode_image_record(padded + " "));
}
