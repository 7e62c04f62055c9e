#pragma once

#include "base/result.hpp"

namespace dm::gossipsub {

enum class errc {
    malformed_rpc = 1,  ///< not a pubsub RPC
    malformed_message,  ///< lacks an author, a number, a topic or a signature
    bad_signature,      ///< not signed by its author
    too_large,          ///< does not fit into an RPC, or a topic's name is too long
    not_subscribed,     ///< nobody here wants this topic
    stopped,            ///< the node is going down
};

const char* category_name(errc) noexcept;
const char* name_of(errc code) noexcept;
const char* message_of(errc code) noexcept;
condition condition_of(errc code) noexcept;

inline std::error_code make_error_code(errc code) noexcept {
    return {static_cast<int>(code), errc_category<errc>::instance()};
}

}  // namespace dm::gossipsub

template <>
struct std::is_error_code_enum<dm::gossipsub::errc> : std::true_type {};
