#pragma once

#include "http/syntax/range.hpp"
#include "oci/registry/errc.hpp"

namespace dm::registry {

/// Reads the Content-Range of a chunk: "0-1023", the last byte included; not HTTP's own form.
/// upload_invalid for anything else.
/// Spec: OCI distribution-spec v1.1 "Pushing a blob in chunks".
result<syntax::byte_range> parse_chunk_range(std::string_view text);

}  // namespace dm::registry
