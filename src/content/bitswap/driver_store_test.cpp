#include "content/bitswap/driver_store.hpp"

#include "aio/run_for_test.hpp"
#include "base/temp_dir.hpp"
#include "content/bitswap/blockstore_conformance.hpp"
#include "content/bitswap/driver_memory_blockstore.hpp"

using namespace dm;
using namespace dm::bitswap;

TEST(bitswap_blockstore, memory_is_one) {
    aio::run_coroutine([](executor) -> awaitable<void> {
        memory_blockstore store;
        store.add(as_bytes("some block"));
        co_await check_blockstore(store, to_bytes("some block"));
    });
}

TEST(bitswap_blockstore, the_content_store_is_one) {
    const temp_dir folder;
    aio::pool workers(1);
    aio::run_coroutine([&](executor ex) -> awaitable<void> {
        store::content_store content(ex, workers, folder.path());
        const auto data = to_bytes("some block");
        co_await content.put(crypto::hash_of(crypto::hash_algorithm::sha256, data), data);
        {
            store_blocks store(content);
            co_await check_blockstore(store, data);
        }
        co_await content.stop();
    });
}
