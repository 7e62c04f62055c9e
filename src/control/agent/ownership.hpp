#pragma once

#include <string>
#include <vector>

#include "control/plan/plan.hpp"
#include "mesh/state/table.hpp"

namespace dm::agent {

/// The names in the engine that this node set, or was about to set: written before the engine is
/// touched, so that a crash never leaves a name that nobody takes away again, nor takes away one
/// that is not ours.
class ownership {
  public:
    explicit ownership(state::table& local) : local_(local) {}

    std::vector<plan::placed_name> all() const;
    bool has(const plan::placed_name& p) const;
    /// Under whatever name.
    bool has_image(std::string_view image_id) const;
    awaitable<void> add(plan::placed_name p);
    awaitable<void> remove(plan::placed_name p);

  private:
    state::table& local_;
};

}  // namespace dm::agent
