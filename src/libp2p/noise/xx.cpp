#include "libp2p/noise/xx.hpp"

#include <algorithm>
#include <cassert>

#include "crypto/hash.hpp"
#include "crypto/random.hpp"

namespace dm::noise {
namespace {

constexpr std::string_view protocol_name = "Noise_XX_25519_ChaChaPoly_SHA256";
constexpr auto tag_size = crypto::chacha20_poly1305::tag_size;

/// Two outputs of Noise's HKDF.
std::pair<hash_bytes, hash_bytes> derive(const hash_bytes& chaining_key, byte_view input) {
    auto secret = crypto::hmac_sha256(chaining_key, input);
    std::array<std::byte, 33> second;
    const std::byte one{1};
    const auto first = crypto::hmac_sha256(secret, byte_view(&one, 1));
    std::ranges::copy(first, second.begin());
    second.back() = std::byte{2};
    auto out = std::pair{first, crypto::hmac_sha256(secret, second)};
    crypto::wipe(secret);
    crypto::wipe(second);
    return out;
}

}  // namespace

xx_handshake::xx_handshake(role r, const crypto::x25519_key& static_key,
                           crypto::x25519_key ephemeral)
    : role_(r), static_(static_key), ephemeral_(std::move(ephemeral)) {
    static_assert(protocol_name.size() == sizeof(hash_bytes));
    std::ranges::copy(as_bytes(protocol_name), hash_.begin());
    chaining_key_ = hash_;
    mix_hash({});
}

bytes xx_handshake::write(byte_view payload) {
    assert(may_write());
    bytes out;
    if (step_ < 2) {
        append(out, ephemeral_.public_bytes());
        mix_hash(ephemeral_.public_bytes());
    }
    bool ok = true;
    if (step_ == 1)
        ok = mix_ee();
    if (step_ > 0) {
        append_encrypted(out, static_.public_bytes());
        ok = ok && mix_static_of_sender(true);
    }
    // A peer whose key makes a trivial secret gets a message that it cannot use.
    broken_ = broken_ || !ok;
    append_encrypted(out, payload);
    ++step_;
    return out;
}

result<bytes> xx_handshake::read(byte_view message) {
    assert(!done() && !may_write());
    if (broken_)
        return fail(errc::malformed, "a key of low order");
    if (step_ < 2) {
        if (message.size() < crypto::x25519_size)
            return fail(errc::malformed, "a handshake message is too short");
        std::copy_n(message.begin(), crypto::x25519_size, remote_ephemeral_.begin());
        message = message.subspan(crypto::x25519_size);
        mix_hash(remote_ephemeral_);
    }
    if (step_ == 1 && !mix_ee())
        return fail(errc::malformed, "a key of low order");
    if (step_ > 0) {
        const auto key = take_decrypted(message, crypto::x25519_size + tag_size);
        if (!key)
            return fail(key.error());
        std::ranges::copy(*key, remote_static_.begin());
        if (!mix_static_of_sender(false))
            return fail(errc::malformed, "a key of low order");
    }
    auto payload = take_decrypted(message, message.size());
    ++step_;
    return payload;
}

ciphers xx_handshake::split() {
    assert(done());
    auto [first, second] = derive(chaining_key_, {});
    crypto::chacha20_poly1305 of_initiator(first);
    crypto::chacha20_poly1305 of_responder(second);
    crypto::wipe(first);
    crypto::wipe(second);
    crypto::wipe(chaining_key_);
    if (role_ == role::initiator)
        return {std::move(of_initiator), std::move(of_responder)};
    return {std::move(of_responder), std::move(of_initiator)};
}

void xx_handshake::mix_hash(byte_view data) {
    bytes joined = to_bytes(byte_view(hash_));
    append(joined, data);
    hash_ = crypto::sha256(joined);
}

void xx_handshake::mix_key(byte_view secret) {
    auto [next, key] = derive(chaining_key_, secret);
    chaining_key_ = next;
    key_.emplace(key);
    nonce_ = 0;
    crypto::wipe(next);
    crypto::wipe(key);
}

void xx_handshake::append_encrypted(bytes& out, byte_view plain) {
    const auto start = out.size();
    if (key_) {
        out.resize(start + plain.size() + tag_size);
        key_->seal(nonce_++, hash_, plain, std::span(out).subspan(start));
    } else {
        append(out, plain);
    }
    mix_hash(byte_view(out).subspan(start));
}

result<bytes> xx_handshake::take_decrypted(byte_view& message, std::size_t size) {
    if (message.size() < size || (key_ && size < tag_size))
        return fail(errc::malformed, "a handshake message is too short");
    const auto sealed = message.first(size);
    message = message.subspan(size);
    bytes out = to_bytes(sealed);
    if (key_) {
        out.resize(size - tag_size);
        if (!key_->open(nonce_++, hash_, sealed, out))
            return fail(errc::not_authentic);
    }
    mix_hash(sealed);
    return out;
}

bool xx_handshake::agree(const crypto::x25519_key& mine, const crypto::x25519_bytes& theirs) {
    auto secret = mine.agree(theirs);
    mix_key(secret ? byte_view(*secret) : byte_view{});
    if (!secret)
        return false;
    crypto::wipe(*secret);
    return true;
}

bool xx_handshake::mix_ee() {
    return agree(ephemeral_, remote_ephemeral_);
}

bool xx_handshake::mix_static_of_sender(bool sender_is_me) {
    return sender_is_me ? agree(static_, remote_ephemeral_) : agree(ephemeral_, remote_static_);
}

}  // namespace dm::noise
