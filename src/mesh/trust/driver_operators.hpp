#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "aio/awaitable.hpp"
#include "multiformats/peer_id.hpp"

namespace dm::trust {

using multiformats::peer_id;

struct operator_info {
    peer_id id;
    bool is_self = false;
    std::optional<peer_id> added_by;  ///< none for a root
};

/// What removing an operator has done.
struct removal {
    std::size_t records_kept = 0;       ///< what it had signed and is now signed by this node
    std::vector<peer_id> also_removed;  ///< whom only it had added
};

/// The mesh's operators, as the API asks for them.
class operators {
  public:
    operators() = default;
    operators(const operators&) = delete;
    operators& operator=(const operators&) = delete;
    virtual ~operators() = default;

    /// Every member steers: there is no list.
    virtual bool is_open() const noexcept = 0;
    /// Roots first.
    virtual std::vector<operator_info> list() const = 0;
    /// Throws no_operators, not_operator, too_many_operators.
    virtual awaitable<void> add(peer_id who) = 0;
    /// `keep_records`: what it has signed and is in force stays so. Throws no_operators,
    /// not_operator, unknown_operator, not_senior.
    virtual awaitable<removal> remove(peer_id who, bool keep_records) = 0;
};

}  // namespace dm::trust
