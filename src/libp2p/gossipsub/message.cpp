#include "libp2p/gossipsub/message.hpp"

#include <algorithm>

#include "libp2p/gossipsub/fields.hpp"

namespace dm::gossipsub {
namespace {

using multiformats::append_proto_bytes;

constexpr std::string_view signature_prefix = "libp2p-pubsub:";
constexpr std::size_t seqno_bytes = 8;

void append_unsigned(bytes& out, const message& m) {
    append_proto_bytes(out, message_from, m.from);
    if (m.data)
        append_proto_bytes(out, message_data, *m.data);
    append_proto_bytes(out, message_seqno, m.seqno);
    append_proto_bytes(out, message_topic, as_bytes(m.topic));
}

result<crypto::public_key> key_of(const message& m, const peer_id& author) {
    auto inlined = author.inlined_key();
    if (m.key.empty()) {
        if (!inlined)
            return fail(errc::malformed_message, "the author's key is missing");
        return *std::move(inlined);
    }
    auto key = multiformats::unmarshal_public_key(m.key);
    if (!key)
        return fail(errc::malformed_message, key.error().message());
    if (!author.matches(*key))
        return fail(errc::bad_signature, "the key is not the author's");
    return *std::move(key);
}

}  // namespace

message_id id_of(const message& m) {
    message_id out;
    out.reserve(m.from.size() + m.seqno.size());
    out += as_chars(m.from);
    out += as_chars(m.seqno);
    return out;
}

bytes signed_bytes(const message& m) {
    auto out = to_bytes(signature_prefix);
    append_unsigned(out, m);
    return out;
}

message make_message(const crypto::private_key& key, std::uint64_t seqno, std::string topic,
                     byte_view data) {
    const peer_id self(key.public_key());
    message out{.from = to_bytes(self.bytes()),
                .seqno = {},
                .topic = std::move(topic),
                .data = to_bytes(data)};
    for (int shift = 56; shift >= 0; shift -= 8)
        out.seqno.push_back(static_cast<std::byte>(seqno >> shift));
    out.signature = key.sign(signed_bytes(out));
    if (!self.inlined_key())
        out.key = multiformats::marshal(key.public_key());
    return out;
}

result<peer_id> verify(const message& m) {
    if (m.topic.empty() || m.topic.size() > topic_bytes_max)
        return fail(errc::malformed_message, "a message needs a topic");
    if (m.seqno.size() != seqno_bytes)
        return fail(errc::malformed_message, "a message's number has 8 bytes");
    if (m.signature.empty())
        return fail(errc::malformed_message, "a message needs a signature");
    const auto author = peer_id::from_bytes(m.from);
    if (!author)
        return fail(errc::malformed_message, "a message needs an author");
    const auto key = key_of(m, *author);
    if (!key)
        return fail(key.error());
    if (!key->verify(signed_bytes(m), m.signature))
        return fail(errc::bad_signature);
    return *author;
}

bytes encode_message(const message& m) {
    bytes out;
    append_unsigned(out, m);
    if (!m.signature.empty())
        append_proto_bytes(out, message_signature, m.signature);
    if (!m.key.empty())
        append_proto_bytes(out, message_key, m.key);
    return out;
}

}  // namespace dm::gossipsub
