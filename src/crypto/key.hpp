#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "base/bytes.hpp"
#include "crypto/errc.hpp"

struct evp_pkey_st;

namespace dm::crypto {

/// The key types of libp2p, by their number in its protobuf.
enum class key_type : std::uint8_t { rsa = 0, ed25519 = 1, secp256k1 = 2, ecdsa = 3 };

constexpr std::size_t ed25519_seed_size = 32;
constexpr std::size_t ed25519_public_size = 32;
constexpr std::size_t ed25519_signature_size = 64;
/// RSA moduli outside of this range are refused, as by go-libp2p.
constexpr int rsa_bits_min = 2048;
constexpr int rsa_bits_max = 8192;
/// Longest key encoding that is looked at: a private key of rsa_bits_max takes 4.7 KB.
constexpr std::size_t key_data_max = 8192;

/// "rsa", "ed25519", "secp256k1", "ecdsa".
std::string_view name_of(key_type type) noexcept;

/// A public key of any type that a libp2p peer may have. Immutable; copies share it.
class public_key {
  public:
    /// `data`: Ed25519 32 raw bytes; secp256k1 33 bytes, a compressed point; RSA and ECDSA PKIX DER
    /// (ECDSA over P-224, P-256, P-384 or P-521). Only the canonical encoding is taken, since peer
    /// ids hash it. Errors: malformed_key, unsupported_key.
    /// Spec: libp2p peer-ids "How Keys are Encoded".
    static result<public_key> from_data(key_type type, byte_view data);

    key_type type() const noexcept { return type_; }
    /// What from_data took.
    byte_view data() const noexcept { return data_; }

    /// Ed25519 raw; secp256k1 and ECDSA over SHA-256 in DER; RSASSA-PKCS1-v1_5 with SHA-256.
    bool verify(byte_view message, byte_view signature) const;

    friend bool operator==(const public_key& a, const public_key& b) noexcept {
        return a.type_ == b.type_ && a.data_ == b.data_;
    }

  private:
    public_key(key_type type, byte_view data, evp_pkey_st* handle);

    key_type type_;
    bytes data_;
    std::shared_ptr<evp_pkey_st> handle_;
};

/// A key pair. Moves only; OpenSSL wipes its memory at the end.
class private_key {
  public:
    /// A new Ed25519 pair.
    static private_key generate();
    static private_key from_seed(std::span<const std::byte, ed25519_seed_size> seed);
    /// `data`: Ed25519 64 bytes, seed then public key (or the old 96, public key twice); secp256k1
    /// 32 bytes; RSA PKCS#1 DER; ECDSA RFC 5915 DER. Errors: malformed_key, unsupported_key.
    static result<private_key> from_data(key_type type, byte_view data);

    key_type type() const noexcept { return public_.type(); }
    const crypto::public_key& public_key() const noexcept { return public_; }
    /// What from_data takes. Secret.
    bytes data() const;

    bytes sign(byte_view message) const;

  private:
    struct free_handle {
        void operator()(evp_pkey_st* handle) const noexcept;
    };
    private_key(evp_pkey_st* handle, crypto::public_key half)
        : handle_(handle), public_(std::move(half)) {}

    std::unique_ptr<evp_pkey_st, free_handle> handle_;
    crypto::public_key public_;
};

}  // namespace dm::crypto
