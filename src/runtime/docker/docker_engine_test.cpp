#include "runtime/docker/docker_engine.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <fstream>

#include "aio/run_for_test.hpp"
#include "aio/task_group.hpp"
#include "base/temp_dir.hpp"
#include "base/unique_fd.hpp"
#include "http/client/scripted_server.hpp"

using namespace dm;
using namespace dm::docker;
using namespace dm::http::testing;
using namespace std::chrono_literals;
using engine::errc;
using engine::removal;

namespace {

const std::string image_id = "sha256:" + std::string(64, 'a');
const std::string source = "127.0.0.1:5005/ciq@sha256:" + std::string(64, 'c');

reply text(int status, const std::string& body) {
    return answer(status, {{"Content-Type", "application/json"}}, body);
}

reply version(std::string_view newest, std::string_view oldest) {
    return text(200, fmt::format(R"({{"Version":"20.10.24","ApiVersion":"{}","MinAPIVersion":"{}",
                                     "Os":"linux","Arch":"amd64"}})",
                                 newest, oldest));
}

/// A chunked answer of a stream that goes on as `then` says.
reply stream(const std::vector<std::string>& pieces, reply::end then = reply::end::keep_alive) {
    reply out{{{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"}}, then};
    for (const auto& piece : pieces)
        out.steps.push_back({fmt::format("{:x}\r\n{}\r\n", piece.size(), piece), 1, 1ms});
    if (then == reply::end::keep_alive)
        out.steps.push_back({"0\r\n\r\n"});
    return out;
}

std::string image_json(const std::string& tags) {
    return fmt::format(R"({{"Id":"{}","RepoTags":[{}],"Os":"linux","Architecture":"amd64"}})",
                       image_id, tags);
}

/// A daemon that answers by what the request line contains; 20.10 where nothing is said.
struct bench {
    using table = std::vector<std::pair<std::string, reply>>;

    bench(const executor& ex, table answers, docker_options options = {})
        : script(std::move(answers)),
          path((folder / "d.sock").string()),
          server(ex, path, [this](const seen_request& r) { return choose(r); }),
          client(ex),
          docker(client, with(std::move(options))) {}

    docker_options with(docker_options o) const {
        o.socket_path = path;
        return o;
    }

    reply choose(const seen_request& r) {
        const auto line = r.method + " " + r.target;
        if (line == "GET /version")
            return daemon_version;
        for (const auto& [part, what] : script)
            if (line.contains(part))
                return what;
        return text(500, R"({"message":"unexpected )" + line + "\"}");
    }

    std::string asked(std::size_t which) const {
        return server.requests.at(which).method + " " + server.requests.at(which).target;
    }

    awaitable<void> stop() {
        co_await client.stop();
        co_await server.stop();
    }

    temp_dir folder;
    reply daemon_version = version("1.41", "1.12");
    table script;
    std::string path;
    scripted_server server;
    http::client client;
    docker_engine docker;
};

template <class T>
awaitable<error> failure_of(awaitable<T> op) {
    try {
        co_await std::move(op);
    } catch (const failure& e) {
        co_return e.reason();
    }
    co_return error{};
}

awaitable<error> failed_pull(bench* b, reply what) {
    b->script = {{"/images/create", std::move(what)}};
    co_return co_await failure_of(b->docker.pull(source, std::nullopt, {}));
}

awaitable<error> refused_pull(bench* b, int status, const std::string& message) {
    return failed_pull(b, text(status, R"({"message":")" + message + "\"}"));
}

const std::string pulling = "{\"status\":\"Pulling fs layer\",\"id\":\"aa\"}\r\n";
const std::string half =
    "{\"status\":\"Downloading\",\"progressDetail\":{\"current\":5,\"total\":10},\"id\":\"aa\"}"
    "\r\n";
const std::string complete = "{\"status\":\"Pull complete\",\"id\":\"aa\"}\r\n";
const std::string downloaded = "{\"status\":\"Status: Downloaded newer image for x\"}\r\n";

}  // namespace

