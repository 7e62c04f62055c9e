#pragma once

#include <optional>

#include "aio/awaitable.hpp"
#include "crypto/digest.hpp"
#include "multiformats/cid.hpp"
#include "oci/reference.hpp"

namespace dm::registry {

struct publication {
    multiformats::cid root;  ///< of the image's IPFS tree
    bool fleet_wide = true;  ///< false: this node may not name images for the others
};

/// Makes pushed images known beyond the registry; implemented by whoever has the fleet's records.
class publisher {
  public:
    virtual ~publisher() = default;

    /// `name` ("mesh/team/app:1") stands for the image from now on. What of it was pushed is in the
    /// store; manifests of an index that were not are left out.
    virtual awaitable<publication> publish(oci::reference name, crypto::digest image) = 0;

    /// `name` stands for nothing any more. Throws conflict while a strategy wants the image by it.
    virtual awaitable<void> retract(oci::reference name) = 0;

    /// No repository has the image any more, under whatever name. Throws conflict likewise.
    virtual awaitable<void> withdraw(crypto::digest image) = 0;
};

}  // namespace dm::registry
