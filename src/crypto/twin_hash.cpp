#include "crypto/twin_hash.hpp"

#include <algorithm>
#include <cassert>
#include <cstdint>

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#endif

namespace dm::crypto {
namespace {

constexpr std::size_t block_bytes = 64;
/// Of hasher::state(): version and size before the chaining words.
constexpr std::size_t words_at = 1 + 8;

using chaining = std::array<std::uint32_t, 8>;

#if defined(__x86_64__)

// FIPS 180-4, 4.2.2.
alignas(16) constexpr std::array<std::uint32_t, 64> round_constants = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

bool has_instructions() {
    static const bool yes = [] {
        unsigned a = 0, b = 0, c = 0, d = 0;
        constexpr unsigned sse41 = 1u << 19, ssse3 = 1u << 9, sha = 1u << 29;
        if (!__get_cpuid(1, &a, &b, &c, &d) || (c & sse41) == 0 || (c & ssse3) == 0)
            return false;
        return __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (b & sha) != 0;
    }();
    return yes;
}

#define DM_SHA_TARGET __attribute__((target("sha,sse4.1,ssse3")))

/// The chaining words as the instructions want them.
struct lanes {
    __m128i abef;
    __m128i cdgh;
};

DM_SHA_TARGET inline lanes load(const chaining& h) {
    const auto* const p = reinterpret_cast<const __m128i*>(h.data());
    const auto cdab = _mm_shuffle_epi32(_mm_loadu_si128(p), 0xb1);
    const auto efgh = _mm_shuffle_epi32(_mm_loadu_si128(p + 1), 0x1b);
    return {_mm_alignr_epi8(cdab, efgh, 8), _mm_blend_epi16(efgh, cdab, 0xf0)};
}

DM_SHA_TARGET inline void store(const lanes& l, chaining& h) {
    auto* const p = reinterpret_cast<__m128i*>(h.data());
    const auto feba = _mm_shuffle_epi32(l.abef, 0x1b);
    const auto dchg = _mm_shuffle_epi32(l.cdgh, 0xb1);
    _mm_storeu_si128(p, _mm_blend_epi16(feba, dchg, 0xf0));
    _mm_storeu_si128(p + 1, _mm_alignr_epi8(dchg, feba, 8));
}

/// Four rounds.
DM_SHA_TARGET inline void rounds(lanes& l, __m128i words) {
    l.cdgh = _mm_sha256rnds2_epu32(l.cdgh, l.abef, words);
    l.abef = _mm_sha256rnds2_epu32(l.abef, l.cdgh, _mm_shuffle_epi32(words, 0x0e));
}

/// Spec: FIPS 180-4, 6.2.2, for two computations over the same blocks.
DM_SHA_TARGET void compress(chaining& first, chaining& second, const std::byte* data,
                            std::size_t blocks) {
    const auto big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
    auto a = load(first), b = load(second);
    for (; blocks > 0; --blocks, data += block_bytes) {
        const auto a_before = a, b_before = b;
        __m128i w[4];
#pragma clang loop unroll(full)
        for (int group = 0; group < 16; ++group) {
            auto& now = w[group % 4];
            if (group < 4) {
                const auto* const p = reinterpret_cast<const __m128i*>(data) + group;
                now = _mm_shuffle_epi8(_mm_loadu_si128(p), big_endian);
            } else {
                const auto one = w[(group + 1) % 4], two = w[(group + 2) % 4],
                           three = w[(group + 3) % 4];
                const auto sum =
                    _mm_add_epi32(_mm_sha256msg1_epu32(now, one), _mm_alignr_epi8(three, two, 4));
                now = _mm_sha256msg2_epu32(sum, three);
            }
            const auto* const k = reinterpret_cast<const __m128i*>(round_constants.data()) + group;
            const auto words = _mm_add_epi32(now, _mm_load_si128(k));
            rounds(a, words);
            rounds(b, words);
        }
        a = {_mm_add_epi32(a.abef, a_before.abef), _mm_add_epi32(a.cdgh, a_before.cdgh)};
        b = {_mm_add_epi32(b.abef, b_before.abef), _mm_add_epi32(b.cdgh, b_before.cdgh)};
    }
    store(a, first);
    store(b, second);
}

chaining words_of(const bytes& state) {
    chaining out{};
    for (std::size_t i = 0; i < 4 * out.size(); ++i)
        out[i / 4] = out[i / 4] << 8 | to_u8(state[words_at + i]);
    return out;
}

/// A hasher behind `size` bytes, a multiple of the block.
hasher resumed(bytes state, const chaining& h, std::uint64_t size) {
    for (std::size_t i = 0; i < 8; ++i)
        state[1 + i] = static_cast<std::byte>(size >> (8 * (7 - i)));
    for (std::size_t i = 0; i < 4 * h.size(); ++i)
        state[words_at + i] = static_cast<std::byte>(h[i / 4] >> (8 * (3 - i % 4)));
    auto out = hasher::from_state(state);
    assert(out && "the state is one of ours");
    return *std::move(out);
}

bool update_both(hasher& whole, hasher& part, byte_view data) {
    if (!has_instructions() || whole.algorithm() != hash_algorithm::sha256 ||
        whole.size() % block_bytes != 0)
        return false;
    const auto state = whole.state();
    auto h_whole = words_of(state), h_part = words_of(part.state());
    const auto blocks = data.size() / block_bytes;
    compress(h_whole, h_part, data.data(), blocks);
    const auto done = blocks * block_bytes;
    whole = resumed(state, h_whole, whole.size() + done);
    part = resumed(state, h_part, done);
    const auto rest = data.subspan(done);
    whole.update(rest);
    part.update(rest);
    return true;
}

#else

bool update_both(hasher&, hasher&, byte_view) {
    return false;
}

#endif

}  // namespace

std::array<std::byte, 32> sha256_and_update(hasher& whole, byte_view data) {
    hasher part(hash_algorithm::sha256);
    if (!update_both(whole, part, data)) {
        whole.update(data);
        return sha256(data);
    }
    std::array<std::byte, 32> out;
    const auto d = part.finish();
    std::ranges::copy(d.value(), out.begin());
    return out;
}

}  // namespace dm::crypto
