#include "oci/manifest.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "crypto/errc.hpp"
#include "oci/errc.hpp"
#include "oci/image_config.hpp"
#include "oci/image_layout.hpp"

using namespace dm;
using namespace dm::oci;

namespace {

std::string digest_of(char c) {
    return "sha256:" + std::string(64, c);
}

std::string descriptor_text(std::string_view type, char c, std::string_view more = "") {
    return fmt::format(R"({{"mediaType":"{}","digest":"{}","size":7{}}})", type, digest_of(c),
                       more);
}

std::string manifest_text(std::string_view layers, std::string_view more = "") {
    return fmt::format(R"({{"schemaVersion":2,"config":{},"layers":[{}]{}}})",
                       descriptor_text(media_type::oci_config, 'c'), layers, more);
}

std::string index_text(std::string_view entries, std::string_view more = "") {
    return fmt::format(R"({{"schemaVersion":2,"manifests":[{}]{}}})", entries, more);
}

std::string entry_text(char c, std::string_view os, std::string_view architecture,
                       std::string_view more = "") {
    return descriptor_text(
        media_type::oci_manifest, c,
        fmt::format(R"(,"platform":{{"os":"{}","architecture":"{}"}}{})", os, architecture, more));
}

result<document> parse(std::string_view text, std::string_view content_type = "") {
    return parse_document(as_bytes(text), content_type);
}

errc code_of(const result<document>& r) {
    return r ? errc{} : static_cast<errc>(r.error().code.value());
}

manifest manifest_of(std::string_view text, std::string_view content_type = "") {
    return std::get<manifest>(parse(text, content_type).value());
}

image_index index_of(std::string_view text) {
    return std::get<image_index>(parse(text).value());
}

}  // namespace

TEST(manifest, is_read_with_config_layers_and_subject) {
    const auto m = manifest_of(manifest_text(
        descriptor_text(media_type::oci_layer_gzip, '1') + "," +
            descriptor_text(media_type::oci_layer_zstd, '2', R"(,"annotations":{"a":"b"})"),
        fmt::format(R"(,"subject":{},"artifactType":"x/y","annotations":{{"k":"v"}},"other":[1])",
                    descriptor_text(media_type::oci_manifest, '5'))));
    EXPECT_EQ(m.media_type, media_type::oci_manifest);
    EXPECT_EQ(m.config.digest.to_string(), digest_of('c'));
    EXPECT_EQ(m.config.kind(), media_kind::config);
    ASSERT_EQ(m.layers.size(), 2u);
    EXPECT_EQ(m.layers[1].annotations.at("a"), "b");
    EXPECT_EQ(m.layers[1].kind(), media_kind::layer);
    EXPECT_EQ(m.layers[1].size, 7u);
    EXPECT_EQ(m.subject->digest.to_string(), digest_of('5'));
    EXPECT_EQ(m.artifact_type, "x/y");
    EXPECT_EQ(m.annotations.at("k"), "v");
}

TEST(manifest, type_is_told_by_header_then_field_then_shape) {
    const std::string field = fmt::format(R"(,"mediaType":"{}")", media_type::docker_manifest);
    EXPECT_EQ(manifest_of(manifest_text("", field)).media_type, media_type::docker_manifest);
    EXPECT_EQ(manifest_of(manifest_text(""), media_type::docker_manifest).media_type,
              media_type::docker_manifest);
    EXPECT_EQ(manifest_of(manifest_text(""), std::string{media_type::oci_manifest} + "; charset=u")
                  .media_type,
              media_type::oci_manifest);
    for (const char* vague : {"application/json", "text/plain", "application/octet-stream"})
        EXPECT_EQ(manifest_of(manifest_text("", field), vague).media_type,
                  media_type::docker_manifest);
    EXPECT_EQ(index_of(index_text("")).media_type, media_type::oci_index);
    EXPECT_EQ(media_type_of(*parse(index_text(""), media_type::docker_list)),
              media_type::docker_list);
}

TEST(manifest, is_refused_where_header_field_and_shape_disagree) {
    const std::string field = fmt::format(R"(,"mediaType":"{}")", media_type::docker_manifest);
    EXPECT_EQ(code_of(parse(manifest_text("", field), media_type::oci_manifest)),
              errc::malformed_manifest);
    EXPECT_EQ(code_of(parse(manifest_text(""), media_type::oci_index)), errc::malformed_manifest);
    EXPECT_EQ(code_of(parse(index_text("", field))), errc::malformed_manifest);
    EXPECT_EQ(code_of(parse(manifest_text("", R"(,"manifests":[])"))), errc::malformed_manifest);
    EXPECT_EQ(code_of(parse(R"({"schemaVersion":2})")), errc::malformed_manifest);
    EXPECT_EQ(code_of(parse(manifest_text(""), "text/html")), errc::unsupported_manifest);
}

