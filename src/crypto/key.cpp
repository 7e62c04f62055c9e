#include "crypto/key.hpp"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <stdexcept>

#include "crypto/random.hpp"

namespace dm::crypto {
namespace {

struct free_key {
    void operator()(EVP_PKEY* key) const noexcept { EVP_PKEY_free(key); }
};
struct free_context {
    void operator()(EVP_MD_CTX* context) const noexcept { EVP_MD_CTX_free(context); }
};
using key_handle = std::unique_ptr<EVP_PKEY, free_key>;
using digest_context = std::unique_ptr<EVP_MD_CTX, free_context>;

constexpr std::size_t secp256k1_public_size = 33;
constexpr std::size_t secp256k1_private_size = 32;

// SubjectPublicKeyInfo of a compressed point on secp256k1, up to the point itself.
constexpr std::array<unsigned char, 23> secp256k1_public_prefix = {
    0x30, 0x36, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02,
    0x01, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x0a, 0x03, 0x22, 0x00};
// RFC 5915 ECPrivateKey on secp256k1: what stands before and after the scalar.
constexpr std::array<unsigned char, 7> secp256k1_private_prefix = {0x30, 0x2e, 0x02, 0x01,
                                                                   0x01, 0x04, 0x20};
constexpr std::array<unsigned char, 9> secp256k1_private_suffix = {0xa0, 0x07, 0x06, 0x05, 0x2b,
                                                                   0x81, 0x04, 0x00, 0x0a};

const unsigned char* raw(byte_view data) {
    return reinterpret_cast<const unsigned char*>(data.data());
}
unsigned char* raw(bytes& data) {
    return reinterpret_cast<unsigned char*>(data.data());
}

template <std::size_t N>
void append_raw(bytes& out, const std::array<unsigned char, N>& data) {
    append(out, std::as_bytes(std::span{data}));
}

/// Runs one of OpenSSL's i2d_ functions.
template <class Encode>
bytes encode_der(Encode encode, const EVP_PKEY* key) {
    bytes out(static_cast<std::size_t>(std::max(encode(key, nullptr), 0)));
    auto* end = raw(out);
    if (out.empty() || encode(key, &end) != static_cast<int>(out.size()))
        throw std::runtime_error("OpenSSL cannot encode a key");
    return out;
}

key_handle decode_public_der(byte_view der) {
    const auto* at = raw(der);
    key_handle key(d2i_PUBKEY(nullptr, &at, static_cast<long>(der.size())));
    if (key && at != raw(der) + der.size())
        key.reset();
    return key;
}

key_handle decode_private_der(int type, byte_view der) {
    const auto* at = raw(der);
    key_handle key(d2i_PrivateKey(type, nullptr, &at, static_cast<long>(der.size())));
    if (key && at != raw(der) + der.size())
        key.reset();
    return key;
}

bool is_on_nist_curve(const EVP_PKEY* key) {
    std::array<char, 32> name{};
    std::size_t size = 0;
    if (EVP_PKEY_get_group_name(key, name.data(), name.size(), &size) != 1)
        return false;
    const std::string_view group(name.data(), size);
    return group == SN_X9_62_prime256v1 || group == SN_secp224r1 || group == SN_secp384r1 ||
           group == SN_secp521r1;
}

/// ok, malformed_key or unsupported_key: whether a decoded key is one of the given type that we
/// take.
result<void> check_key(key_type type, const EVP_PKEY* key) {
    if (!key)
        return fail(errc::malformed_key);
    const auto id = EVP_PKEY_get_base_id(key);
    if (type == key_type::rsa) {
        if (id != EVP_PKEY_RSA)
            return fail(errc::malformed_key);
        const auto bits = EVP_PKEY_get_bits(key);
        if (bits < rsa_bits_min || bits > rsa_bits_max)
            return fail(errc::unsupported_key, "RSA key of " + std::to_string(bits) + " bits");
    } else if (type == key_type::ecdsa) {
        if (id != EVP_PKEY_EC)
            return fail(errc::malformed_key);
        if (!is_on_nist_curve(key))
            return fail(errc::unsupported_key, "ECDSA curve is not supported");
    }
    return {};
}

/// 02 or 03, then the x coordinate.
bytes compressed_point(const EVP_PKEY* key) {
    std::array<std::byte, 65> point{};
    std::size_t size = 0;
    if (EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY,
                                        reinterpret_cast<unsigned char*>(point.data()),
                                        point.size(), &size) != 1)
        throw std::runtime_error("OpenSSL cannot encode a point");
    bytes out(secp256k1_public_size);
    std::copy_n(point.begin(), out.size(), out.begin());
    if (size == point.size())
        out[0] = std::byte{2} | (point.back() & std::byte{1});
    return out;
}

bytes public_data_of(key_type type, const EVP_PKEY* key) {
    switch (type) {
        case key_type::ed25519: {
            bytes out(ed25519_public_size);
            std::size_t size = out.size();
            if (EVP_PKEY_get_raw_public_key(key, raw(out), &size) != 1)
                throw std::runtime_error("OpenSSL cannot encode a key");
            return out;
        }
        case key_type::secp256k1:
            return compressed_point(key);
        case key_type::rsa:
        case key_type::ecdsa:
            return encode_der(i2d_PUBKEY, key);
    }
    return {};
}

key_handle decode_public(key_type type, byte_view data) {
    switch (type) {
        case key_type::ed25519:
            return key_handle(
                EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, raw(data), data.size()));
        case key_type::secp256k1: {
            if (data.size() != secp256k1_public_size)
                return nullptr;
            bytes der;
            append_raw(der, secp256k1_public_prefix);
            append(der, data);
            return decode_public_der(der);
        }
        case key_type::rsa:
        case key_type::ecdsa:
            return decode_public_der(data);
    }
    return nullptr;
}

