#pragma once

#include <map>
#include <set>
#include <string>

#include "crypto/hash.hpp"
#include "multiformats/multihash.hpp"
#include "oci/registry/publisher.hpp"

namespace dm::registry {

/// Remembers what was published, for tests.
class memory_publisher final : public publisher {
  public:
    awaitable<publication> publish(oci::reference name, crypto::digest image) override {
        if (refuses)
            throw failure({make_error_code(std::errc::io_error), "no room for a record"});
        names[name.familiar()] = image;
        co_return publication{root, fleet_wide};
    }

    awaitable<void> retract(oci::reference name) override {
        names.erase(name.familiar());
        co_return;
    }

    awaitable<void> withdraw(crypto::digest image) override {
        withdrawn.insert(image);
        co_return;
    }

    std::map<std::string, crypto::digest> names;
    std::set<crypto::digest> withdrawn;
    multiformats::cid root =
        *multiformats::parse_cid("bafybeieicit3h4abhx5vtvamibtmsq4uqwzwcx32p4geoour6gybtpdcyq");
    bool fleet_wide = true;
    bool refuses = false;
};

}  // namespace dm::registry
