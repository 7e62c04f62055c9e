#include "libp2p/pnet/swarm_key.hpp"

#include <algorithm>

#include "base/hex.hpp"
#include "crypto/base64.hpp"
#include "crypto/hash.hpp"
#include "crypto/xsalsa20.hpp"

namespace dm::pnet {
namespace {

constexpr std::string_view header = "/key/swarm/psk/1.0.0/";

/// The text up to the next end of line, which is taken off.
std::string_view take_line(std::string_view& text) {
    const auto end = text.find('\n');
    auto line = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    if (line.ends_with('\r'))
        line.remove_suffix(1);
    return line;
}

}  // namespace

result<swarm_key> parse_swarm_key(std::string_view text) {
    if (text.size() > swarm_key_file_bytes_max || take_line(text) != header)
        return fail(errc::malformed_key);
    const auto encoding = take_line(text);
    bytes key;
    if (encoding == "/bin/") {
        key = to_bytes(text.substr(0, swarm_key{}.size()));
    } else if (encoding == "/base16/") {
        key = from_hex(take_line(text)).value_or(bytes{});
    } else if (encoding == "/base64/") {
        auto decoded = crypto::base64_decode(take_line(text));
        if (decoded)
            key = *std::move(decoded);
    }
    swarm_key out{};
    if (key.size() != out.size())
        return fail(errc::malformed_key);
    std::ranges::copy(key, out.begin());
    return out;
}

std::string to_text(const swarm_key& key) {
    return std::string(header) + "\n/base16/\n" + to_hex(key) + "\n";
}

std::string fingerprint(const swarm_key& key) {
    constexpr std::string_view nonce = "finprint";  // sic: as every implementation spells it
    const auto stream = crypto::salsa20_stream(key, as_bytes(nonce).first<8>(), 64);
    return to_hex(crypto::shake128(stream, 16));
}

}  // namespace dm::pnet
