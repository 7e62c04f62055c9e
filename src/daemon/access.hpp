#pragma once

#include <memory>
#include <optional>

#include "aio/tls.hpp"
#include "daemon/config.hpp"
#include "http/access/guard.hpp"

/// The files that say who may reach a server. All block, and throw failure with one sentence that
/// names the file.
namespace dm::daemon {

/// nullopt where the server speaks plain HTTP.
std::optional<aio::tls_identity> load_identity(const guarding& files);
/// nullptr where everybody may do everything.
std::unique_ptr<access::guard> load_guard(aio::pool& workers, const guarding& files);
access::rule_list load_rules(const guarding& files);

}  // namespace dm::daemon
