// links: mdns
// DNS packets of multicast DNS: what is read is written back with the same meaning.
#include "libp2p/mdns/discovery.hpp"
#include "require.hpp"

using namespace dm;
using namespace dm::mdns;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const byte_view input = std::as_bytes(std::span{data, size});
    if (const auto p = decode_packet(input)) {
        require(p->questions.size() <= entries_max && p->records.size() <= entries_max);
        for (const auto& r : p->records)
            require(r.name.size() <= name_bytes_max && r.target.size() <= name_bytes_max);
    }
    static const auto self =
        *peer_id::from_bytes(multiformats::multihash::sha2_256(as_bytes("self")).to_bytes());
    discovery d(self, rng(1));
    d.received({}, input);
    while (const auto found = d.poll_peer())
        require(found->id != self && found->addresses.size() <= discovery_options{}.addresses_max);
    return 0;
}
