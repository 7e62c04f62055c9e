#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "base/result.hpp"
#include "multiformats/cid.hpp"

namespace dm::oci {

/// A repository by name, Docker's defaults filled in.
struct repository_name {
    std::string domain;  ///< "docker.io"
    std::string path;    ///< "library/busybox"

    /// "docker.io/library/busybox": the same as reference::repository().
    std::string to_string() const;

    friend bool operator==(const repository_name&, const repository_name&) = default;
};

/// What the path of a registry request may name: an image by its root (a 55-letter "ciq…" or a
/// CIDv1), or a repository by name.
using name_form = std::variant<multiformats::cid, repository_name>;

/// Reads `<path>` of "/v2/<path>/manifests/…". `upstream` is the registry that a mirror client
/// names in "?ns=", empty without one; a first component with a dot or a port ("ghcr.io/a/b",
/// "localhost:5000/a") names it too.
/// A path that no registry could hold is malformed_reference.
result<name_form> parse_name_form(std::string_view path, std::string_view upstream = {});

}  // namespace dm::oci
