#include "libp2p/kad/message.hpp"

#include "multiformats/protobuf.hpp"

namespace dm::kad {
namespace {

using multiformats::append_proto_bytes;
using multiformats::append_proto_varint;
using multiformats::proto_field;
using multiformats::wire_type;

constexpr std::uint32_t message_type_field = 1;
constexpr std::uint32_t message_key = 2;
constexpr std::uint32_t message_record = 3;
constexpr std::uint32_t message_closer = 8;
constexpr std::uint32_t message_providers = 9;
constexpr std::uint32_t peer_id_field = 1;
constexpr std::uint32_t peer_address = 2;
constexpr std::uint32_t peer_connection = 3;
constexpr std::uint32_t record_key = 1;
constexpr std::uint32_t record_value = 2;
constexpr std::uint32_t record_time = 5;

template <class Take>
result<void> for_each_field(byte_view data, Take take) {
    return multiformats::for_each_field(data, errc::malformed_message, std::move(take));
}

result<void> expect(const proto_field& field, wire_type type) {
    return multiformats::expect_type(field, type, errc::malformed_message);
}

result<void> take_peer(std::vector<peer_info>& out, byte_view data) {
    byte_view id;
    std::vector<multiaddr> addresses;
    auto how = connection::not_connected;
    auto ok = for_each_field(data, [&](const proto_field& f) -> result<void> {
        if (f.number == peer_connection) {
            how = f.value <= 3 ? static_cast<connection>(f.value) : connection::not_connected;
            return expect(f, wire_type::varint);
        }
        if (f.number != peer_id_field && f.number != peer_address)
            return {};
        if (f.number == peer_id_field)
            id = f.data;
        else if (addresses.size() < addresses_max)
            if (auto a = multiformats::parse_multiaddr(f.data); a && !a->empty())
                addresses.push_back(a->without_peer());
        return expect(f, wire_type::bytes);
    });
    if (!ok)
        return ok;
    if (auto peer = peer_id::from_bytes(id); peer && out.size() < peers_max)
        out.push_back({*peer, std::move(addresses), how});
    return {};
}

result<void> take_record(message& m, byte_view data) {
    auto& r = m.record.emplace();
    return for_each_field(data, [&](const proto_field& f) -> result<void> {
        if (f.number == record_key)
            r.key = to_bytes(f.data);
        else if (f.number == record_value)
            r.value = to_bytes(f.data);
        else if (f.number == record_time)
            r.time_received = as_chars(f.data);
        else
            return {};
        return expect(f, wire_type::bytes);
    });
}

bytes encode_peer(const peer_info& p) {
    bytes out;
    append_proto_bytes(out, peer_id_field, p.id.bytes());
    for (const auto& a : p.addresses)
        append_proto_bytes(out, peer_address, a.bytes());
    if (p.connection != connection::not_connected)
        append_proto_varint(out, peer_connection, static_cast<std::uint64_t>(p.connection));
    return out;
}

bytes encode_record(const record& r) {
    bytes out;
    append_proto_bytes(out, record_key, r.key);
    append_proto_bytes(out, record_value, r.value);
    if (!r.time_received.empty())
        append_proto_bytes(out, record_time, as_bytes(r.time_received));
    return out;
}

}  // namespace

result<message> decode_message(byte_view data) {
    message m;
    std::uint64_t type = 0;
    const auto ok = for_each_field(data, [&](const proto_field& f) -> result<void> {
        if (f.number == message_type_field) {
            type = f.value;
            return expect(f, wire_type::varint);
        }
        if (f.number != message_key && f.number != message_record && f.number != message_closer &&
            f.number != message_providers)
            return {};
        if (auto typed = expect(f, wire_type::bytes); !typed)
            return typed;
        if (f.number == message_record)
            return take_record(m, f.data);
        if (f.number != message_key)
            return take_peer(f.number == message_closer ? m.closer : m.providers, f.data);
        m.key = to_bytes(f.data);
        return {};
    });
    if (!ok)
        return fail(ok.error());
    if (type > static_cast<std::uint64_t>(message_type::ping))
        return fail(errc::malformed_message, "unknown type");
    m.type = static_cast<message_type>(type);
    return m;
}

bytes encode_message(const message& m) {
    bytes out;
    append_proto_varint(out, message_type_field, static_cast<std::uint64_t>(m.type));
    if (!m.key.empty())
        append_proto_bytes(out, message_key, m.key);
    if (m.record)
        append_proto_bytes(out, message_record, encode_record(*m.record));
    for (const auto& p : m.closer)
        append_proto_bytes(out, message_closer, encode_peer(p));
    for (const auto& p : m.providers)
        append_proto_bytes(out, message_providers, encode_peer(p));
    return out;
}

}  // namespace dm::kad
