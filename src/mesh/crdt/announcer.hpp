#pragma once

#include <set>
#include <vector>

#include "base/clock.hpp"
#include "base/rng.hpp"
#include "multiformats/cid.hpp"

namespace dm::crdt {

using multiformats::cid;

struct announcer_options {
    /// Between two rounds: the first after a change, doubled as long as nothing changes.
    std::chrono::milliseconds interval_min{5'000};
    std::chrono::milliseconds interval_max{300'000};
    /// After somebody has come who may know nothing; at most once per interval_min.
    std::chrono::milliseconds newcomer_delay{500};
};

/// Says when to broadcast our heads again, and which: those that nobody else has named since the
/// last round. Pure. Spec: go-ds-crdt rebroadcast.
class announcer {
  public:
    announcer(steady_time now, std::uint64_t seed, announcer_options o = {});

    /// Somebody, or we ourselves, have named these.
    void heard(const std::vector<cid>& heads);
    /// There are other heads than before.
    void changed(steady_time now);
    /// Somebody has come who needs to hear them.
    void newcomer(steady_time now);

    steady_time deadline() const noexcept { return next_; }
    /// Those to broadcast now, when it is time; ends the round.
    std::vector<cid> due(steady_time now, const std::vector<cid>& heads);

  private:
    void plan(steady_time now);

    announcer_options options_;
    rng random_;
    std::chrono::milliseconds interval_;
    steady_time next_;
    steady_time last_hurry_;
    std::set<cid> named_;
};

}  // namespace dm::crdt
