#include "crypto/x25519.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <stdexcept>

#include "crypto/random.hpp"

namespace dm::crypto {
namespace {

const unsigned char* raw(byte_view data) {
    return reinterpret_cast<const unsigned char*>(data.data());
}

template <std::size_t N>
unsigned char* raw(std::array<std::byte, N>& data) {
    return reinterpret_cast<unsigned char*>(data.data());
}

struct free_context {
    void operator()(EVP_PKEY_CTX* context) const noexcept { EVP_PKEY_CTX_free(context); }
};

}  // namespace

void x25519_key::free_key::operator()(evp_pkey_st* key) const noexcept {
    EVP_PKEY_free(key);
}

x25519_key::x25519_key(evp_pkey_st* key) : key_(key) {
    std::size_t size = x25519_size;
    if (!key_ || EVP_PKEY_get_raw_public_key(key_.get(), raw(public_), &size) != 1)
        throw std::runtime_error("OpenSSL has no X25519");
}

x25519_key x25519_key::generate() {
    x25519_bytes secret;
    fill_random(secret);
    auto out = from_private(secret);
    wipe(secret);
    return out;
}

x25519_key x25519_key::from_private(std::span<const std::byte, x25519_size> secret) {
    return x25519_key(EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, nullptr, raw(byte_view(secret)),
                                                   x25519_size));
}

std::optional<x25519_bytes> x25519_key::agree(std::span<const std::byte, x25519_size> other) const {
    const std::unique_ptr<EVP_PKEY, free_key> peer(
        EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, nullptr, raw(byte_view(other)), x25519_size));
    const std::unique_ptr<EVP_PKEY_CTX, free_context> context(
        EVP_PKEY_CTX_new(key_.get(), nullptr));
    x25519_bytes out{};
    std::size_t size = out.size();
    // OpenSSL itself refuses a result of all zero.
    if (!peer || !context || EVP_PKEY_derive_init(context.get()) != 1 ||
        EVP_PKEY_derive_set_peer(context.get(), peer.get()) != 1 ||
        EVP_PKEY_derive(context.get(), raw(out), &size) != 1)
        return std::nullopt;
    return out;
}

std::array<std::byte, 32> hmac_sha256(byte_view key, byte_view data) {
    std::array<std::byte, 32> out{};
    unsigned size = 0;
    if (!HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), raw(data), data.size(),
              raw(out), &size))
        throw std::runtime_error("OpenSSL has no HMAC");
    return out;
}

}  // namespace dm::crypto
