// links: identify pnet
// What peers say about themselves, and the records that they sign; the file swarm.key.
#include "libp2p/identify/message.hpp"
#include "libp2p/identify/peer_record.hpp"
#include "libp2p/pnet/swarm_key.hpp"
#include "require.hpp"

using namespace dm;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const byte_view input = std::as_bytes(std::span{data, size});
    identify::message said;
    if (identify::merge(said, input)) {
        require(said.protocols.size() <= identify::protocols_max);
        require(said.listen_addresses.size() <= identify::addresses_max);
        identify::message again;
        require(identify::merge(again, identify::encode(said)).has_value());
        require(again == said);
    }
    if (const auto record = identify::open(input))
        require(record->addresses.size() <= identify::addresses_max);
    if (const auto key = pnet::parse_swarm_key(as_chars(input)))
        require(pnet::parse_swarm_key(pnet::to_text(*key)) == *key);
    return 0;
}
