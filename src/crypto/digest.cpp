#include "crypto/digest.hpp"

#include <algorithm>
#include <cassert>
#include <optional>

#include "base/hex.hpp"

namespace dm::crypto {
namespace {

bool is_lower_or_digit(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool is_lower_hex(char c) {
    return (c >= 'a' && c <= 'f') || (c >= '0' && c <= '9');
}

bool is_encoded(char c) {
    return is_lower_or_digit(c) || (c >= 'A' && c <= 'Z') || c == '=' || c == '_' || c == '-';
}

// algorithm ::= component ([+._-] component)*, component ::= [a-z0-9]+
bool is_algorithm(std::string_view text) {
    bool after_component = false;
    for (const char c : text) {
        const bool in_component = is_lower_or_digit(c);
        const bool separator = c == '+' || c == '.' || c == '_' || c == '-';
        if (!in_component && !(separator && after_component))
            return false;
        after_component = in_component;
    }
    return after_component;
}

std::optional<hash_algorithm> algorithm_named(std::string_view text) {
    for (const auto a : {hash_algorithm::sha256, hash_algorithm::sha512})
        if (text == name_of(a))
            return a;
    return std::nullopt;
}

}  // namespace

std::string_view name_of(hash_algorithm algorithm) noexcept {
    return algorithm == hash_algorithm::sha256 ? "sha256" : "sha512";
}

digest::digest(hash_algorithm algorithm, byte_view value) : algorithm_(algorithm) {
    assert(value.size() == digest_size(algorithm));
    std::ranges::copy(value, value_.begin());
}

std::string digest::hex() const {
    return to_hex(value());
}

std::string digest::to_string() const {
    std::string out{name_of(algorithm_)};
    out += ':';
    out += hex();
    return out;
}

result<digest> parse_digest(std::string_view text) {
    const auto colon = text.find(':');
    if (text.size() > digest_text_max || colon == std::string_view::npos)
        return fail(errc::malformed_digest);
    const auto algorithm = text.substr(0, colon);
    const auto encoded = text.substr(colon + 1);
    if (!is_algorithm(algorithm) || encoded.empty() || !std::ranges::all_of(encoded, is_encoded))
        return fail(errc::malformed_digest);
    const auto known = algorithm_named(algorithm);
    if (!known)
        return fail(errc::unsupported_algorithm,
                    "digest algorithm " + std::string(algorithm) + " is not supported");
    const auto value = from_hex(encoded);
    if (!value || value->size() != digest_size(*known) ||
        !std::ranges::all_of(encoded, is_lower_hex))
        return fail(errc::malformed_digest);
    return digest(*known, *value);
}

}  // namespace dm::crypto
