#pragma once

#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "control/report/node_report.hpp"
#include "mesh/presence/roster.hpp"

namespace dm::agent {

/// What this node knows of the other members: who is there, and what each says of itself. Lives on
/// the loop.
class fleet {
  public:
    using look = std::function<presence::sighting(const multiformats::peer_id&)>;
    using report_ptr = std::shared_ptr<const report::node_report>;

    /// Without `see`, everybody is online and says nothing.
    explicit fleet(look see) : see_(std::move(see)) {}

    /// What a look at a member brought.
    struct news {
        bool liveness = false;  ///< it has come or gone
        bool node = false;      ///< its engine, its disk
        bool held = false;      ///< which images it has
        std::vector<std::uint64_t>
            strategies{};                     ///< those with which it is doing otherwise; sorted
        std::vector<std::uint64_t> moving{};  ///< those whose image it is getting more of
    };

    /// Looks at it again.
    news update(const multiformats::peer_id& peer);
    void forget(const multiformats::peer_id& peer) { members_.erase(peer); }

    /// Without the status, which report_of() gives.
    presence::sighting sighting_of(const multiformats::peer_id& peer) const;
    /// nullptr while it has said nothing, or nothing that can be understood.
    report_ptr report_of(const multiformats::peer_id& peer) const;
    /// Those that are there and hold the image.
    std::vector<multiformats::peer_id> holders(const crypto::digest& image) const;

  private:
    struct entry {
        presence::sighting seen{};
        report_ptr said{};
    };

    look see_;
    std::map<multiformats::peer_id, entry> members_;
};

}  // namespace dm::agent
