// links: multiformats
// CIDs and their texts: what is read is written back the same, in every form that it has.
#include <algorithm>

#include "multiformats/cid.hpp"
#include "multiformats/dockerize.hpp"
#include "require.hpp"

using namespace dm;
using namespace dm::multiformats;

namespace {

void check(const cid& c) {
    const auto binary = c.to_bytes();
    require(binary.size() == c.encoded_size());
    require(parse_cid(byte_view{binary}) == c);
    for (const auto base :
         {multibase::base32, multibase::base36, multibase::base58btc, multibase::base16_upper,
          multibase::base64url_padded, multibase::base32_padded})
        require(parse_cid(c.to_string(base)) == c);
    if (const auto name = dockerize(c)) {
        require(name->size() == dockerized_letters);
        require(undockerize(*name) == c.to_v1());
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const byte_view input = std::as_bytes(std::span{data, size});
    const auto text = as_chars(input);
    if (const auto read = read_cid(input)) {
        require(read->size <= size);
        require(std::ranges::equal(read->value.to_bytes(), input.first(read->size)));
        check(read->value);
    }
    if (const auto c = parse_cid(text))
        check(*c);
    if (const auto c = undockerize(text))
        require(dockerize(*c) == std::string(text));
    if (const auto decoded_text = multibase_decode(text)) {
        const auto again = multibase_encode(decoded_text->base, decoded_text->value);
        const auto read = multibase_decode(again);
        require(read && read->value == decoded_text->value && again.size() == text.size());
    }
    return 0;
}
