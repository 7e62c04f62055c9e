#pragma once

#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "crypto/errc.hpp"

namespace dm::crypto {

/// The four spellings of RFC 4648: which two letters follow the alphanumerics, and whether `=`
/// pads.
enum class base64_form { standard, standard_unpadded, url, url_unpadded };

std::string base64_encode(byte_view data, base64_form form = base64_form::standard);

/// Strict: exactly what base64_encode writes, no white space, no missing or surplus padding, no
/// stray bits in the last letter; else `malformed_base64`.
result<bytes> base64_decode(std::string_view text, base64_form form = base64_form::standard);

}  // namespace dm::crypto
