#include "daemon/doctor.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include "aio/run_for_test.hpp"
#include "base/temp_dir.hpp"
#include "crypto/key.hpp"
#include "libp2p/host/tcp_host.hpp"
#include "multiformats/peer_id.hpp"

using namespace dm;
using namespace dm::daemon;

namespace {

config somewhere(const temp_dir& folder) {
    raw_config raw;
    raw.data_dir = (folder / "data").string();
    raw.engine = "none";
    raw.api = {"127.0.0.1:0"};
    raw.registry = {"127.0.0.1:0"};
    raw.p2p = {"/ip4/127.0.0.1/tcp/0"};
    return *parse_config(raw);
}

std::vector<finding> examined(const config& c) {
    std::vector<finding> out;
    aio::run_coroutine([&](executor) -> awaitable<void> { out = co_await examine(c); });
    return out;
}

const finding* bad(const std::vector<finding>& all, std::string_view what) {
    for (const auto& f : all)
        if (f.what == what && f.how == health::bad)
            return &f;
    return nullptr;
}

}  // namespace

TEST(doctor, finds_nothing_bad_before_the_first_start) {
    const temp_dir folder;
    const auto all = examined(somewhere(folder));
    EXPECT_TRUE(is_healthy(all)) << to_text(all);
    EXPECT_FALSE(std::filesystem::exists(folder / "data")) << "it changes nothing";
}

TEST(doctor, says_of_each_trouble_what_to_do) {
    const temp_dir folder;
    auto c = somewhere(folder);
    std::filesystem::create_directories(c.data_dir);
    std::ofstream(c.data_dir / "privateKey") << "no key";
    std::ofstream(c.data_dir / "swarm.key") << "no key";
    std::ofstream(c.data_dir / "operators") << "nobody\n";
    std::ofstream(c.data_dir / "peerstore") << "nowhere\n";
    asio::io_context loop;
    asio::ip::tcp::acceptor taken(loop, {asio::ip::make_address("127.0.0.1"), 0});
    c.api.at = {taken.local_endpoint()};
    c.engine = engine_kind::docker;
    c.docker_host = "unix:///nonexistent/docker.sock";
    const auto all = examined(c);
    EXPECT_FALSE(is_healthy(all));
    for (const auto* what : {"identity", "mesh key", "operators", "API", "engine", "peer"}) {
        const auto* found = bad(all, what);
        ASSERT_TRUE(found) << what << "\n" << to_text(all);
        EXPECT_FALSE(found->remedy.empty()) << what;
    }
}

TEST(doctor, sees_whether_the_first_peers_answer) {
    const temp_dir folder;
    aio::run_coroutine([&](executor ex) -> awaitable<void> {
        auto c = somewhere(folder);
        aio::pool workers(1);
        host::tcp_host peer(ex, workers, crypto::private_key::generate(), {});
        peer.listen(*multiformats::parse_multiaddr("/ip4/127.0.0.1/tcp/0"));
        peer.start();
        c.bootstrap = {{peer.self(), peer.addresses().at(0)}};
        const auto well = co_await examine(c);
        EXPECT_TRUE(is_healthy(well)) << to_text(well);
        const auto nobody = multiformats::peer_id(crypto::private_key::generate().public_key());
        c.bootstrap = {{nobody, peer.addresses().at(0)}};
        EXPECT_TRUE(bad(co_await examine(c), "peer")) << "somebody else answers there";
        co_await peer.stop();
        c.bootstrap = {{peer.self(), peer.addresses().empty()
                                         ? *multiformats::parse_multiaddr("/ip4/127.0.0.1/tcp/1")
                                         : peer.addresses().at(0)}};
        EXPECT_TRUE(bad(co_await examine(c), "peer"));
    });
}
