#include "crypto/chacha20_poly1305.hpp"

#include <openssl/evp.h>

#include <array>
#include <cassert>
#include <stdexcept>

namespace dm::crypto {
namespace {

constexpr std::size_t nonce_size = 12;

void check(int ok) {
    if (ok != 1)
        throw std::runtime_error("OpenSSL refuses ChaCha20-Poly1305");
}

const unsigned char* raw(byte_view data) {
    return reinterpret_cast<const unsigned char*>(data.data());
}
unsigned char* raw(std::span<std::byte> data) {
    return reinterpret_cast<unsigned char*>(data.data());
}

}  // namespace

void chacha20_poly1305::free_context::operator()(evp_cipher_ctx_st* context) const noexcept {
    EVP_CIPHER_CTX_free(context);
}

chacha20_poly1305::chacha20_poly1305(std::span<const std::byte, key_size> key)
    : context_(EVP_CIPHER_CTX_new()) {
    if (!context_)
        throw std::bad_alloc();
    check(EVP_CipherInit_ex(context_.get(), EVP_chacha20_poly1305(), nullptr, raw(byte_view(key)),
                            nullptr, 1));
}

void chacha20_poly1305::start(std::uint64_t nonce, byte_view associated, int encrypt) {
    std::array<unsigned char, nonce_size> iv{};
    for (std::size_t i = 0; i < sizeof nonce; ++i)
        iv[4 + i] = static_cast<unsigned char>(nonce >> (8 * i));
    check(EVP_CipherInit_ex(context_.get(), nullptr, nullptr, nullptr, iv.data(), encrypt));
    int n = 0;
    if (!associated.empty())
        check(EVP_CipherUpdate(context_.get(), nullptr, &n, raw(associated),
                               static_cast<int>(associated.size())));
}

void chacha20_poly1305::seal(std::uint64_t nonce, byte_view associated, byte_view plain,
                             std::span<std::byte> out) {
    assert(out.size() == plain.size() + tag_size);
    start(nonce, associated, 1);
    int n = 0;
    if (!plain.empty())
        check(EVP_CipherUpdate(context_.get(), raw(out), &n, raw(plain),
                               static_cast<int>(plain.size())));
    auto* const tag = raw(out.subspan(plain.size()));
    check(EVP_CipherFinal_ex(context_.get(), tag, &n));
    check(EVP_CIPHER_CTX_ctrl(context_.get(), EVP_CTRL_AEAD_GET_TAG, tag_size, tag));
}

bool chacha20_poly1305::open(std::uint64_t nonce, byte_view associated, byte_view sealed,
                             std::span<std::byte> out) {
    if (sealed.size() < tag_size)
        return false;
    const auto body = sealed.first(sealed.size() - tag_size);
    assert(out.size() == body.size());
    start(nonce, associated, 0);
    auto* const tag = const_cast<unsigned char*>(raw(sealed.last(tag_size)));
    check(EVP_CIPHER_CTX_ctrl(context_.get(), EVP_CTRL_AEAD_SET_TAG, tag_size, tag));
    int n = 0;
    if (!body.empty())
        check(EVP_CipherUpdate(context_.get(), raw(out), &n, raw(body),
                               static_cast<int>(body.size())));
    std::array<unsigned char, tag_size> rest;
    return EVP_CipherFinal_ex(context_.get(), rest.data(), &n) == 1;
}

}  // namespace dm::crypto
