#pragma once

#include <string_view>

#include "multiformats/cid.hpp"

namespace dm::api {

/// A root as people name it: a CID, "/ipfs/<CID>", or the 55-letter "ciq…" of IPDR. Throws
/// invalid_parameter.
multiformats::cid parse_content_name(std::string_view text);

}  // namespace dm::api
