#pragma once

#include <optional>
#include <string>
#include <vector>

#include "oci/name_form.hpp"
#include "oci/registry/name_resolver.hpp"
#include "oci/registry/route.hpp"

namespace dm::registry {

/// A request to the distribution API that has been understood.
struct asked {
    route path;
    oci::name_form name;
    std::string upstream = {};  ///< "?ns=" of a mirror client
    /// The repository that a push to this name makes ("team/app"); none where the name is of a
    /// registry ("ghcr.io/a/b", "library/busybox", anything with "?ns=") or an image's root.
    std::optional<std::string> repository = {};
    /// The client says whose image it wants: with a host, with "?ns=", or as dockerd asks a mirror
    /// for one of Docker's own. Those are fetched. A bare "team/app" is not: whoever wants what a
    /// colleague has not pushed yet must not get a stranger's.
    reach how = reach::known;

    /// What the name may stand for, the likeliest first: what was pushed goes before an image of
    /// Docker Hub that is called the same.
    std::vector<oci::name_form> meanings() const;
};

/// Throws name_invalid.
asked understand(route path, std::string upstream);
/// As the mirror of Docker Hub hears it: a name without a host is of there.
asked understand_as_mirror(route path, std::string upstream);

/// The digest in a path or query; nullopt for one of an algorithm that we do not have. Throws
/// digest_invalid.
std::optional<crypto::digest> digest_in(std::string_view text);

}  // namespace dm::registry
