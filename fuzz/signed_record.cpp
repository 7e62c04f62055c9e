// links: trust
// Records that members write into the shared state, before anybody believes them.
#include <span>

#include "base/bytes.hpp"
#include "mesh/trust/envelope.hpp"
#include "mesh/trust/policy.hpp"
#include "require.hpp"

using namespace dm;
using namespace dm::trust;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const auto key = crypto::private_key::from_seed(
        std::array<std::byte, crypto::ed25519_seed_size>{std::byte{1}});
    const auto text = as_chars(std::as_bytes(std::span{data, size}));
    const auto read = read_envelope(text);
    const auto said = trust::open("/dm1/strategy/0123456789abcdef/rec", text);
    require(read || !said);
    if (said)
        require(said->author == read->author && said->sequence == read->sequence);
    if (const auto sealed = seal(key, text, text, 5)) {
        const auto again = trust::open(text, *sealed);
        require(again && again->sequence == 5 && !again->is_deleted);
        require(*seal(key, text, *sealed, 5) == *sealed);
    }
    require(says_the_same(text, text));
    if (const auto id = operator_of(text))
        require(operator_key(*id) == text);
    (void)node_of(text);
    (void)writer_of(text);
    return 0;
}
