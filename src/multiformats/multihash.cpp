#include "multiformats/multihash.hpp"

#include <algorithm>
#include <cassert>
#include <limits>

#include "crypto/hash.hpp"
#include "multiformats/take_varint.hpp"

namespace dm::multiformats {
namespace {

using crypto::hash_algorithm;

hash_code code_of(hash_algorithm algorithm) {
    return algorithm == hash_algorithm::sha256 ? hash_code::sha2_256 : hash_code::sha2_512;
}

std::size_t varint_size(std::uint64_t value) {
    std::size_t size = 1;
    for (; value >= 0x80; value >>= 7)
        ++size;
    return size;
}

bool is_between(hash_code code, hash_code low, hash_code high) {
    return code >= low && code <= high;
}

}  // namespace

multihash::multihash(hash_code code, byte_view digest)
    : code_(code), size_(static_cast<std::uint8_t>(digest.size())) {
    assert(digest.size() <= multihash_digest_max);
    if (digest.size() <= inline_.size())
        std::ranges::copy(digest, inline_.begin());
    else
        long_ = std::make_shared<const bytes>(digest.begin(), digest.end());
}

multihash::multihash(const crypto::digest& digest)
    : multihash(code_of(digest.algorithm()), digest.value()) {}

multihash multihash::sha2_256(byte_view content) {
    return {hash_code::sha2_256, crypto::sha256(content)};
}

bytes multihash::to_bytes() const {
    bytes out;
    out.reserve(encoded_size());
    append_to(out);
    return out;
}

void multihash::append_to(bytes& out) const {
    append_varint(out, static_cast<std::uint64_t>(code_));
    append_varint(out, size_);
    append(out, digest());
}

std::size_t multihash::encoded_size() const noexcept {
    return varint_size(static_cast<std::uint64_t>(code_)) + varint_size(size_) + size_;
}

bool operator==(const multihash& a, const multihash& b) noexcept {
    return a.code_ == b.code_ && std::ranges::equal(a.digest(), b.digest());
}

std::strong_ordering operator<=>(const multihash& a, const multihash& b) noexcept {
    if (const auto order = a.code_ <=> b.code_; order != 0)
        return order;
    const auto x = a.digest();
    const auto y = b.digest();
    return std::lexicographical_compare_three_way(x.begin(), x.end(), y.begin(), y.end());
}

result<decoded<multihash>> read_multihash(byte_view data) {
    auto rest = data;
    const auto code = take_varint(rest);
    if (!code)
        return std::unexpected(code.error());
    if (*code > std::numeric_limits<std::uint32_t>::max())
        return fail(errc::unsupported_hash);
    const auto size = take_varint(rest);
    if (!size)
        return std::unexpected(size.error());
    if (*size > multihash_digest_max)
        return fail(errc::too_long, "digest is longer than 128 bytes");
    if (*size > rest.size())
        return fail(errc::truncated);
    const auto length = static_cast<std::size_t>(*size);
    return decoded<multihash>{{static_cast<hash_code>(*code), rest.first(length)},
                              data.size() - rest.size() + length};
}

result<multihash> parse_multihash(byte_view data) {
    auto read = read_multihash(data);
    if (!read)
        return std::unexpected(std::move(read.error()));
    if (read->size != data.size())
        return fail(errc::malformed_multihash);
    return std::move(read->value);
}

result<multihash> hash_content(hash_code code, byte_view content) {
    switch (code) {
        case hash_code::identity:
            if (content.size() > multihash_digest_max)
                return fail(errc::too_long, "inlined content is longer than 128 bytes");
            return multihash(code, content);
        case hash_code::sha2_256:
            return multihash(crypto::hash_of(hash_algorithm::sha256, content));
        case hash_code::sha2_512:
            return multihash(crypto::hash_of(hash_algorithm::sha512, content));
        case hash_code::double_sha2_256:
            return multihash(code, crypto::sha256(crypto::sha256(content)));
        default:
            return fail(errc::unsupported_hash);
    }
}

result<bool> names_content(const multihash& hash, byte_view content) {
    if (hash.code() == hash_code::identity)
        return std::ranges::equal(hash.digest(), content);
    const auto computed = hash_content(hash.code(), content);
    if (!computed)
        return std::unexpected(computed.error());
    const auto wanted = hash.digest();
    if (wanted.size() < trusted_digest_min || wanted.size() > computed->digest().size())
        return false;
    return std::ranges::equal(wanted, computed->digest().first(wanted.size()));
}

bool is_trusted(const multihash& hash) noexcept {
    const auto code = hash.code();
    if (code == hash_code::identity)
        return true;
    const bool sound = code == hash_code::sha1 || code == hash_code::sha2_256 ||
                       code == hash_code::sha2_512 || code == hash_code::double_sha2_256 ||
                       code == hash_code::shake_256 || code == hash_code::blake3 ||
                       is_between(code, hash_code::sha3_512, hash_code::sha3_224) ||
                       is_between(code, hash_code::keccak_224, hash_code::keccak_512) ||
                       is_between(code, hash_code::blake2b_160, hash_code::blake2b_512) ||
                       is_between(code, hash_code::blake2s_160, hash_code::blake2s_256);
    return sound && hash.digest().size() >= trusted_digest_min;
}

}  // namespace dm::multiformats
