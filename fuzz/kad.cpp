// links: kad
// kad-dht messages: what is read is written back with the same meaning.
#include "libp2p/kad/message.hpp"
#include "require.hpp"

using namespace dm;
using namespace dm::kad;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto m = decode_message(std::as_bytes(std::span{data, size}));
    if (!m)
        return 0;
    require(m->closer.size() <= peers_max && m->providers.size() <= peers_max);
    for (const auto& p : m->closer)
        require(p.addresses.size() <= addresses_max);
    const auto again = decode_message(encode_message(*m));
    require(again && *again == *m);
    return 0;
}
