#pragma once

#include <memory>

#include "daemon/config.hpp"
#include "http/client/client.hpp"
#include "oci/platform.hpp"
#include "runtime/engine/image_engine.hpp"

namespace dm::daemon {

/// The engine that the node loads images into. `client` outlives it. Throws failure when the
/// options name one that cannot be.
std::unique_ptr<engine::image_engine> make_engine(executor ex, http::client& client,
                                                  const config& c, const oci::platform& host);

}  // namespace dm::daemon
