#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "crypto/digest.hpp"

namespace dm::oci {

constexpr std::size_t repository_text_max = 255;  ///< registry host, slash and path together
constexpr std::size_t tag_text_max = 128;
/// The longest name there can be: with a tag and a sha512 digest.
constexpr std::size_t reference_text_max = repository_text_max + 1 + tag_text_max + 1 + 135;

constexpr std::string_view docker_hub = "docker.io";
/// The host part of what was pushed to a node: "mesh/team/app:1" comes from no registry. A Docker
/// Hub user of that name is reached as "docker.io/mesh/…".
constexpr std::string_view fleet_domain = "mesh";

/// An image name with its defaults filled in. Made by parse_reference(), so `tag` or `digest` is
/// there, maybe both (then the digest decides and the tag is only how the image is called).
struct reference {
    std::string domain;  ///< "docker.io", "ghcr.io", "localhost:5000"; lower case
    std::string path;    ///< as used on the wire: "library/busybox"
    std::string tag;     ///< "1.35.0"; empty where only a digest was given
    std::optional<crypto::digest> digest;

    /// "docker.io/library/busybox".
    std::string repository() const;
    /// The one spelling of this name: "docker.io/library/busybox:1.35.0".
    std::string canonical() const;
    /// As people write it: "busybox:1.35.0"; parses back to the same reference.
    std::string familiar() const;
    /// What to ask a registry's manifests/ for: the digest if there is one, else the tag.
    std::string manifest_selector() const;
    /// The name it gets in a container engine, which needs a tag: familiar, without digest; an
    /// image known only by digest is called "busybox:sha256-<first 12 hex digits>".
    std::string engine_name() const;

    friend bool operator==(const reference&, const reference&) = default;
};

/// Reads a name as Docker does: "busybox", "ghcr.io/a/b:1", "localhost:5000/x@sha256:…". No tag
/// and no digest means ":latest", no registry host means Docker Hub. What is refused is refused
/// in one sentence that says what is wrong with it (`malformed_reference`, or crypto's for a
/// digest).
/// Spec: distribution/reference grammar; OCI distribution-spec v1.1 "Pulling manifests".
result<reference> parse_reference(std::string_view text);

/// Path components `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*` joined by '/', without a host.
bool is_repository_path(std::string_view text) noexcept;

bool is_tag(std::string_view text) noexcept;

}  // namespace dm::oci
