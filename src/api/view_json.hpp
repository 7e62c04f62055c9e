#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "control/agent/views.hpp"

/// The one place where what a node knows becomes JSON. For .cpp files of this module only.
namespace dm::api {

using json = nlohmann::ordered_json;

/// The prototype's members first, then ours. Without `nodes` as the long lists of large fleets want
/// it.
json to_json(const agent::strategy_view& s, bool with_nodes = true);
/// Without `blobs` as long lists show it, with them as one image is shown.
json to_json(const agent::image_view& image, bool with_blobs);
json to_json(const agent::transfer_view& t);
json to_json(const agent::node_view& n);
json to_json(const agent::preview& p);

/// Why each node has it or not: sentences.
json explanation(const agent::strategy_view& s);
/// The same of one node: its line of each strategy that counts it or names it.
json lines_of(const std::vector<agent::strategy_view>& strategies, const std::string& peer);

}  // namespace dm::api
