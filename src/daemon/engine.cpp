#include "daemon/engine.hpp"

#include "runtime/none/no_engine.hpp"

namespace dm::daemon {

std::unique_ptr<engine::image_engine> make_engine(executor ex, http::client&, const config&,
                                                  const oci::platform& host) {
    return std::make_unique<none::no_engine>(
        std::move(ex), engine::platform{host.os, host.architecture, host.variant});
}

}  // namespace dm::daemon
