#include "libp2p/host/memory_host.hpp"
#include "aio/run_for_test.hpp"
#include "libp2p/host/host_conformance.hpp"

using namespace dm;

TEST(memory_host, is_a_host) {
    aio::run_coroutine([](executor ex) -> awaitable<void> {
        host::memory_network network;
        host::memory_host a(ex, network,
                            host::peer_id(crypto::private_key::generate().public_key()));
        host::memory_host b(ex, network,
                            host::peer_id(crypto::private_key::generate().public_key()));
        co_await host::check_host(a, b);
        co_await a.stop();
        co_await b.stop();
    });
}
