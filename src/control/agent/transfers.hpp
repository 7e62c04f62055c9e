#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <list>

#include "control/agent/views.hpp"

namespace dm::agent {

/// Ended transfers that are remembered.
constexpr std::size_t transfers_ended_max = 64;

/// What is moving right now, and what lately did. Lives on the loop.
class transfers {
  public:
    using entry = std::list<transfer_view>::iterator;

    /// Called when something about a transfer is new, at most ten times a second each, and always
    /// at its end.
    void on_change(std::function<void(const transfer_view&)> f) { on_change_ = std::move(f); }

    entry begin(transfer_kind kind, std::string image, std::string from);
    /// Notes the bytes done so far.
    void progress(entry e, std::uint64_t done, std::uint64_t total);
    void done(entry e);
    void failed(entry e, error why);

    /// Newest first.
    const std::list<transfer_view>& all() const noexcept { return all_; }
    const transfer_view* find(std::string_view id) const;

  private:
    struct sample {
        std::chrono::steady_clock::time_point at;
        std::uint64_t bytes;
    };
    void end(entry e, transfer_state state);
    void tell(const transfer_view& t) const;

    std::list<transfer_view> all_;
    std::map<std::string, std::deque<sample>> samples_;
    std::uint64_t next_id_ = 1;
    std::function<void(const transfer_view&)> on_change_;
};

}  // namespace dm::agent
