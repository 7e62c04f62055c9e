#include "crypto/twin_hash.hpp"

#include <gtest/gtest.h>

using namespace dm;
using namespace dm::crypto;

namespace {

bytes pattern(std::size_t size) {
    bytes out(size);
    for (std::size_t i = 0; i < size; ++i)
        out[i] = static_cast<std::byte>(i * 131 + (i >> 7) * 29);
    return out;
}

}  // namespace

TEST(twin_hash, agrees_with_two_hashes_for_any_sizes_and_algorithms) {
    for (const auto algorithm : {hash_algorithm::sha256, hash_algorithm::sha512})
        for (const std::size_t before : {0u, 1u, 63u, 64u, 128u, 1000u, 262144u})
            for (const std::size_t size : {0u, 1u, 63u, 64u, 65u, 127u, 128u, 4096u, 262143u}) {
                const auto all = pattern(before + size);
                const auto part = byte_view(all).subspan(before);
                hasher twin(algorithm), plain(algorithm);
                twin.update(byte_view(all).first(before));
                plain.update(all);
                EXPECT_EQ(sha256_and_update(twin, part), sha256(part)) << before << " " << size;
                EXPECT_EQ(twin.size(), plain.size());
                EXPECT_EQ(twin.state(), plain.state()) << before << " " << size;
                EXPECT_EQ(twin.finish(), plain.finish()) << before << " " << size;
            }
}

TEST(twin_hash, goes_on_over_many_parts) {
    hasher twin(hash_algorithm::sha256);
    const auto all = pattern(1'000'000);
    for (std::size_t at = 0; at < all.size();) {
        const auto n = std::min<std::size_t>(all.size() - at, 262144);
        const auto part = byte_view(all).subspan(at, n);
        EXPECT_EQ(sha256_and_update(twin, part), sha256(part));
        at += n;
    }
    EXPECT_EQ(twin.finish(), hash_of(hash_algorithm::sha256, all));
}