TEST(docker_engine, speaks_a_version_that_the_daemon_knows) {
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        bench b(ex, {{"/info", text(200, R"({"DockerRootDir":"/var/lib/docker"})")},
                     {"/json", text(404, R"({"message":"no such image"})")}});
        auto info = co_await b.docker.info();
        EXPECT_EQ(info.api_version, "1.41");
        EXPECT_EQ(info.version, "20.10.24");
        EXPECT_EQ(info.root_dir, "/var/lib/docker");
        EXPECT_EQ(b.asked(1), "GET /v1.41/info");
        b.daemon_version = version("1.52", "1.44");
        info = co_await b.docker.info();
        EXPECT_EQ(info.api_version, "1.44");
        EXPECT_FALSE(co_await b.docker.inspect("busybox:1"));
        EXPECT_EQ(b.asked(4), "GET /v1.44/images/busybox:1/json");
        b.daemon_version = version("1.30", "1.12");
        const auto too_old = co_await failure_of(b.docker.info());
        EXPECT_EQ(too_old.code, errc::unsupported_engine);
        co_await b.stop();
    });
}

TEST(docker_engine, agrees_anew_when_the_daemon_was_replaced) {
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        const auto too_old = answer(400, {{"Content-Type", "text/plain"}},
                                    "client version 1.41 is too old. Minimum supported API "
                                    "version is 1.44, please upgrade your client");
        bench b(ex, {{"v1.41/images/a:1", text(200, image_json(""))},
                     {"v1.41", too_old},
                     {"v1.44/images/create", stream({downloaded})},
                     {"v1.44/images/", text(200, image_json(""))}});
        EXPECT_TRUE(co_await b.docker.inspect("a:1"));
        b.daemon_version = version("1.52", "1.44");
        EXPECT_TRUE(co_await b.docker.inspect("b:1"));

        bench c(ex, b.script);
        c.daemon_version = version("1.41", "1.12");
        EXPECT_TRUE(co_await c.docker.inspect("a:1"));
        c.daemon_version = version("1.52", "1.44");
        EXPECT_EQ(co_await c.docker.pull(source, std::nullopt, {}), image_id);
        co_await b.stop();
        co_await c.stop();
    });
}

TEST(docker_engine, asks_once_for_many_names) {
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        const auto other = "sha256:" + std::string(64, 'b');
        const auto listed = fmt::format(R"([{},{{"Id":"{}","RepoTags":["other:1"]}}])",
                                        image_json("\"a:1\""), other);
        bench b(ex, {{"/images/json", text(200, listed)}});
        EXPECT_TRUE((co_await b.docker.list({})).empty());
        EXPECT_EQ(b.server.requests.size(), 0u);
        std::vector<std::string> names{"a:1", image_id, "docker.io/library/nobody:1"};
        const auto seen = co_await b.docker.list(names);
        EXPECT_TRUE(seen.size() == 1 && seen[0].id == image_id);
        EXPECT_EQ(b.server.requests.size(), 2u);
        EXPECT_EQ(b.asked(1), "GET /v1.41/images/json?all=1");
        names.emplace_back("docker.io/library/other:1");
        EXPECT_EQ((co_await b.docker.list(names)).size(), 2u);
        names.emplace_back("../x");
        EXPECT_EQ((co_await failure_of(b.docker.list(names))).code, errc::invalid_request);
        co_await b.stop();
    });
}

TEST(docker_engine, a_name_stands_for_the_image_that_was_asked_for_by_it) {
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        // Docker lost sight of the tag between finding the image and listing its tags.
        bench b(ex, {{"/images/", text(200, image_json("\"b:2\""))}});
        const auto seen = co_await b.docker.inspect("docker.io/library/a:1");
        EXPECT_TRUE(seen && seen->repo_tags == (std::vector<std::string>{"b:2", "a:1"}));
        const auto by_id = co_await b.docker.inspect(image_id);
        EXPECT_TRUE(by_id && by_id->repo_tags == std::vector<std::string>{"b:2"});
        co_await b.stop();
    });
}

