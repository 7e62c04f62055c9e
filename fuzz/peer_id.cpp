// links: multiformats
// Peer ids and the keys in them: one key has one spelling, and one id.
#include <algorithm>

#include "multiformats/peer_id.hpp"
#include "require.hpp"

using namespace dm;
using namespace dm::multiformats;

namespace {

void check(const peer_id& id) {
    require(peer_id::from_bytes(id.bytes()) == id);
    require(parse_peer_id(id.to_string()) == id);
    require(parse_peer_id(id.to_cid().to_string(multibase::base36)) == id);
    if (const auto key = id.inlined_key())
        require(id.matches(*key));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const byte_view input = std::as_bytes(std::span{data, size});
    if (const auto id = peer_id::from_bytes(input)) {
        require(std::ranges::equal(id->bytes(), input));
        check(*id);
    }
    if (const auto id = parse_peer_id(as_chars(input)))
        check(*id);
    if (const auto key = unmarshal_public_key(input)) {
        require(std::ranges::equal(marshal(*key), input));
        require(!key->verify(input, input.first(std::min<std::size_t>(size, 64))));
        check(peer_id(*key));
    }
    if (const auto key = unmarshal_private_key(input))
        require(unmarshal_private_key(marshal(*key)).value().public_key() == key->public_key());
    return 0;
}
