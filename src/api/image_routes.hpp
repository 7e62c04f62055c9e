#pragma once

#include "control/agent/agent.hpp"
#include "http/server/router.hpp"
#include "oci/platform.hpp"

namespace dm::api {

constexpr std::size_t image_body_bytes_max = 256 * 1024;

/// /api/v1/image and /api/v1/pin. `node` outlives the router; "auto" means `platform`.
void add_image_routes(server::router& routes, agent::agent& node, oci::platform platform);

/// The payload of an import: {"name","tag","platforms"} as the prototype has it, or one "ref" in
/// place of name and tag. Throws invalid_field.
struct image_order {
    oci::reference image;
    oci::platform_choice platforms;
    std::optional<multiformats::cid> tree{};  ///< "from": "ipfs:CID"
    std::optional<crypto::digest> stored{};   ///< "from": "store:sha256:…"
};
image_order parse_image_order(std::string_view text, const oci::platform& platform);

}  // namespace dm::api