TEST(docker_engine, pulls_with_progress) {
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        bench b(ex, {{"/images/create", stream({pulling + half.substr(0, 20), half.substr(20),
                                                complete + downloaded})},
                     {"/images/127.0.0.1:5005/ciq@sha256:cc", text(200, image_json(""))}});
        std::vector<std::uint64_t> seen;
        const auto id = co_await b.docker.pull(
            source, engine::platform{"linux", "arm", "v7"},
            [&seen](const engine::pull_progress& p) { seen.push_back(p.downloaded_bytes); });
        EXPECT_EQ(id, image_id);
        EXPECT_EQ(seen, (std::vector<std::uint64_t>{0, 5, 10}));
        EXPECT_EQ(b.asked(1),
                  "POST /v1.41/images/create?fromImage=127.0.0.1%3A5005%2Fciq&tag=sha256%3A" +
                      std::string(64, 'c') + "&platform=linux%2Farm%2Fv7");
        co_await b.stop();
    });
}

TEST(docker_engine, never_takes_the_status_200_for_success) {
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        bench b(ex, {});
        auto seen =
            co_await failed_pull(&b, stream({pulling, "{\"error\":\"layer is broken\"}\r\n"}));
        EXPECT_EQ(seen.code, errc::pull_failed);
        EXPECT_EQ(seen.detail, "Docker: layer is broken");
        seen =
            co_await failed_pull(&b, stream({pulling, "{\"error\":\"no space left on device\"}"}));
        EXPECT_EQ(seen.code, errc::no_space);
        seen = co_await failed_pull(&b, stream({pulling, complete}));
        EXPECT_EQ(seen.code, errc::pull_failed);
        seen = co_await failed_pull(&b, stream({pulling, half}, reply::end::close));
        EXPECT_EQ(seen.code, errc::unavailable);
        seen = co_await failed_pull(&b, stream({std::string(100'000, 'x')}));
        EXPECT_EQ(seen.code, errc::malformed_answer);
        b.script.clear();
        b.script.emplace_back("/images/create", stream({downloaded}));
        b.script.emplace_back("/json", text(404, "{}"));
        seen = co_await failure_of(b.docker.pull(source, std::nullopt, {}));
        EXPECT_EQ(seen.code, errc::pull_failed);
        co_await b.stop();
    });
}

TEST(docker_engine, explains_pulls_that_are_refused_at_once) {
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        bench b(ex, {});
        auto seen = co_await refused_pull(&b, 404, "manifest unknown");
        EXPECT_EQ(seen.code, errc::no_such_image);
        EXPECT_EQ(seen.detail, "Docker: manifest unknown");
        seen = co_await refused_pull(&b, 404, "no matching manifest for linux/s390x");
        EXPECT_EQ(seen.code, errc::no_such_platform);
        seen = co_await refused_pull(&b, 400, "invalid reference format");
        EXPECT_EQ(seen.code, errc::invalid_request);
        seen =
            co_await refused_pull(&b, 500, "dial tcp 127.0.0.1:5005: connect: connection refused");
        EXPECT_EQ(seen.code, errc::pull_failed);
        seen = co_await refused_pull(&b, 500, "no space left on device");
        EXPECT_EQ(seen.code, errc::no_space);
        co_await b.stop();
    });
}

TEST(docker_engine, gives_up_a_pull_that_does_not_move) {
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        docker_options quick;
        quick.pull_stall_limit = 100ms;
        bench b(ex, {{"/images/create", stream({pulling}, reply::end::hang)}}, quick);
        const auto seen = co_await failure_of(b.docker.pull(source, std::nullopt, {}));
        EXPECT_EQ(seen.code, errc::stalled);
        EXPECT_EQ(seen.code, condition::timed_out);
        co_await b.stop();
    });
}

TEST(docker_engine, ends_the_pull_when_cancelled) {
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        bench b(ex, {{"/images/create", stream({pulling}, reply::end::hang)}});
        aio::task_group group(ex);
        aio::event begun(ex);
        group.spawn("pull", [](bench* at, aio::event* e) -> awaitable<void> {
            co_await at->docker.pull(source, std::nullopt, [e](const auto&) { e->notify_all(); });
        }(&b, &begun));
        co_await begun.wait();
        EXPECT_EQ(b.server.open_connections, 1);
        co_await group.stop();
        co_await b.server.until_all_left();
        co_await b.stop();
    });
}

