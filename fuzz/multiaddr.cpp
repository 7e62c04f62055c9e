// links: multiformats
// Multiaddresses: the bytes and the text of one say the same.
#include <algorithm>

#include "multiformats/multiaddr.hpp"
#include "require.hpp"

using namespace dm;
using namespace dm::multiformats;

namespace {

void check(const multiaddr& address) {
    require(parse_multiaddr(address.bytes()) == address);
    const auto text = address.to_string();
    if (text.size() <= multiaddr_text_max)
        require(parse_multiaddr(text) == address);
    for (const auto& component : address.components())
        require(component.value.size() <= address.bytes().size());
    // with_peer replaces a peer, so only the last of several comes back.
    if (const auto peer = address.peer(); peer && !address.without_peer().peer())
        require(address.without_peer().with_peer(*peer) == address);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const byte_view input = std::as_bytes(std::span{data, size});
    if (const auto address = parse_multiaddr(input))
        check(*address);
    if (const auto address = parse_multiaddr(as_chars(input)))
        check(*address);
    return 0;
}
