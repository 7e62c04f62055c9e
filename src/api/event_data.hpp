#pragma once

#include <map>
#include <optional>
#include <string>

#include "api/view_json.hpp"
#include "control/agent/agent.hpp"

/// For .cpp files of this module only.
namespace dm::api {

/// Adds to notices how the thing that they are about is now, so that whoever is told need not ask.
/// One serves the notices of one moment: what it has looked up it does not look up again.
class event_data {
  public:
    /// `node` outlives it.
    explicit event_data(const agent::agent& node) : node_(node) {}

    /// The notice as JSON with a member `strategy` (without its nodes), `image` (without its
    /// blobs), `transfer` or `node`; unchanged when the thing is gone or the notice is about
    /// another kind.
    std::string with_state(const std::string& type, const std::string& notice);

  private:
    std::optional<json> state_of(const std::string& type, const nlohmann::json& notice);
    std::optional<json> node_state(const nlohmann::json& notice);

    const agent::agent& node_;
    std::optional<std::map<std::string, agent::node_view>> nodes_;
};

/// Ids of the strategies for the image of the transfer that the notice is about: its progress is
/// theirs.
std::vector<std::string> strategies_moved_by(const agent::agent& node, const std::string& notice);

}  // namespace dm::api
