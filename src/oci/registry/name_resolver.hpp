#pragma once

#include <optional>
#include <string>
#include <vector>

#include "aio/awaitable.hpp"
#include "crypto/digest.hpp"
#include "oci/name_form.hpp"

namespace dm::registry {

/// What a tag means.
struct resolved_tag {
    crypto::digest digest;        ///< of an index or manifest
    std::string media_type = {};  ///< as it was imported; empty: as the document says
    bool stale = false;           ///< upstream did not say whether it still means that
};

/// How far a look-up goes.
enum class reach {
    known,     ///< what this node and the fleet know
    upstream,  ///< the registry that the name says is asked, too, and fetched from
};

/// What the registry has to know of images; implemented by whoever has the records. Calls run on
/// the loop; they may take a while (pull-through), and throw when nobody can tell.
class name_resolver {
  public:
    virtual ~name_resolver() = default;

    /// Whether some image has this name; only then is anything served under it.
    virtual awaitable<bool> knows(oci::name_form name) = 0;

    /// nullopt when the name is unknown or has no such tag. A root's image is its "latest".
    virtual awaitable<std::optional<resolved_tag>> resolve(oci::name_form name, std::string tag,
                                                           reach how) = 0;

    /// All tags of a known name, in any order.
    virtual awaitable<std::vector<std::string>> tags(oci::name_form name) = 0;

    /// Whether some image of that name consists of this manifest, config or layer, among others.
    virtual awaitable<bool> includes(oci::name_form name, crypto::digest what) = 0;

    /// Asked for a manifest or blob that the store neither has nor is receiving: waits while an
    /// import that will bring it goes on, or it is fetched for this, until the store has it or
    /// receives it. False, at once, when nothing will bring it, and when that has given up.
    virtual awaitable<bool> expect(oci::name_form name, crypto::digest what, reach how) = 0;

    /// Where a fetch for this registry brings it from, or did lately: "peer", "upstream"; empty
    /// where there was none. Waits while that is not known.
    virtual awaitable<std::string> source_of(crypto::digest what) = 0;
};

}  // namespace dm::registry
