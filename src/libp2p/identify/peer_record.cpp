#include "libp2p/identify/peer_record.hpp"

#include <array>

#include "base/varint.hpp"
#include "libp2p/identify/message.hpp"
#include "multiformats/protobuf.hpp"

namespace dm::identify {
namespace {

namespace mf = multiformats;

constexpr std::string_view domain = "libp2p-peer-record";
constexpr std::array<std::byte, 2> payload_type = {std::byte{3}, std::byte{1}};

namespace envelope_field {
constexpr std::uint32_t public_key = 1;
constexpr std::uint32_t payload_type = 2;
constexpr std::uint32_t payload = 3;
constexpr std::uint32_t signature = 5;
}  // namespace envelope_field

namespace record_field {
constexpr std::uint32_t peer = 1;
constexpr std::uint32_t sequence = 2;
constexpr std::uint32_t address = 3;
constexpr std::uint32_t multiaddr = 1;  // of an address
}  // namespace record_field

bytes signed_text(byte_view payload) {
    bytes out;
    for (const auto part : {as_bytes(domain), byte_view(payload_type), payload}) {
        append_varint(out, part.size());
        append(out, part);
    }
    return out;
}

result<std::vector<mf::proto_field>> fields_of(byte_view message) {
    std::vector<mf::proto_field> out;
    const auto read = mf::for_each_field(message, mf::errc::malformed_protobuf,
                                         [&](const mf::proto_field& f) -> result<void> {
                                             out.push_back(f);
                                             return {};
                                         });
    if (!read)
        return fail(read.error());
    return out;
}

void take_address(byte_view message, std::vector<mf::multiaddr>& into) {
    const auto fields = fields_of(message);
    if (!fields)
        return;
    for (const auto& f : *fields)
        if (f.number == record_field::multiaddr && into.size() < addresses_max)
            if (auto a = mf::parse_multiaddr(f.data))
                into.push_back(*std::move(a));
}

result<peer_record> decode_record(byte_view payload, const mf::peer_id& signer) {
    const auto fields = fields_of(payload);
    if (!fields)
        return fail(fields.error());
    peer_record out{.peer = signer, .sequence = 0, .addresses = {}};
    bool named = false;
    for (const auto& f : *fields) {
        if (f.number == record_field::peer) {
            const auto id = mf::peer_id::from_bytes(f.data);
            if (!id || *id != signer)
                return fail(mf::errc::malformed_peer_id, "the record is about another peer");
            named = true;
        } else if (f.number == record_field::sequence) {
            out.sequence = f.value;
        } else if (f.number == record_field::address) {
            take_address(f.data, out.addresses);
        }
    }
    if (!named)
        return fail(mf::errc::malformed_protobuf, "the record names no peer");
    return out;
}

}  // namespace

bytes seal(const crypto::private_key& identity, std::uint64_t sequence,
           const std::vector<mf::multiaddr>& addresses) {
    bytes record;
    mf::append_proto_bytes(record, record_field::peer, mf::peer_id(identity.public_key()).bytes());
    mf::append_proto_varint(record, record_field::sequence, sequence);
    for (const auto& a : addresses) {
        bytes address;
        mf::append_proto_bytes(address, record_field::multiaddr, a.bytes());
        mf::append_proto_bytes(record, record_field::address, address);
    }
    bytes out;
    mf::append_proto_bytes(out, envelope_field::public_key, mf::marshal(identity.public_key()));
    mf::append_proto_bytes(out, envelope_field::payload_type, payload_type);
    mf::append_proto_bytes(out, envelope_field::payload, record);
    mf::append_proto_bytes(out, envelope_field::signature, identity.sign(signed_text(record)));
    return out;
}

result<peer_record> open(byte_view envelope) {
    const auto fields = fields_of(envelope);
    if (!fields)
        return fail(fields.error());
    byte_view key;
    byte_view type;
    byte_view payload;
    byte_view signature;
    for (const auto& f : *fields) {
        if (f.number == envelope_field::public_key)
            key = f.data;
        else if (f.number == envelope_field::payload_type)
            type = f.data;
        else if (f.number == envelope_field::payload)
            payload = f.data;
        else if (f.number == envelope_field::signature)
            signature = f.data;
    }
    const auto signer = mf::unmarshal_public_key(key);
    if (!signer)
        return fail(signer.error());
    if (!std::ranges::equal(type, payload_type))
        return fail(mf::errc::malformed_protobuf, "the envelope holds something else");
    if (!signer->verify(signed_text(payload), signature))
        return fail(mf::errc::malformed_protobuf, "the envelope is not signed by its key");
    return decode_record(payload, mf::peer_id(*signer));
}

}  // namespace dm::identify
