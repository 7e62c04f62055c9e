#include "multiformats/peer_id.hpp"

#include <algorithm>
#include <cassert>

#include "crypto/hash.hpp"
#include "crypto/random.hpp"
#include "multiformats/protobuf.hpp"

namespace dm::multiformats {
namespace {

constexpr std::uint32_t field_type = 1;
constexpr std::uint32_t field_data = 2;
constexpr std::size_t sha2_256_size = 32;

struct key_message {
    crypto::key_type type;
    byte_view data;
};

bytes marshal_key(crypto::key_type type, byte_view data) {
    bytes out;
    append_proto_varint(out, field_type, static_cast<std::uint8_t>(type));
    append_proto_bytes(out, field_data, data);
    return out;
}

/// The two fields in their order, minimal, nothing else: any other spelling would be a second peer
/// id of one key.
result<key_message> unmarshal_key(byte_view message) {
    proto_reader reader(message);
    const auto type = reader.next();
    if (!type || !*type || (*type)->number != field_type || (*type)->type != wire_type::varint)
        return fail(errc::malformed_protobuf, "not a libp2p key");
    const auto data = reader.next();
    if (!data || !*data || (*data)->number != field_data || (*data)->type != wire_type::bytes)
        return fail(errc::malformed_protobuf, "not a libp2p key");
    if ((*type)->value > static_cast<std::uint64_t>(crypto::key_type::ecdsa))
        return fail(crypto::errc::unsupported_key);
    const key_message out{static_cast<crypto::key_type>((*type)->value), (*data)->data};
    if (!std::ranges::equal(marshal_key(out.type, out.data), message))
        return fail(errc::malformed_protobuf, "key is not in its canonical form");
    return out;
}

bool is_acceptable(const multihash& hash) {
    if (hash.code() == hash_code::identity)
        return !hash.digest().empty() && hash.digest().size() <= inlined_key_max;
    return hash.code() == hash_code::sha2_256 && hash.digest().size() == sha2_256_size;
}

}  // namespace

bytes marshal(const crypto::public_key& key) {
    return marshal_key(key.type(), key.data());
}

result<crypto::public_key> unmarshal_public_key(byte_view data) {
    const auto message = unmarshal_key(data);
    if (!message)
        return std::unexpected(message.error());
    return crypto::public_key::from_data(message->type, message->data);
}

bytes marshal(const crypto::private_key& key) {
    auto data = key.data();
    auto out = marshal_key(key.type(), data);
    crypto::wipe(data);
    return out;
}

result<crypto::private_key> unmarshal_private_key(byte_view data) {
    const auto message = unmarshal_key(data);
    if (!message)
        return std::unexpected(message.error());
    return crypto::private_key::from_data(message->type, message->data);
}

peer_id::peer_id(const crypto::public_key& key) {
    const auto serialised = marshal(key);
    const auto hash = serialised.size() <= inlined_key_max
                          ? multihash(hash_code::identity, serialised)
                          : multihash::sha2_256(serialised);
    const auto binary = hash.to_bytes();
    std::ranges::copy(binary, bytes_.begin());
    size_ = static_cast<std::uint8_t>(binary.size());
}

result<peer_id> peer_id::from_bytes(byte_view data) {
    const auto hash = parse_multihash(data);
    if (!hash || !is_acceptable(*hash))
        return fail(errc::malformed_peer_id);
    peer_id out;
    std::ranges::copy(data, out.bytes_.begin());
    out.size_ = static_cast<std::uint8_t>(data.size());
    return out;
}

std::string peer_id::to_string() const {
    return base58_encode(bytes());
}

cid peer_id::to_cid() const {
    const auto hash = parse_multihash(bytes());
    assert(hash);
    return {codec::libp2p_key, *hash};
}

std::optional<crypto::public_key> peer_id::inlined_key() const {
    const auto hash = parse_multihash(bytes());
    if (!hash || hash->code() != hash_code::identity)
        return std::nullopt;
    auto key = unmarshal_public_key(hash->digest());
    if (!key)
        return std::nullopt;
    return *std::move(key);
}

result<peer_id> parse_peer_id(std::string_view text) {
    if (text.starts_with("Qm") || text.starts_with('1')) {
        const auto binary = base58_decode(text);
        if (!binary)
            return fail(errc::malformed_peer_id);
        return peer_id::from_bytes(*binary);
    }
    const auto c = parse_cid(text);
    if (!c || c->codec() != codec::libp2p_key)
        return fail(errc::malformed_peer_id);
    return peer_id::from_bytes(c->hash().to_bytes());
}

}  // namespace dm::multiformats
