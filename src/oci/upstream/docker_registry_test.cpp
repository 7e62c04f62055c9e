#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "aio/tcp.hpp"
#include "oci/upstream/client_fixture.hpp"

extern char** environ;

/// Against Debian's docker-registry (distribution 2.8), started here on loopback.
using namespace dm;
using namespace dm::upstream;
using namespace dm::upstream::testing;

namespace {

constexpr const char* program = "/usr/bin/docker-registry";
// user "user", password "pass:word"
constexpr const char* htpasswd =
    "user:$2y$05$abcdefghijklmnopqrstuuDIEddBSuRWBBEY6g5zv60IAP5bSSfki\n";

pid_t start(std::vector<std::string> command, const std::string& output) {
    std::vector<char*> arguments;
    arguments.reserve(command.size() + 1);
    for (auto& word : command)
        arguments.push_back(word.data());
    arguments.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, output.c_str(), O_WRONLY | O_CREAT, 0600);
    posix_spawn_file_actions_adddup2(&actions, 1, 2);
    pid_t pid = 0;
    const int code =
        ::posix_spawnp(&pid, arguments[0], &actions, nullptr, arguments.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    return code == 0 ? pid : -1;
}

/// A running docker-registry with an empty store.
class real_registry {
  public:
    explicit real_registry(const executor& ex, bool tls = false, bool basic = false) : tls_(tls) {
        const auto any = aio::listen(ex, *aio::parse_endpoint("127.0.0.1:0"));
        port_ = any.local_endpoint().port();
        auto config = fmt::format(
            "version: 0.1\nlog: {{level: error, accesslog: {{disabled: true}}}}\n"
            "storage: {{filesystem: {{rootdirectory: {}}}}}\nhttp:\n  addr: 127.0.0.1:{}\n",
            (dir_ / "data").string(), port_);
        if (tls)
            config += fmt::format("  tls: {{certificate: {}, key: {}}}\n", ca_file(),
                                  (dir_ / "key").string());
        if (basic)
            config += fmt::format("auth: {{htpasswd: {{realm: x, path: {}}}}}\n",
                                  (dir_ / "htpasswd").string());
        std::ofstream(dir_ / "htpasswd") << htpasswd;
        std::ofstream(dir_ / "config.yml") << config;
        if (tls)
            make_certificate();
    }
    real_registry(const real_registry&) = delete;
    real_registry& operator=(const real_registry&) = delete;
    ~real_registry() {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }

    std::string ca_file() const { return (dir_ / "cert").string(); }
    std::string base() const {
        return fmt::format("{}://localhost:{}", tls_ ? "https" : "http", port_);
    }
    std::string domain() const { return fmt::format("localhost:{}", port_); }

    awaitable<void> run(http::client* http) {
        pid_ = start({program, "serve", (dir_ / "config.yml").string()}, (dir_ / "log").string());
        for (;;) {
            try {
                co_await http->fetch(request("GET", "/v2/", ""));
                co_return;
            } catch (const failure&) {
                EXPECT_EQ(::waitpid(pid_, nullptr, WNOHANG), 0) << "it ended";
            }
            co_await aio::sleep_for(10ms);
        }
    }

    http::request request(const char* method, const std::string& path, std::string body) const {
        http::request out{.method = method, .url = base() + path, .body = std::move(body)};
        out.headers.push_back({"Authorization", "Basic " + std::string("dXNlcjpwYXNzOndvcmQ=")});
        if (tls_) {
            std::ifstream file(ca_file());
            out.tls = std::make_shared<http::tls_options>(
                std::string(std::istreambuf_iterator<char>(file), {}));
        }
        return out;
    }

