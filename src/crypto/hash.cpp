#include "crypto/hash.hpp"

#include <cassert>
#include <cstring>
#include <memory>
#include <stdexcept>

#include "base/bytes.hpp"

// The EVP interface cannot export an intermediate state; these functions can, and use the same
// assembly.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/evp.h>
#include <openssl/sha.h>

namespace dm::crypto {
namespace {

// State: version, size, chaining words, then the bytes of the unfinished block; big-endian.
constexpr std::byte state_of_sha256{0x01};
constexpr std::byte state_of_sha512{0x02};

template <class Word>
void append_word(bytes& out, Word word) {
    for (int shift = 8 * (static_cast<int>(sizeof word) - 1); shift >= 0; shift -= 8)
        out.push_back(static_cast<std::byte>((word >> shift) & 0xff));
}

template <class Word>
Word take_word(byte_view& in) {
    Word word = 0;
    for (std::size_t i = 0; i < sizeof word; ++i)
        word = static_cast<Word>((word << 8) | to_u8(in[i]));
    in = in.subspan(sizeof word);
    return word;
}

template <class Context, class Block>
void append_state(bytes& out, const Context& context, std::uint64_t size, const Block& block) {
    append_word(out, size);
    for (const auto word : context.h)
        append_word(out, word);
    append(out, byte_view{reinterpret_cast<const std::byte*>(&block),
                          static_cast<std::size_t>(size % sizeof block)});
}

/// Fills the context and returns the size; false when `in` has the wrong length.
template <class Context, class Block>
bool take_state(byte_view in, Context& context, std::uint64_t& size, Block& block) {
    using word = std::remove_cvref_t<decltype(context.h[0])>;
    if (in.size() < 8 + sizeof context.h)
        return false;
    size = take_word<std::uint64_t>(in);
    // More than 2^60 bytes are not data but damage, and would overflow the length in bits.
    if (size >> 60 != 0 || in.size() != sizeof context.h + size % sizeof block)
        return false;
    for (auto& h : context.h)
        h = take_word<word>(in);
    std::memcpy(&block, in.data(), in.size());
    context.num = static_cast<unsigned>(in.size());
    const std::uint64_t bits = size * 8;
    context.Nl = static_cast<word>(bits);
    context.Nh = sizeof(word) == 4 ? static_cast<word>(bits >> 32) : 0;
    return true;
}

SHA256_CTX& sha256_in(std::byte* context) {
    return *reinterpret_cast<SHA256_CTX*>(context);
}
const SHA256_CTX& sha256_in(const std::byte* context) {
    return *reinterpret_cast<const SHA256_CTX*>(context);
}
SHA512_CTX& sha512_in(std::byte* context) {
    return *reinterpret_cast<SHA512_CTX*>(context);
}
const SHA512_CTX& sha512_in(const std::byte* context) {
    return *reinterpret_cast<const SHA512_CTX*>(context);
}

}  // namespace

hasher::hasher(hash_algorithm algorithm) : algorithm_(algorithm), context_{} {
    static_assert(sizeof(SHA256_CTX) <= sizeof context_ && sizeof(SHA512_CTX) <= sizeof context_);
    static_assert(alignof(SHA512_CTX) <= 8);
    if (algorithm_ == hash_algorithm::sha256)
        SHA256_Init(&sha256_in(context_.data()));
    else
        SHA512_Init(&sha512_in(context_.data()));
}

void hasher::update(byte_view data) {
    if (data.empty())
        return;
    if (algorithm_ == hash_algorithm::sha256)
        SHA256_Update(&sha256_in(context_.data()), data.data(), data.size());
    else
        SHA512_Update(&sha512_in(context_.data()), data.data(), data.size());
    size_ += data.size();
}

digest hasher::finish() {
    std::array<std::byte, digest_size_max> value;
    auto* out = reinterpret_cast<unsigned char*>(value.data());
    if (algorithm_ == hash_algorithm::sha256)
        SHA256_Final(out, &sha256_in(context_.data()));
    else
        SHA512_Final(out, &sha512_in(context_.data()));
    return {algorithm_, byte_view{value}.first(digest_size(algorithm_))};
}

bytes hasher::state() const {
    bytes out;
    out.reserve(state_bytes_max);
    if (algorithm_ == hash_algorithm::sha256) {
        const auto& context = sha256_in(context_.data());
        out.push_back(state_of_sha256);
        append_state(out, context, size_, context.data);
    } else {
        const auto& context = sha512_in(context_.data());
        out.push_back(state_of_sha512);
        append_state(out, context, size_, context.u.p);
    }
    return out;
}

result<hasher> hasher::from_state(byte_view state) {
    if (state.empty() || (state[0] != state_of_sha256 && state[0] != state_of_sha512))
        return fail(errc::malformed_state);
    bool ok = false;
    hasher out(state[0] == state_of_sha256 ? hash_algorithm::sha256 : hash_algorithm::sha512);
    if (out.algorithm_ == hash_algorithm::sha256) {
        auto& context = sha256_in(out.context_.data());
        ok = take_state(state.subspan(1), context, out.size_, context.data);
    } else {
        auto& context = sha512_in(out.context_.data());
        ok = take_state(state.subspan(1), context, out.size_, context.u.p);
    }
    if (!ok)
        return fail(errc::malformed_state);
    return out;
}

digest hash_of(hash_algorithm algorithm, byte_view data) {
    hasher h(algorithm);
    h.update(data);
    return h.finish();
}

std::array<std::byte, 32> sha256(byte_view data) {
    std::array<std::byte, 32> out;
    SHA256(reinterpret_cast<const unsigned char*>(data.data()), data.size(),
           reinterpret_cast<unsigned char*>(out.data()));
    return out;
}

bytes shake128(byte_view data, std::size_t size) {
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                          &EVP_MD_CTX_free);
    bytes out(size);
    if (!context || EVP_DigestInit_ex(context.get(), EVP_shake128(), nullptr) != 1 ||
        EVP_DigestUpdate(context.get(), data.data(), data.size()) != 1 ||
        EVP_DigestFinalXOF(context.get(), reinterpret_cast<unsigned char*>(out.data()), size) != 1)
        throw std::runtime_error("OpenSSL has no SHAKE128");
    return out;
}

}  // namespace dm::crypto
