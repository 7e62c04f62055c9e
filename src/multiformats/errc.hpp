#pragma once

#include "base/result.hpp"

namespace dm::multiformats {

/// Why bytes or text of a self-describing format were refused.
enum class errc {
    truncated = 1,        ///< the bytes end inside the value; more may complete it
    malformed_varint,     ///< not minimal, or over 9 bytes
    malformed_multibase,  ///< unknown base, foreign letters, stray bits or length
    malformed_multihash,  ///< lengths do not agree
    malformed_cid,        ///< not a CID
    malformed_peer_id,    ///< not a peer id
    malformed_multiaddr,  ///< not a multiaddress
    malformed_protobuf,   ///< broken wire format, or not the message that is expected
    malformed_name,       ///< not a 55-character ciq… name
    unknown_protocol,     ///< a multiaddress protocol that we have no table entry for
    unsupported_hash,     ///< a hash function that we do not compute or accept
    too_long,             ///< over a named limit
};

const char* category_name(errc) noexcept;
const char* name_of(errc code) noexcept;
const char* message_of(errc code) noexcept;
condition condition_of(errc code) noexcept;

inline std::error_code make_error_code(errc code) noexcept {
    return {static_cast<int>(code), errc_category<errc>::instance()};
}

/// A value read from the front of some bytes, and how many bytes it took.
template <class T>
struct decoded {
    T value;
    std::size_t size = 0;
};

}  // namespace dm::multiformats

template <>
struct std::is_error_code_enum<dm::multiformats::errc> : std::true_type {};