    awaitable<void> push_blob(http::client* http, std::string content) {
        const auto digest = digest_text(content);
        const auto begun = co_await http->fetch(request("POST", "/v2/a/b/blobs/uploads/", ""));
        auto put = request("PUT", "/", std::move(content));
        put.url = *begun.head.find("Location") + "&digest=" + digest;
        put.headers.push_back({"Content-Type", "application/octet-stream"});
        const auto done = co_await http->fetch(std::move(put));
        EXPECT_EQ(done.head.status, 201) << done.body;
    }

    awaitable<void> push_manifest(http::client* http, std::string content) {
        auto put = request("PUT", "/v2/a/b/manifests/1", std::move(content));
        put.headers.push_back(
            {"Content-Type", "application/vnd.docker.distribution.manifest.v2+json"});
        const auto done = co_await http->fetch(std::move(put));
        EXPECT_EQ(done.head.status, 201) << done.body;
    }

  private:
    void make_certificate() {
        const auto pid = start(
            {"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
             "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
             "subjectAltName=DNS:localhost", "-keyout", (dir_ / "key").string(), "-out", ca_file()},
            (dir_ / "openssl.log").string());
        int status = -1;
        ::waitpid(pid, &status, 0);
        EXPECT_EQ(status, 0) << "openssl makes a certificate";
    }

    temp_dir dir_;
    bool tls_;
    std::uint16_t port_ = 0;
    pid_t pid_ = 0;
};

class upstream_docker_registry : public ::testing::Test {
  protected:
    void SetUp() override {
        if (::access(program, X_OK) != 0)
            GTEST_SKIP() << program << " is not installed";
    }
};

struct collect final : blob_sink {
    bool on_bytes(byte_view piece) override {
        taken.append(as_chars(piece));
        return true;
    }
    std::string taken;
};

oci::descriptor describe(const std::string& content) {
    return {"x", crypto::hash_of(crypto::hash_algorithm::sha256, as_bytes(content)),
            content.size()};
}

std::string manifest_of(const std::string& config, const std::string& layer) {
    constexpr const char* form =
        R"({{"schemaVersion":2,"mediaType":"application/vnd.docker.distribution.manifest.v2+json","config":{{"mediaType":"application/vnd.docker.container.image.v1+json","size":{},"digest":"{}"}},"layers":[{{"mediaType":"application/vnd.docker.image.rootfs.diff.tar.gzip","size":{},"digest":"{}"}}]}})";
    return fmt::format(form, config.size(), digest_text(config), layer.size(), digest_text(layer));
}

/// Pushes an image and pulls it again with `o`, credentials for the registry included.
awaitable<void> push_and_pull(executor ex, real_registry* registry, options o, std::string domain) {
    http::client http(ex);
    aio::pool workers(1);
    co_await registry->run(&http);
    const std::string config = "{}";
    const std::string layer(3'000'000, 'l');
    const auto manifest = manifest_of(config, layer);
    co_await registry->push_blob(&http, config);
    co_await registry->push_blob(&http, layer);
    co_await registry->push_manifest(&http, manifest);

    registry_client client(http, workers, std::move(o));
    const auto image = *oci::parse_reference(domain + "/a/b:1");
    const auto resolved = co_await client.resolve(image);
    EXPECT_EQ(resolved.digest.to_string(), digest_text(manifest));
    EXPECT_EQ(resolved.size, manifest.size());
    const auto got = co_await client.manifest(image);
    EXPECT_EQ(got.raw, manifest);
    EXPECT_EQ(got.media_type, "application/vnd.docker.distribution.manifest.v2+json");
    for (const std::uint64_t offset : {0u, 1'000'001u}) {
        collect sink;
        co_await client.blob(repository::of(image), describe(layer), offset, sink);
        EXPECT_EQ(sink.taken, layer.substr(offset));
    }
    const auto unknown_tag =
        co_await failure_of(client.resolve(*oci::parse_reference(domain + "/a/b:2")));
    EXPECT_EQ(unknown_tag.code, errc::not_found) << unknown_tag.message();
    const auto unknown =
        co_await failure_of(client.manifest(*oci::parse_reference(domain + "/no/such:1")));
    EXPECT_EQ(unknown.code, errc::not_found) << unknown.message();
    collect none;
    const auto no_blob =
        co_await failure_of(client.blob(repository::of(image), describe("other"), 0, none));
    EXPECT_EQ(no_blob.code, errc::not_found) << no_blob.message();
    co_await http.stop();
}

options with_credentials(const temp_dir& dir, const std::string& domain,
                         const std::string& secret) {
    auto o = quick();
    o.stall_timeout = 10s;
    o.answer_timeout = 10s;
    std::ofstream(dir / "auth.json") << fmt::format(
        R"({{"auths":{{"{}":{{"username":"user","password":"{}"}}}}}})", domain, secret);
    o.credentials.file = (dir / "auth.json").string();
    return o;
}

}  // namespace

