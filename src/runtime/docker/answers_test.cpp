#include "runtime/docker/answers.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

using namespace dm;
using namespace dm::docker;
using engine::errc;

namespace {

daemon_version daemon(std::string_view newest, std::string_view oldest) {
    return read_version(
               fmt::format(R"({{"Version":"20.10.24","ApiVersion":"{}","MinAPIVersion":"{}",
                               "Os":"linux","Arch":"arm","Components":[{{"Name":"Engine"}}]}})",
                           newest, oldest))
        .value();
}

std::string chosen(std::string_view newest, std::string_view oldest) {
    const auto api = choose_api(daemon(newest, oldest));
    return api ? api->to_string() : api.error().name();
}

}  // namespace

TEST(version, is_negotiated_with_every_engine_there_is) {
    EXPECT_EQ(chosen("1.41", "1.12"), "1.41");  // 20.10
    EXPECT_EQ(chosen("1.43", "1.12"), "1.41");  // 24
    EXPECT_EQ(chosen("1.51", "1.24"), "1.41");  // 28.5
    EXPECT_EQ(chosen("1.52", "1.44"), "1.44");  // 29.0
    EXPECT_EQ(chosen("1.54", "1.40"), "1.41");  // 29.3
    EXPECT_EQ(chosen("1.40", "1.12"), "1.40");  // 19.03
    EXPECT_EQ(chosen("1.32", "1.12"), "1.32");
    EXPECT_EQ(chosen("1.31", "1.12"), "unsupported");
    EXPECT_EQ(chosen("1.60", "1.45"), "unsupported");
    EXPECT_EQ(choose_api(daemon("1.60", "1.45")).error().detail,
              "docker 20.10.24 speaks API 1.45 to 1.60; versions 1.32 to 1.44 are supported");
}

TEST(version, is_read_or_refused) {
    for (const char* bad : {"", "[]", "{}", "not json", R"({"ApiVersion":"1.41"})",
                            R"({"ApiVersion":"1","Version":"1","Os":"linux","Arch":"amd64"})"})
        EXPECT_EQ(read_version(bad).error().code, errc::malformed_answer) << bad;
    for (const char* bad : {"", "1", "1.", ".1", "1.41x", "-1.2", "1.99999999999", "a.b"})
        EXPECT_FALSE(parse_api_version(bad)) << bad;
    EXPECT_EQ(read_version(R"({"Version":"4.3.1","ApiVersion":"1.41","Os":"linux","Arch":"amd64",
                               "Components":[{"Name":"Podman Engine"}]})")
                  ->engine,
              "podman");
}

TEST(info, says_store_root_and_platform) {
    const auto graph =
        read_info(R"({"Driver":"overlay2","DriverStatus":[["Backing Filesystem","extfs"]],
                      "DockerRootDir":"/var/lib/docker","Architecture":"armv6l","OSType":"linux"})",
                  daemon("1.41", "1.12"));
    ASSERT_TRUE(graph);
    EXPECT_EQ(graph->store, engine::image_store::graph);
    EXPECT_EQ(graph->root_dir, "/var/lib/docker");
    EXPECT_EQ(engine::to_string(graph->runs_on), "linux/arm/v6");
    EXPECT_EQ(graph->version, "20.10.24");
    const auto snapshots = read_info(
        R"({"DriverStatus":[["driver-type","io.containerd.snapshotter.v1"]],"Architecture":"armv8l"})",
        daemon("1.52", "1.44"));
    ASSERT_TRUE(snapshots);
    EXPECT_EQ(snapshots->store, engine::image_store::containerd);
    EXPECT_EQ(snapshots->runs_on.variant, "v7");
    EXPECT_EQ(read_info("{}", daemon("1.41", "1.12"))->runs_on.variant, "");
    EXPECT_FALSE(read_info("nothing", daemon("1.41", "1.12")));
}

TEST(image, is_read_with_and_without_names) {
    const auto named = read_image(
        R"({"Id":"sha256:00","RepoTags":["busybox:1.35.0","<none>:<none>"],
            "RepoDigests":["<none>@<none>","x@sha256:11"],"Os":"linux","Architecture":"arm64",
            "Variant":"v8","Size":123,"Config":{"Labels":{"a":"b","odd":7}}})");
    ASSERT_TRUE(named);
    EXPECT_EQ(named->id, "sha256:00");
    EXPECT_EQ(named->repo_tags, std::vector<std::string>{"busybox:1.35.0"});
    EXPECT_EQ(named->repo_digests, std::vector<std::string>{"x@sha256:11"});
    EXPECT_EQ(engine::to_string(named->runs_on), "linux/arm64/v8");
    EXPECT_EQ(named->size_bytes, 123u);
    EXPECT_EQ(named->labels, (std::map<std::string, std::string>{{"a", "b"}}));

    const auto bare = read_image(R"({"Id":"sha256:00","RepoTags":null,"Config":null})");
    ASSERT_TRUE(bare);
    EXPECT_TRUE(bare->repo_tags.empty());
    for (const char* bad : {"", "[]", "{}", R"({"Id":7})", "{\"Id\":\"sha256:00\""})
        EXPECT_EQ(read_image(bad).error().code, errc::malformed_answer) << bad;
}

