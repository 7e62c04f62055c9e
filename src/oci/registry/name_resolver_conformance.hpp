#pragma once

#include <gtest/gtest.h>

#include <algorithm>

#include "oci/registry/name_resolver.hpp"

namespace dm::registry {

/// What every name_resolver does; `name` has `tag`, which means `digest`.
inline awaitable<void> check_name_resolver(name_resolver& names, oci::name_form name,
                                           std::string tag, crypto::digest digest) {
    EXPECT_TRUE(co_await names.knows(name));
    const auto found = co_await names.resolve(name, tag, reach::known);
    EXPECT_TRUE(found && found->digest == digest);
    EXPECT_FALSE(co_await names.resolve(name, "no-such-tag", reach::known));
    EXPECT_TRUE(std::ranges::count(co_await names.tags(name), tag) == 1);
    EXPECT_TRUE(co_await names.includes(name, digest));
    EXPECT_FALSE(co_await names.includes(name, crypto::digest()));

    const auto nobody = *oci::parse_name_form("no/such/image");
    EXPECT_FALSE(co_await names.knows(nobody));
    EXPECT_FALSE(co_await names.resolve(nobody, "latest", reach::known));
    EXPECT_FALSE(co_await names.includes(nobody, digest));
    EXPECT_FALSE(co_await names.expect(nobody, crypto::digest(), reach::known));
}

}  // namespace dm::registry