key_handle decode_private(key_type type, byte_view data) {
    switch (type) {
        case key_type::ed25519:
            return key_handle(
                EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, raw(data), data.size()));
        case key_type::secp256k1: {
            if (data.size() != secp256k1_private_size)
                return nullptr;
            bytes der;
            append_raw(der, secp256k1_private_prefix);
            append(der, data);
            append_raw(der, secp256k1_private_suffix);
            auto key = decode_private_der(EVP_PKEY_EC, der);
            wipe(der);
            return key;
        }
        case key_type::rsa:
            return decode_private_der(EVP_PKEY_RSA, data);
        case key_type::ecdsa:
            return decode_private_der(EVP_PKEY_EC, data);
    }
    return nullptr;
}

/// Seed and public key, checked against the seed later; 96 bytes repeat the public key.
bool is_ed25519_private(byte_view data) {
    constexpr auto pair_size = ed25519_seed_size + ed25519_public_size;
    if (data.size() == pair_size)
        return true;
    return data.size() == pair_size + ed25519_public_size &&
           std::ranges::equal(data.subspan(ed25519_seed_size, ed25519_public_size),
                              data.subspan(pair_size));
}

const EVP_MD* digest_for(key_type type) {
    return type == key_type::ed25519 ? nullptr : EVP_sha256();
}

}  // namespace

std::string_view name_of(key_type type) noexcept {
    switch (type) {
        case key_type::rsa:
            return "rsa";
        case key_type::ed25519:
            return "ed25519";
        case key_type::secp256k1:
            return "secp256k1";
        case key_type::ecdsa:
            return "ecdsa";
    }
    return "unknown";
}

public_key::public_key(key_type type, byte_view data, evp_pkey_st* handle)
    : type_(type), data_(to_bytes(data)), handle_(handle, free_key{}) {}

