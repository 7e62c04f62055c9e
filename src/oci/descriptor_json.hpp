#pragma once

#include <nlohmann/json.hpp>

#include "base/result.hpp"
#include "oci/descriptor.hpp"

namespace dm::oci {

/// For .cpp files of this module only. `where` names the place in error sentences ("layer 3").
result<descriptor> descriptor_of_json(const nlohmann::json& value, const std::string& where);

/// An absent or null member is an empty map; anything but strings in it is malformed.
result<std::map<std::string, std::string>> annotations_of_json(const nlohmann::json& parent);

nlohmann::json to_json(const descriptor& d);

}  // namespace dm::oci