TEST(docker_engine, is_unavailable_in_every_way_there_is) {
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        docker_options quick;
        quick.answer_limit = 500ms;
        bench b(ex,
                {{"/images/hangs:1", {{}, reply::end::hang}},
                 {"/images/closes:1", {{}, reply::end::close}},
                 {"/images/cut:1",
                  {{{"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"}}, reply::end::close}},
                 {"/images/noise:1", {{{"what is this\r\n\r\n"}}, reply::end::close}},
                 {"/images/stopping:1", text(503, R"({"message":"shutting down"})")},
                 {"/images/garbage:1", text(200, "garbage")}},
                quick);
        for (const char* name : {"hangs:1", "closes:1", "cut:1", "noise:1", "stopping:1"}) {
            const auto seen = co_await failure_of(b.docker.inspect(name));
            EXPECT_EQ(seen.code, errc::unavailable) << name << ": " << seen.message();
        }
        const auto garbage = co_await failure_of(b.docker.inspect("garbage:1"));
        EXPECT_EQ(garbage.code, errc::malformed_answer);

        // What a killed daemon leaves behind, and no socket at all.
        const auto left = (b.folder / "left.sock").string();
        {
            const unique_fd s(::socket(AF_UNIX, SOCK_STREAM, 0));
            sockaddr_un at{};
            at.sun_family = AF_UNIX;
            left.copy(at.sun_path, sizeof at.sun_path - 1);
            EXPECT_EQ(::bind(s.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at), 0);
        }
        for (const auto& path : {left, (b.folder / "none.sock").string()}) {
            docker_engine down(b.client, {.socket_path = path});
            const auto seen = co_await failure_of(down.info());
            EXPECT_EQ(seen.code, errc::unavailable) << path;
            EXPECT_TRUE(seen.message().contains(path)) << seen.message();
            EXPECT_EQ((co_await failure_of(down.changes({}))).code, errc::unavailable);
        }
        co_await b.stop();
    });
}

TEST(docker_engine, refuses_bad_names_without_asking) {
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        bench b(ex, {});
        for (const char* bad : {"../../containers", "a b:1", "a:1?x=1", ""}) {
            EXPECT_EQ((co_await failure_of(b.docker.inspect(bad))).code, errc::invalid_request);
            EXPECT_EQ((co_await failure_of(b.docker.pull(bad, {}, {}))).code,
                      errc::invalid_request);
            EXPECT_EQ((co_await failure_of(b.docker.tag(image_id, bad))).code,
                      errc::invalid_request);
            EXPECT_EQ((co_await failure_of(b.docker.remove(bad, image_id))).code,
                      errc::invalid_request);
        }
        EXPECT_EQ((co_await failure_of(b.docker.pull("all/tags", {}, {}))).code,
                  errc::invalid_request);
        EXPECT_TRUE(b.server.requests.empty());
        co_await b.stop();
    });
}

TEST(docker_engine, tags) {
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        bench b(ex, {{"/images/sha256:a", text(201, "")}});
        co_await b.docker.tag(image_id, "docker.io/library/busybox:1.35.0");
        EXPECT_EQ(b.asked(1), "POST /v1.41/images/" + image_id +
                                  "/tag?repo=docker.io%2Flibrary%2Fbusybox&tag=1.35.0");
        b.script = {{"/tag", text(404, R"({"message":"No such image"})")}};
        EXPECT_EQ((co_await failure_of(b.docker.tag(image_id, "x:1"))).code, errc::no_such_image);
        co_await b.stop();
    });
}

