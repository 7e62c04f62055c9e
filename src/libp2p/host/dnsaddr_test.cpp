#include "libp2p/host/dnsaddr.hpp"

#include <gtest/gtest.h>

#include <map>

#include "libp2p/host/bootstrap.hpp"
#include "libp2p/host/host_for_test.hpp"

using namespace dm;
using host::address;
using host::fleet;
using host::resolve_dnsaddr;

namespace {

const auto peer =
    *multiformats::parse_peer_id("12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA");
const std::string id = "/p2p/" + peer.to_string();
const std::string other = "/p2p/QmSKVUFAyCddg2wDUdZVCfvqG5YCwwJTWY1HRmorebXcKG";

using zone = std::map<std::string, std::vector<std::string>>;

host::text_lookup in(const zone& names, std::size_t* count = nullptr) {
    return [&names, count](const std::string& name) -> std::vector<std::string> {
        if (count)
            ++*count;
        const auto it = names.find(name);
        if (it == names.end())
            raise(host::errc::bad_address, "no such name");
        return it->second;
    };
}

std::vector<std::string> texts(const std::vector<multiformats::multiaddr>& all) {
    std::vector<std::string> out;
    for (const auto& a : all)
        out.push_back(a.to_string());
    return out;
}

}  // namespace

TEST(dnsaddr, gives_the_addresses_of_the_peer_only) {
    const zone names{
        {"_dnsaddr.example.org",
         {"dnsaddr=/ip4/192.0.2.1/tcp/1" + id, "dnsaddr=/ip4/192.0.2.2/tcp/2" + other,
          "dnsaddr=/ip4/192.0.2.3/tcp/3", "v=spf1", "dnsaddr=rubbish",
          "dnsaddr=/ip4/192.0.2.4/udp/4/quic-v1" + id, "dnsaddr=/dnsaddr/more.example.org" + id}},
        {"_dnsaddr.more.example.org", {"dnsaddr=/dns4/box.example.org/tcp/5" + id}}};
    EXPECT_EQ(
        texts(resolve_dnsaddr({address("/ip4/192.0.2.9/tcp/9"), address("/dnsaddr/example.org"),
                               address("/dnsaddr/nowhere.example.org")},
                              peer, in(names))),
        (std::vector<std::string>{"/ip4/192.0.2.9/tcp/9", "/ip4/192.0.2.1/tcp/1",
                                  "/dns4/box.example.org/tcp/5"}));
}

TEST(dnsaddr, does_not_follow_names_without_end) {
    std::size_t count = 0;
    zone names{{"_dnsaddr.a", {}}};
    for (int i = 0; i < 100; ++i)
        names["_dnsaddr.a"].push_back("dnsaddr=/dnsaddr/a" + id);
    EXPECT_TRUE(resolve_dnsaddr({address("/dnsaddr/a")}, peer, in(names, &count)).empty());
    EXPECT_EQ(count, host::dnsaddr_lookups_max);
    names["_dnsaddr.a"] = {"dnsaddr=/dnsaddr/a" + id};
    count = 0;
    resolve_dnsaddr({address("/dnsaddr/a")}, peer, in(names, &count));
    EXPECT_EQ(count, static_cast<std::size_t>(host::dnsaddr_depth_max));
    names["_dnsaddr.a"].clear();
    for (int i = 0; i < 100; ++i)
        names["_dnsaddr.a"].push_back("dnsaddr=/ip4/192.0.2.1/tcp/" + std::to_string(i + 1) + id);
    EXPECT_EQ(resolve_dnsaddr({address("/dnsaddr/a")}, peer, in(names)).size(),
              host::dnsaddr_addresses_max);
}

TEST(dnsaddr, a_peer_can_be_known_by_it_and_is_dialled) {
    EXPECT_TRUE(host::parse_known_peer("/dnsaddr/example.org" + id));
    EXPECT_FALSE(host::parse_known_peer("/dnsaddr/example.org")) << "of whom?";
    host::with_fleet([](fleet& f) -> awaitable<void> {
        auto& b = f.add();
        const zone names{{"_dnsaddr.example.org",
                          {"dnsaddr=" + b.addresses().at(0).with_peer(b.self()).to_string()}}};
        auto options = host::quick();
        options.text_records = in(names);
        auto& a = f.add(options);
        co_await a.connect(b.self(), {address("/dnsaddr/example.org")});
        EXPECT_EQ(co_await host::say(a, b, "by name"), "by name");
    });
}
