#include "content/unixfs/murmur3.hpp"

#include <bit>

namespace dm::unixfs {
namespace {

constexpr std::uint64_t c1 = 0x87c37b91114253d5;
constexpr std::uint64_t c2 = 0x4cf5ad432745937f;

/// Up to 8 bytes, little-endian; missing ones are zero.
std::uint64_t take_word(byte_view data) {
    std::uint64_t word = 0;
    for (std::size_t i = 0; i < 8 && i < data.size(); ++i)
        word |= std::uint64_t{to_u8(data[i])} << (8 * i);
    return word;
}

std::uint64_t mix_first(std::uint64_t k) {
    return std::rotl(k * c1, 31) * c2;
}

std::uint64_t mix_second(std::uint64_t k) {
    return std::rotl(k * c2, 33) * c1;
}

std::uint64_t finish(std::uint64_t h) {
    h = (h ^ (h >> 33)) * 0xff51afd7ed558ccd;
    h = (h ^ (h >> 33)) * 0xc4ceb9fe1a85ec53;
    return h ^ (h >> 33);
}

}  // namespace

std::uint64_t murmur3_x64_64(byte_view data) noexcept {
    const auto size = std::uint64_t{data.size()};
    std::uint64_t h1 = 0;
    std::uint64_t h2 = 0;
    for (; data.size() >= 16; data = data.subspan(16)) {
        h1 = (std::rotl(h1 ^ mix_first(take_word(data)), 27) + h2) * 5 + 0x52dce729;
        h2 = (std::rotl(h2 ^ mix_second(take_word(data.subspan(8))), 31) + h1) * 5 + 0x38495ab5;
    }
    if (data.size() > 8)
        h2 ^= mix_second(take_word(data.subspan(8)));
    h1 ^= mix_first(take_word(data));
    h1 ^= size;
    h2 ^= size;
    h1 += h2;
    h2 += h1;
    return finish(h1) + finish(h2);
}

}  // namespace dm::unixfs
