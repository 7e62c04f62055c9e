#include "libp2p/host/tcp_host.hpp"

#include "aio/run_for_test.hpp"
#include "libp2p/host/host_conformance.hpp"

using namespace dm;

namespace {

multiformats::multiaddr loopback() {
    return multiformats::parse_multiaddr("/ip4/127.0.0.1/tcp/0").value();
}

}  // namespace

TEST(tcp_host, is_a_host) {
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        aio::pool workers(1);
        host::tcp_host a(ex, workers, crypto::private_key::generate(), {});
        host::tcp_host b(ex, workers, crypto::private_key::generate(), {});
        b.listen(loopback());
        a.start();
        b.start();
        co_await host::check_host(a, b);
        co_await a.stop();
        co_await b.stop();
    });
}
