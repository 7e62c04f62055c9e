#pragma once

#include "base/result.hpp"

namespace dm::crdt {

enum class errc {
    malformed_block = 1,  ///< not a node of the DAG
    malformed_broadcast,  ///< not a list of heads
    too_large,            ///< a change or a key that does not fit into a block
    full,                 ///< the state or its history has reached its bound
    stopped,              ///< the node is going down
};

const char* category_name(errc) noexcept;
const char* name_of(errc code) noexcept;
const char* message_of(errc code) noexcept;
condition condition_of(errc code) noexcept;

inline std::error_code make_error_code(errc code) noexcept {
    return {static_cast<int>(code), errc_category<errc>::instance()};
}

}  // namespace dm::crdt

template <>
struct std::is_error_code_enum<dm::crdt::errc> : std::true_type {};