TEST(manifest, of_schema_1_is_refused_with_advice) {
    for (const char* text : {R"({"schemaVersion":1,"fsLayers":[]})",
                             R"({"schemaVersion":2,"fsLayers":[]})", R"({"schemaVersion":1})"}) {
        const auto r = parse(text);
        EXPECT_EQ(code_of(r), errc::unsupported_manifest) << text;
        EXPECT_NE(r.error().message().find("push it again"), std::string::npos);
    }
    EXPECT_EQ(code_of(parse("{}", "application/vnd.docker.distribution.manifest.v1+prettyjws")),
              errc::unsupported_manifest);
}

TEST(manifest, that_is_damaged_says_where) {
    const auto message = [](std::string_view text) { return parse(text).error().message(); };
    EXPECT_EQ(message("[]"), "the manifest is damaged: it is no JSON object");
    EXPECT_EQ(message("{"), "the manifest is damaged: it is no JSON object");
    EXPECT_EQ(message(R"({"config":{}})"), "the manifest is damaged: schemaVersion is not 2");
    EXPECT_EQ(message(R"({"schemaVersion":2,"layers":[]})"),
              "the manifest is damaged: it has no config");
    EXPECT_EQ(message(R"({"schemaVersion":2,"config":[],"layers":[]})"),
              "the manifest is damaged: config has no digest");
    EXPECT_EQ(message(manifest_text("{}")), "the manifest is damaged: layer 1 has no digest");
    EXPECT_EQ(message(manifest_text(descriptor_text("x", '1') + R"(,{"digest":")" + digest_of('2') +
                                    R"(","size":-1})")),
              "the manifest is damaged: layer 2 has no size");
    EXPECT_EQ(message(index_text("", R"(,"annotations":{"a":1})")),
              "the manifest is damaged: annotations hold more than strings");
    EXPECT_EQ(message(R"({"schemaVersion":2,"manifests":{}})"),
              "the manifest is damaged: manifests is no list");
    const auto unknown = parse(index_text(R"({"digest":"blake3:00","size":1})"));
    EXPECT_EQ(unknown.error().code, make_error_code(crypto::errc::unsupported_algorithm));
}

TEST(manifest, may_have_null_lists) {
    EXPECT_TRUE(index_of(R"({"schemaVersion":2,"manifests":null})").manifests.empty());
    EXPECT_TRUE(parse(R"({"schemaVersion":2,"layers":null,"annotations":null,"config":)" +
                      descriptor_text("x/y", 'c') + "}"));
}

TEST(manifest, stops_at_its_limits) {
    auto text = manifest_text("");
    text.resize(manifest_bytes_max, ' ');
    EXPECT_TRUE(parse(text));
    EXPECT_EQ(code_of(parse(text + " ")), errc::manifest_too_large);
    EXPECT_EQ(code_of(parse(std::string(manifest_bytes_max, '['))), errc::manifest_too_large);

    const auto list = [](std::size_t n) {
        std::string out = descriptor_text("x/y", '1');
        for (std::size_t i = 1; i < n; ++i)
            out += "," + descriptor_text("x/y", '1');
        return out;
    };
    EXPECT_TRUE(parse(manifest_text(list(manifest_layers_max))));
    EXPECT_EQ(code_of(parse(manifest_text(list(manifest_layers_max + 1)))),
              errc::manifest_too_large);
    EXPECT_TRUE(parse(index_text(list(index_entries_max))));
    EXPECT_EQ(code_of(parse(index_text(list(index_entries_max + 1)))), errc::manifest_too_large);
}

