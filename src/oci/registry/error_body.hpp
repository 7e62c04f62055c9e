#pragma once

#include "http/server/problem.hpp"
#include "http/server/response_writer.hpp"

namespace dm::registry {

/// {"errors":[{"code","message","detail":{}}]}. `detail` is never null: Go clients turn an entry
/// with a null one into a bare code, and dockerd then answers its user 500 where 404 is meant.
/// Spec: OCI distribution-spec v1.1 "Error Codes".
server::content error_body(const server::problem& p);

/// 416, whose body is as all errors'.
awaitable<void> send_unmet(server::response_writer& out, error why, server::header_list headers);

}  // namespace dm::registry