TEST_F(upstream_docker_registry, gives_manifests_and_blobs) {
    run_coroutine([](executor ex) -> awaitable<void> {
        temp_dir dir;
        real_registry registry(ex);
        co_await push_and_pull(ex, &registry, with_credentials(dir, "none", ""), registry.domain());
    });
}

TEST_F(upstream_docker_registry, takes_basic_credentials) {
    run_coroutine([](executor ex) -> awaitable<void> {
        temp_dir dir;
        real_registry registry(ex, false, true);
        co_await push_and_pull(ex, &registry, with_credentials(dir, registry.domain(), "pass:word"),
                               registry.domain());

        http::client http(ex);
        aio::pool workers(1);
        registry_client wrong(http, workers, with_credentials(dir, registry.domain(), "wrong"));
        const auto why = co_await failure_of(
            wrong.manifest(*oci::parse_reference(registry.domain() + "/a/b:1")));
        EXPECT_EQ(why.code, errc::unauthorized) << why.message();
        co_await http.stop();
    });
}

TEST_F(upstream_docker_registry, is_trusted_over_tls_by_its_ca_only) {
    run_coroutine([](executor ex) -> awaitable<void> {
        temp_dir dir;
        real_registry registry(ex, true);
        auto o = with_credentials(dir, "none", "");
        o.upstreams.insert(*parse_mapping("private.example=" + registry.base()));
        o.ca_file = registry.ca_file();
        co_await push_and_pull(ex, &registry, o, "private.example");

        // The same by Docker's folder, and once it is there while we run.
        http::client http(ex);
        aio::pool workers(1);
        o.ca_file.clear();
        o.certs_dir = (dir / "certs.d").string();
        registry_client client(http, workers, o);
        const auto image = *oci::parse_reference("private.example/a/b:1");
        const auto why = co_await failure_of(client.manifest(image));
        EXPECT_EQ(why.code, errc::unavailable);
        EXPECT_TRUE(why.message().contains("is not trusted")) << why.message();
        const auto folder = dir / ("certs.d/" + registry.domain());
        std::filesystem::create_directories(folder);
        std::filesystem::copy_file(registry.ca_file(), folder / "ca.crt");
        EXPECT_FALSE((co_await client.manifest(image)).raw.empty());
        co_await http.stop();
    });
}

TEST_F(upstream_docker_registry, over_plain_http_where_tls_is_expected_is_named) {
    run_coroutine([](executor ex) -> awaitable<void> {
        temp_dir dir;
        real_registry registry(ex);
        http::client http(ex);
        aio::pool workers(1);
        co_await registry.run(&http);
        auto o = with_credentials(dir, "none", "");
        o.upstreams.insert(*parse_mapping("x.example=https://" + registry.domain()));
        registry_client client(http, workers, o);
        const auto why =
            co_await failure_of(client.manifest(*oci::parse_reference("x.example/a/b:1")));
        EXPECT_EQ(why.code, errc::unavailable);
        EXPECT_TRUE(why.message().contains("does not speak TLS")) << why.message();
        co_await http.stop();
    });
}