TEST(manifest, of_nearly_four_megabytes_of_annotations_is_accepted) {
    std::string more = R"(,"annotations":{"0":"")";
    for (int i = 1; i < 390; ++i)
        more += fmt::format(R"(,"{}":"{}")", i, std::string(10'000, 'x'));
    EXPECT_TRUE(parse(manifest_text("", more + "}")));
}

TEST(manifest, stores_config_and_layers_once_but_no_foreign_layer) {
    const auto m = manifest_of(manifest_text(
        descriptor_text(media_type::oci_layer_gzip, '1') + "," +
        descriptor_text(media_type::docker_foreign_layer_gzip, '2', R"(,"urls":["http://x/"])") +
        "," + descriptor_text(media_type::oci_layer_gzip, '1')));
    EXPECT_TRUE(m.layers[1].is_foreign());
    EXPECT_TRUE(m.layers[1].has_urls);
    const auto blobs = stored_blobs(m);
    ASSERT_EQ(blobs.size(), 2u);
    EXPECT_EQ(blobs[0].digest.to_string(), digest_of('c'));
    EXPECT_EQ(blobs[1].digest.to_string(), digest_of('1'));
}

TEST(image_index, gives_the_entry_that_suits_best) {
    const auto i = index_of(index_text(
        entry_text('1', "linux", "386") + "," + entry_text('2', "linux", "amd64") + "," +
        entry_text('3', "linux", "arm") + "," + entry_text('4', "linux", "amd64") + "," +
        entry_text('5', "unknown", "unknown",
                   R"(,"annotations":{"vnd.docker.reference.type":"attestation-manifest"})")));
    EXPECT_EQ(select_entry(i, {"linux", "amd64"})->digest.to_string(), digest_of('2'));
    EXPECT_EQ(select_entry(i, {"linux", "arm64"})->digest.to_string(), digest_of('3'));
    EXPECT_TRUE(i.manifests[4].is_attestation());
    EXPECT_EQ(platforms_of(i).size(), 3u);
    const auto none = select_entry(i, {"linux", "s390x"});
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().message(),
              "the image has no manifest for linux/s390x, only for linux/386, linux/amd64, "
              "linux/arm/v7");
    EXPECT_EQ(condition_of(none.error().code), condition::not_found);
}

TEST(image_index, falls_back_to_an_entry_without_platform) {
    const auto i = index_of(index_text(
        descriptor_text(media_type::oci_manifest, '1') + "," + entry_text('2', "linux", "amd64") +
        "," + descriptor_text(media_type::oci_manifest, '3', R"(,"platform":{"os":"linux"})")));
    EXPECT_EQ(select_entry(i, {"linux", "s390x"})->digest.to_string(), digest_of('1'));
    EXPECT_EQ(select_entry(i, {"linux", "amd64"})->digest.to_string(), digest_of('2'));
    EXPECT_FALSE(i.manifests[2].platform);
    EXPECT_FALSE(select_entry(index_of(index_text("")), {"linux", "amd64"}));
}

TEST(image_config, names_platform_and_layers) {
    const auto text = R"({"os":"linux","architecture":"arm","variant":"v6","rootfs":)"
                      R"({"type":"layers","diff_ids":[")" +
                      digest_of('1') + R"("]}})";
    const auto config = parse_image_config(as_bytes(text));
    ASSERT_TRUE(config);
    EXPECT_EQ(config->platform.to_string(), "linux/arm/v6");
    EXPECT_EQ(config->diff_ids.at(0).to_string(), digest_of('1'));
    for (const char* bad : {"", "[]", "{}", R"({"os":"linux"})",
                            R"({"os":"linux","architecture":"x","rootfs":{"diff_ids":[1]}})",
                            R"({"os":"linux","architecture":"x","rootfs":{"diff_ids":{}}})"})
        EXPECT_EQ(parse_image_config(as_bytes(std::string_view{bad})).error().code,
                  make_error_code(errc::malformed_config))
            << bad;
    EXPECT_FALSE(parse_image_config(as_bytes(std::string(config_bytes_max + 1, ' '))));
}

TEST(image_layout, is_read_back_as_written) {
    EXPECT_TRUE(check_layout_file(as_bytes(layout_file_text())));
    descriptor d{.media_type = std::string{media_type::oci_index},
                 .digest = *crypto::parse_digest(digest_of('1')),
                 .size = 42,
                 .platform = platform{"linux", "arm", "v7"},
                 .annotations = {{std::string{ref_name_annotation}, "busybox:1.35.0"}},
                 .artifact_type = "x/y"};
    const auto text = layout_index_text({d});
    const auto i = parse_layout_index(as_bytes(text));
    ASSERT_TRUE(i) << i.error().message();
    EXPECT_EQ(i->manifests, std::vector{d});
    EXPECT_EQ(layout_index_text({d}), text);
    EXPECT_EQ(layout_blob_path(d.digest), "blobs/sha256/" + std::string(64, '1'));
}

TEST(image_layout, of_another_version_is_refused) {
    for (const char* text :
         {"", "{}", R"({"imageLayoutVersion":"2.0.0"})", R"({"imageLayoutVersion":1})"})
        EXPECT_EQ(check_layout_file(as_bytes(std::string_view{text})).error().code,
                  make_error_code(errc::malformed_layout))
            << text;
    EXPECT_EQ(parse_layout_index(as_bytes(manifest_text(""))).error().code,
              make_error_code(errc::malformed_layout));
}
