#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"

namespace dm::transport {

enum class form { registry, oci, oci_archive, docker_archive, docker_daemon };

/// Where an image is, as skopeo writes it.
struct location {
    form what = form::registry;
    std::string path = {};  ///< folder or file; of the archives "-" is standard input
    std::string name =
        {};  ///< image name; of oci and oci-archive the tag; may be empty with a path

    friend bool operator==(const location&, const location&) = default;
};

/// Reads "oci:DIR[:TAG]", "oci-archive:TAR[:TAG]", "docker-archive:TAR[:REF]",
/// "docker-daemon:REF", "docker://REF" and plain "REF", which are both a registry's.
/// Spec: containers-transports(5).
result<location> parse_location(std::string_view text);

/// True where parse_location would not read a plain name.
bool has_transport(std::string_view text) noexcept;

}  // namespace dm::transport
