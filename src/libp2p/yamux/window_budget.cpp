#include "libp2p/yamux/window_budget.hpp"

#include <algorithm>

#include "libp2p/yamux/session.hpp"

namespace dm::yamux {

std::uint32_t window_budget::grant(std::uint32_t wanted) noexcept {
    const auto left = limit_ > granted_ ? limit_ - granted_ : 0;
    const auto out = static_cast<std::uint32_t>(std::min<std::uint64_t>(wanted, left));
    granted_ += out;
    return out;
}

void window_budget::relieve() {
    while (unread_ > limit_) {
        session* longest = nullptr;
        std::optional<steady_time> since;
        for (auto* s : sessions_)
            if (const auto t = s->unread_since(); t && (!since || *t < *since)) {
                longest = s;
                since = t;
            }
        if (!longest)
            return;
        longest->reset_longest_unread();
    }
}

}  // namespace dm::yamux
