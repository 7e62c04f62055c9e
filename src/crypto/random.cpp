#include "crypto/random.hpp"

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <limits>
#include <stdexcept>

namespace dm::crypto {

void fill_random(std::span<std::byte> out) {
    constexpr std::size_t most_at_once = std::numeric_limits<int>::max();
    while (!out.empty()) {
        const auto size = std::min(out.size(), most_at_once);
        if (RAND_priv_bytes(reinterpret_cast<unsigned char*>(out.data()), static_cast<int>(size)) !=
            1)
            throw std::runtime_error("the random number generator of OpenSSL failed");
        out = out.subspan(size);
    }
}

bytes random_bytes(std::size_t size) {
    bytes out(size);
    fill_random(out);
    return out;
}

bool equal_in_constant_time(byte_view a, byte_view b) noexcept {
    return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

void wipe(std::span<std::byte> secret) noexcept {
    OPENSSL_cleanse(secret.data(), secret.size());
}

}  // namespace dm::crypto