TEST(docker_engine, removes_only_what_is_meant_and_unused) {
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        const auto there = text(200, image_json("\"x:1\""));
        const std::string user = R"({"Id":"cc","Names":["/web"],"State":"running"})";
        bench b(ex, {{"GET /v1.41/images/x:1", there},
                     {"GET /v1.41/containers", text(200, "[]")},
                     {"DELETE", text(200, R"([{"Untagged":"x:1"},{"Deleted":"sha256:aa"}])")}});
        auto done = co_await b.docker.remove("x:1", image_id);
        EXPECT_EQ(done.what, removal::outcome::removed);
        EXPECT_EQ(b.asked(2),
                  "GET /v1.41/containers/json?all=1&limit=32&filters=%7B%22ancestor%22%3A%5B%22"
                  "sha256%3A" +
                      std::string(64, 'a') + "%22%5D%7D");
        EXPECT_EQ(b.asked(3), "DELETE /v1.41/images/x:1?noprune=1");

        b.server.requests.clear();
        done = co_await b.docker.remove("x:1", "sha256:other");
        EXPECT_EQ(done.what, removal::outcome::other_image);
        EXPECT_EQ(b.server.requests.size(), 1u);

        b.script[1].second = text(200, "[" + user + "]");
        done = co_await b.docker.remove("x:1", image_id);
        EXPECT_EQ(done.what, removal::outcome::in_use);
        EXPECT_EQ(done.reason, "container web uses it");
        EXPECT_TRUE(done.users.at(0).running);
        b.script[1].second =
            text(200, fmt::format("[{},{},{},{},{}]", user, user, user, user, user));
        done = co_await b.docker.remove("x:1", image_id);
        EXPECT_EQ(done.reason, "containers web, web, web and 2 more use it");
        for (const auto& r : b.server.requests)
            EXPECT_NE(r.method, "DELETE");

        // A container that came after the look.
        b.script[1].second = text(200, "[]");
        b.script[2].second = text(409, R"({"message":"conflict: container C is using it"})");
        done = co_await b.docker.remove("x:1", image_id);
        EXPECT_EQ(done.what, removal::outcome::in_use);
        EXPECT_EQ(done.reason, "conflict: container C is using it");

        b.script[2].second = text(404, R"({"message":"No such image"})");
        done = co_await b.docker.remove("x:1", image_id);
        EXPECT_EQ(done.what, removal::outcome::absent);
        b.script[2].second = text(500, R"({"message":"driver failed"})");
        EXPECT_EQ((co_await failure_of(b.docker.remove("x:1", image_id))).code, errc::refused);
        co_await b.stop();
    });
}

TEST(docker_engine, drops_the_name_that_it_pulled_by_without_asking_for_containers) {
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        bench b(ex, {{"GET /v1.41/images/127.0.0.1:5005/ciq@sha256:cc",
                      text(200, image_json("\"x:1\""))},
                     {"DELETE", text(200, R"([{"Untagged":"127.0.0.1:5005/ciq@sha256:cc"}])")}});
        const auto done = co_await b.docker.remove(source, image_id);
        EXPECT_EQ(done.what, removal::outcome::untagged);
        EXPECT_EQ(b.asked(2), "DELETE /v1.41/images/" + source + "?noprune=1");
        co_await b.stop();
    });
}

TEST(docker_engine, tells_changes_until_the_daemon_ends) {
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        const std::string untag =
            "{\"Type\":\"image\",\"Action\":\"untag\",\"Actor\":{\"ID\":\"sha256:aa\"}}\n";
        for (const auto how : {reply::end::keep_alive, reply::end::close}) {
            bench b(ex, {{"/events", stream({untag, "{}\n"}, how)}});
            std::vector<std::string> seen;
            co_await b.docker.changes(
                [&seen](const engine::event& e) { seen.push_back(e.action + e.subject); });
            EXPECT_EQ(seen, (std::vector<std::string>{"connected", "untagsha256:aa"}));
            EXPECT_TRUE(b.asked(1).starts_with("GET /v1.41/events?since=1")) << b.asked(1);
            co_await b.stop();
        }
        bench refusing(ex, {{"/events", text(500, R"({"message":"no"})")}});
        EXPECT_EQ((co_await failure_of(refusing.docker.changes({}))).code, errc::refused);
        co_await refusing.stop();
    });
}