TEST(images, are_read_as_a_list) {
    const auto list = read_images(
        R"([{"Id":"sha256:00","RepoTags":["a:1","<none>:<none>"],"RepoDigests":null,"Size":5,
             "Labels":{"a":"b"}},
            {"Id":"sha256:11","RepoTags":null,"RepoDigests":["x@sha256:22"],"Labels":null}])");
    ASSERT_TRUE(list);
    ASSERT_EQ(list->size(), 2u);
    EXPECT_EQ(list->at(0).repo_tags, std::vector<std::string>{"a:1"});
    EXPECT_EQ(list->at(0).size_bytes, 5u);
    EXPECT_EQ(list->at(0).labels, (std::map<std::string, std::string>{{"a", "b"}}));
    EXPECT_EQ(list->at(1).id, "sha256:11");
    EXPECT_EQ(list->at(1).repo_digests, std::vector<std::string>{"x@sha256:22"});
    EXPECT_TRUE(read_images("[]")->empty());
    for (const char* bad : {"", "{}", "[{}]", "[7]", "[null]", R"([{"Id":"sha256:00"},{}])"})
        EXPECT_EQ(read_images(bad).error().code, errc::malformed_answer) << bad;
}

TEST(containers, are_named_without_slash) {
    const auto list = read_containers(
        R"([{"Id":"aaaaaaaaaaaaaaaa","Names":["/web","/other/alias"],"State":"running"},
            {"Id":"bbbbbbbbbbbbbbbb","Names":[],"State":"exited"},
            {"Id":"cccccccccccccccc","Names":["/c"],"State":"paused"}])");
    ASSERT_TRUE(list);
    ASSERT_EQ(list->size(), 3u);
    EXPECT_EQ(list->at(0).name, "web");
    EXPECT_TRUE(list->at(0).running);
    EXPECT_EQ(list->at(1).name, "bbbbbbbbbbbb");
    EXPECT_FALSE(list->at(1).running);
    EXPECT_TRUE(list->at(2).running);
    EXPECT_FALSE(read_containers("{}"));
    EXPECT_TRUE(read_containers("[]")->empty());
}

TEST(answers, have_a_largest_size) {
    EXPECT_FALSE(read_containers("[" + std::string(answer_bytes_max, ' ') + "]"));
    std::string many = "[0";
    for (std::size_t i = 0; i < answer_values_max; ++i)
        many += ",0";
    EXPECT_FALSE(read_containers(many + "]"));
}

TEST(deletion, tells_an_image_from_a_name) {
    EXPECT_FALSE(*read_deletion(R"([{"Untagged":"a:1"},{"Untagged":"a@sha256:00"}])"));
    EXPECT_TRUE(*read_deletion(R"([{"Untagged":"a:1"},{"Deleted":"sha256:00"}])"));
    EXPECT_FALSE(read_deletion("{}"));
}

TEST(event, names_image_or_container) {
    const auto image = read_event(
        R"({"status":"untag","id":"sha256:00","Type":"image","Action":"untag",
            "Actor":{"ID":"sha256:00","Attributes":{"name":"sha256:00"}},"time":1})");
    if (!image)
        FAIL();
    EXPECT_EQ(image->what, engine::event::kind::image);
    EXPECT_EQ(image->action, "untag");
    EXPECT_EQ(image->subject, "sha256:00");
    const auto container = read_event(
        R"({"Type":"container","Action":"die","Actor":{"ID":"cc","Attributes":{"name":"web"}}})");
    if (!container)
        FAIL();
    EXPECT_EQ(container->what, engine::event::kind::container);
    EXPECT_EQ(container->subject, "web");
    EXPECT_EQ(
        read_event(R"({"Type":"container","Action":"die"})").value_or(engine::event{}).subject, "");
    for (const char* other : {"", "{}", "7", R"({"Type":"network"})", R"({"Type":7})"})
        EXPECT_FALSE(read_event(other)) << other;
}

TEST(refusal, says_what_docker_said) {
    const auto unknown = refusal(404, R"({"message":"no such image: x"})");
    EXPECT_EQ(unknown.code, errc::no_such_image);
    EXPECT_EQ(unknown.detail, "Docker: no such image: x");
    EXPECT_EQ(refusal(400, "client version 1.11 is too old\n").detail,
              "Docker: client version 1.11 is too old");
    EXPECT_EQ(refusal(400, "{}").code, errc::invalid_request);
    EXPECT_EQ(refusal(500, R"({"message":"mkdir: no space left on device"})").code, errc::no_space);
    EXPECT_EQ(refusal(500, "").detail, "Docker: status 500 without a reason");
    EXPECT_EQ(refusal(500, "").code, errc::refused);
    EXPECT_EQ(refusal(503, "").code, errc::unavailable);
}

TEST(message, is_cut_between_characters) {
    std::string text(message_bytes_max - 1, 'x');
    text += "ä and more";
    EXPECT_EQ(one_line(text), std::string(message_bytes_max - 1, 'x') + "…");
}
