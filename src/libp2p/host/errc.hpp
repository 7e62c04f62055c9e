#pragma once

#include "base/result.hpp"

namespace dm::host {

/// Why a peer could not be reached, or a stream ended.
enum class errc {
    no_address = 1,    ///< nobody has told where this peer is
    dial_failed,       ///< none of its addresses answered as that peer
    backing_off,       ///< it could not be reached a moment ago; not tried again yet
    wrong_peer,        ///< somebody else answers there
    is_self,           ///< this node's own id
    banned,            ///< misbehaved, or the operator's wish
    too_many,          ///< a limit on connections, dials or streams is reached
    protocol_refused,  ///< the peer speaks none of the protocols
    stream_reset,      ///< the other side gave the stream up
    connection_lost,   ///< the connection under the stream has ended
    handshake_failed,  ///< the peers did not agree on how to talk
    bad_swarm_key,     ///< the file is no pre-shared key
    bad_address,       ///< an address that cannot be dialled or listened on
};

const char* category_name(errc) noexcept;
const char* name_of(errc code) noexcept;
const char* message_of(errc code) noexcept;
condition condition_of(errc code) noexcept;

inline std::error_code make_error_code(errc code) noexcept {
    return {static_cast<int>(code), errc_category<errc>::instance()};
}

}  // namespace dm::host

template <>
struct std::is_error_code_enum<dm::host::errc> : std::true_type {};
