#pragma once

#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "multiformats/errc.hpp"

namespace dm::multiformats {

/// A text form of bytes; the value is the prefix letter.
/// Spec: multiformats multibase.csv.
enum class multibase : char {
    base16 = 'f',
    base16_upper = 'F',
    base32 = 'b',
    base32_upper = 'B',
    base32_padded = 'c',
    base32_padded_upper = 'C',
    base36 = 'k',
    base36_upper = 'K',
    base58btc = 'z',
    base64 = 'm',
    base64_padded = 'M',
    base64url = 'u',
    base64url_padded = 'U',
};

/// Longest base58 or base36 text that is decoded: the conversion costs the square of the length.
constexpr std::size_t positional_text_max = 512;

struct multibase_text {
    multibase base;
    bytes value;
};

/// The prefix letter and the text. Base58 and base36 cost the square of the size.
std::string multibase_encode(multibase base, byte_view data);

/// Base16, base32 and base36 are read in either case; padding, stray bits and impossible lengths
/// are checked. Errors: malformed_multibase, too_long.
result<multibase_text> multibase_decode(std::string_view text);

/// Without a prefix letter, as in `Qm…` and `12D3…`.
std::string base58_encode(byte_view data);
result<bytes> base58_decode(std::string_view text);

/// Lower-case RFC 4648 base32 without padding and without a prefix letter.
std::string base32_encode(byte_view data);
result<bytes> base32_decode(std::string_view text);

}  // namespace dm::multiformats