result<public_key> public_key::from_data(key_type type, byte_view data) {
    if (data.size() > key_data_max)
        return fail(errc::malformed_key, "key is too long");
    auto key = decode_public(type, data);
    if (const auto ok = check_key(type, key.get()); !ok)
        return std::unexpected(ok.error());
    if (!std::ranges::equal(public_data_of(type, key.get()), data))
        return fail(errc::malformed_key, "key is not in its canonical form");
    return public_key(type, data, key.release());
}

bool public_key::verify(byte_view message, byte_view signature) const {
    const digest_context context(EVP_MD_CTX_new());
    return context &&
           EVP_DigestVerifyInit(context.get(), nullptr, digest_for(type_), nullptr,
                                handle_.get()) == 1 &&
           EVP_DigestVerify(context.get(), raw(signature), signature.size(), raw(message),
                            message.size()) == 1;
}

void private_key::free_handle::operator()(evp_pkey_st* handle) const noexcept {
    EVP_PKEY_free(handle);
}

private_key private_key::generate() {
    std::array<std::byte, ed25519_seed_size> seed;
    fill_random(seed);
    auto out = from_seed(seed);
    wipe(seed);
    return out;
}

private_key private_key::from_seed(std::span<const std::byte, ed25519_seed_size> seed) {
    auto key = decode_private(key_type::ed25519, seed);
    if (!key)
        throw std::runtime_error("OpenSSL has no Ed25519");
    auto half = crypto::public_key::from_data(key_type::ed25519,
                                              public_data_of(key_type::ed25519, key.get()));
    assert(half);
    return {key.release(), *std::move(half)};
}

result<private_key> private_key::from_data(key_type type, byte_view data) {
    if (data.size() > key_data_max)
        return fail(errc::malformed_key, "key is too long");
    if (type == key_type::ed25519) {
        if (!is_ed25519_private(data))
            return fail(errc::malformed_key);
        auto out = from_seed(data.first<ed25519_seed_size>());
        if (!std::ranges::equal(out.public_.data(),
                                data.subspan(ed25519_seed_size, ed25519_public_size)))
            return fail(errc::malformed_key, "the halves of the key do not match");
        return out;
    }
    auto key = decode_private(type, data);
    if (const auto ok = check_key(type, key.get()); !ok)
        return std::unexpected(ok.error());
    auto half = crypto::public_key::from_data(type, public_data_of(type, key.get()));
    if (!half)
        return std::unexpected(std::move(half.error()));
    return private_key(key.release(), *std::move(half));
}

bytes private_key::data() const {
    if (type() == key_type::ed25519) {
        bytes out(ed25519_seed_size);
        std::size_t size = out.size();
        if (EVP_PKEY_get_raw_private_key(handle_.get(), raw(out), &size) != 1)
            throw std::runtime_error("OpenSSL cannot encode a key");
        append(out, public_.data());
        return out;
    }
    auto der = encode_der(i2d_PrivateKey, handle_.get());
    if (type() != key_type::secp256k1)
        return der;
    constexpr auto before = secp256k1_private_prefix.size();  // the same up to its length byte
    const auto scalar = byte_view{der}.subspan(before, secp256k1_private_size);
    bytes out = to_bytes(scalar);
    wipe(der);
    return out;
}

bytes private_key::sign(byte_view message) const {
    const digest_context context(EVP_MD_CTX_new());
    std::size_t size = 0;
    if (!context ||
        EVP_DigestSignInit(context.get(), nullptr, digest_for(type()), nullptr, handle_.get()) !=
            1 ||
        EVP_DigestSign(context.get(), nullptr, &size, raw(message), message.size()) != 1)
        throw std::runtime_error("OpenSSL cannot sign");
    bytes out(size);
    if (EVP_DigestSign(context.get(), raw(out), &size, raw(message), message.size()) != 1)
        throw std::runtime_error("OpenSSL cannot sign");
    out.resize(size);
    return out;
}

}  // namespace dm::crypto
