#pragma once

#include <gtest/gtest.h>

#include <fstream>

#include "aio/run_for_test.hpp"
#include "base/temp_dir.hpp"
#include "crypto/hash.hpp"
#include "http/client/scripted_server.hpp"
#include "oci/upstream/errc.hpp"
#include "oci/upstream/registry_client.hpp"

/// For tests: a registry client beside a scripted registry.
namespace dm::upstream::testing {

using http::testing::answer;
using http::testing::reply;
using http::testing::scripted_server;
using http::testing::seen_request;
using namespace std::chrono_literals;

inline std::string digest_text(std::string_view content) {
    return crypto::hash_of(crypto::hash_algorithm::sha256, as_bytes(content)).to_string();
}

/// A manifest answer with the headers that registries send.
inline reply manifest_answer(const std::string& body) {
    return answer(200,
                  {{"Content-Type", "application/vnd.oci.image.manifest.v1+json"},
                   {"Docker-Content-Digest", digest_text(body)}},
                  body);
}

/// A HEAD answer: length without body.
inline reply head_answer(int status, const http::header_list& headers) {
    return answer(status, headers, "");
}

/// A blob, or the part of it that Range asks for.
inline reply blob_answer(const seen_request& r, const std::string& content) {
    const auto range = r.header_or("Range", "");
    if (range.empty())
        return answer(200, {}, content);
    const auto first = std::stoul(range.substr(std::string("bytes=").size()));
    return answer(206,
                  {{"Content-Range",
                    fmt::format("bytes {}-{}/{}", first, content.size() - 1, content.size())}},
                  content.substr(first));
}

inline options quick() {
    options o;
    o.retry.base_delay = 2ms;
    o.retry.circuit_failures = 100;
    o.stall_timeout = 100ms;
    o.answer_timeout = 100ms;
    o.seed = 1;
    return o;
}

class bench {
  public:
    bench(const executor& ex, scripted_server::handler h, options o = quick(),
          const std::string& credentials = "{}")
        : server(ex, std::move(h)), http(ex), workers(1) {
        std::ofstream(dir_ / "auth.json") << credentials;
        if (o.credentials.file.empty())
            o.credentials.file = (dir_ / "auth.json").string();
        client = std::make_unique<registry_client>(http, workers, std::move(o));
    }

    /// "a/b:1" at the scripted registry.
    oci::reference image(std::string_view rest) const {
        return *oci::parse_reference(fmt::format("{}/{}", server.authority(), rest));
    }
    repository in(std::string path) const { return {server.authority(), std::move(path)}; }

    /// Credentials for the scripted registry, once its port is known.
    void log_in(const std::string& entry) {
        std::ofstream(dir_ / "auth.json")
            << fmt::format("{{\"auths\":{{\"{}\":{}}}}}", server.authority(), entry);
    }

    awaitable<void> stop() {
        co_await http.stop();
        co_await server.stop();
    }

    std::size_t count(std::string_view method, std::string_view part) const {
        return static_cast<std::size_t>(std::ranges::count_if(
            server.requests,
            [&](const seen_request& r) { return r.method == method && r.target.contains(part); }));
    }

    scripted_server server;
    http::client http;
    aio::pool workers;
    std::unique_ptr<registry_client> client;

  private:
    temp_dir dir_;
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

/// Runs a test body with an executor.
using aio::run_coroutine;

}  // namespace dm::upstream::testing
