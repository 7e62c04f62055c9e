// docker_engine by hand, for test_docker_engine.py: one command, each result a line of JSON.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "aio/run_for_test.hpp"
#include "http/syntax/url.hpp"
#include "runtime/docker/docker_engine.hpp"
#include "runtime/engine/engine_conformance.hpp"

namespace {

using namespace dm;
using namespace std::chrono_literals;
using nlohmann::json;

void print(const json& line) {
    fmt::print("{}\n", line.dump());
    std::fflush(stdout);
}

/// The world that the conformance checks move: containers and `docker rmi`, over the plain API.
class docker_world final : public engine::engine_world {
  public:
    docker_world(http::client& client, docker::docker_engine& engine, std::string socket_path,
                 std::vector<std::string> sources)
        : client_(client),
          engine_(engine),
          socket_path_(std::move(socket_path)),
          sources_(std::move(sources)) {}

    engine::image_engine& engine() override { return engine_; }
    std::string source(std::size_t which) const override { return sources_.at(which); }
    std::string index_source() const override { return sources_.at(2); }

    awaitable<void> create_container(std::string image_id, std::string name) override {
        co_await call("POST", "/containers/create?name=" + name,
                      json{{"Image", image_id}, {"Cmd", {"true"}}}.dump());
    }
    awaitable<void> remove_container(std::string name) override {
        co_await call("DELETE", "/containers/" + name, {});
    }
    awaitable<void> remove_by_hand(std::string name) override {
        co_await call("DELETE", "/images/" + name, {});
    }

  private:
    awaitable<void> call(std::string method, std::string path, std::string body) {
        http::request what;
        what.method = std::move(method);
        what.url = "http://localhost/v1.41" + path;
        what.unix_socket = socket_path_;
        what.headers = {{"Content-Type", "application/json"}};
        what.body = std::move(body);
        const auto answer = co_await client_.fetch(std::move(what));
        EXPECT_LT(answer.head.status, 300) << path << ": " << answer.body;
    }

    http::client& client_;
    docker::docker_engine& engine_;
    std::string socket_path_;
    std::vector<std::string> sources_;
};

struct session {
    std::string socket_path;
    std::vector<std::string> words;

    const std::string& word(std::size_t i) const { return words.at(i); }
};

std::vector<std::string> names_of(const std::vector<engine::container>& users) {
    std::vector<std::string> out;
    out.reserve(users.size());
    for (const auto& u : users)
        out.push_back(fmt::format("{} {}", u.name, u.running ? "running" : "stopped"));
    return out;
}

awaitable<void> pull(docker::docker_engine* engine, const session* s) {
    std::size_t reports = 0;
    engine::pull_progress last;
    const auto id = co_await engine->pull(s->word(1), std::nullopt,
                                          [&reports, &last](const engine::pull_progress& p) {
                                              if (reports++ == 0)
                                                  print({{"begun", true}});
                                              last = p;
                                          });
    print({{"id", id},
           {"reports", reports},
           {"layers", last.layers.size()},
           {"total", last.total_bytes},
           {"downloaded", last.downloaded_bytes},
           {"extracted", last.extracted_bytes}});
}

/// Listens as long as it is left alone, through every restart of the daemon.
awaitable<void> watch(docker::docker_engine* engine) {
    bool down = false;
    for (;;) {
        try {
            co_await engine->changes([&down](const engine::event& e) {
                down = false;
                print({{"action", e.action}, {"subject", e.subject}});
            });
            print({{"action", "ended"}});
        } catch (const failure& e) {
            if (!std::exchange(down, true))
                print({{"action", e.code() == engine::errc::unavailable ? "unavailable" : "failed"},
                       {"subject", e.what()}});
        }
        co_await aio::sleep_for(100ms);
    }
}

awaitable<void> run(docker::docker_engine* engine, const session* s) {
    const auto& command = s->word(0);
    if (command == "info") {
        const auto info = co_await engine->info();
        print({{"name", info.name},
               {"version", info.version},
               {"api", info.api_version},
               {"platform", engine::to_string(info.runs_on)},
               {"graph", info.store == engine::image_store::graph},
               {"root", info.root_dir}});
    } else if (command == "inspect") {
        const auto image = co_await engine->inspect(s->word(1));
        print(image ? json{{"id", image->id},
                           {"tags", image->repo_tags},
                           {"digests", image->repo_digests},
                           {"labels", image->labels}}
                    : json(nullptr));
    } else if (command == "pull") {
        co_await pull(engine, s);
    } else if (command == "tag") {
        co_await engine->tag(s->word(1), s->word(2));
        print(json::object());
    } else if (command == "remove") {
        const auto done = co_await engine->remove(s->word(1), s->word(2));
        constexpr std::array outcomes{"removed", "untagged", "in_use", "other_image", "absent"};
        print({{"outcome", outcomes.at(static_cast<std::size_t>(done.what))},
               {"users", names_of(done.users)},
               {"reason", done.reason}});
    } else if (command == "watch") {
        co_await watch(engine);
    }
}

awaitable<void> with_engine(executor ex, const session* s) {
    http::client client(ex);
    docker::docker_engine engine(client, {.socket_path = s->socket_path});
    try {
        if (s->word(0) == "conformance") {
            docker_world world(client, engine, s->socket_path,
                               {s->words.begin() + 1, s->words.end()});
            co_await engine::conformance(world).all();
        } else {
            co_await run(&engine, s);
        }
    } catch (const failure& e) {
        print({{"error", e.reason().message()}, {"code", e.code().message()}});
    }
    co_await client.stop();
}

const session* current = nullptr;

TEST(docker_engine, is_an_image_engine) {
    aio::run_coroutine([](executor ex) { return with_engine(std::move(ex), current); });
}

}  // namespace

/// docker_engine_tool SOCKET info | inspect NAME | pull SOURCE | tag ID NAME | remove NAME ID
///                         | watch | conformance SOURCE SOURCE INDEX
int main(int argc, char** argv) {
    const session s{argv[1], {argv + 2, argv + argc}};
    current = &s;
    if (s.word(0) == "conformance") {
        testing::InitGoogleTest();
        return RUN_ALL_TESTS();
    }
    asio::io_context loop;
    asio::co_spawn(loop, with_engine(loop.get_executor(), &s), [](const std::exception_ptr& e) {
        if (e)
            std::rethrow_exception(e);
    });
    loop.run();
    return 0;
}
