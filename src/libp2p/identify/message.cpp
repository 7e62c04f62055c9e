#include "libp2p/identify/message.hpp"

#include "multiformats/protobuf.hpp"

namespace dm::identify {
namespace {

namespace mf = multiformats;

enum field : std::uint32_t {
    public_key = 1,
    listen_address = 2,
    protocol = 3,
    observed_address = 4,
    protocol_version = 5,
    agent_version = 6,
    signed_peer_record = 8,
};

std::string short_text(byte_view data) {
    return std::string(as_chars(data.first(std::min(data.size(), text_bytes_max))));
}

result<void> take(message& into, const mf::proto_field& f) {
    if (f.type != mf::wire_type::bytes)
        return {};
    switch (f.number) {
        case field::public_key:
            into.public_key = to_bytes(f.data);
            break;
        case field::listen_address:
            if (auto a = mf::parse_multiaddr(f.data);
                a && into.listen_addresses.size() < addresses_max)
                into.listen_addresses.push_back(*std::move(a));
            break;
        case field::protocol:
            if (f.data.size() <= text_bytes_max && into.protocols.size() < protocols_max)
                into.protocols.emplace_back(as_chars(f.data));
            break;
        case field::observed_address:
            if (auto a = mf::parse_multiaddr(f.data))
                into.observed = *std::move(a);
            break;
        case field::protocol_version:
            into.protocol_version = short_text(f.data);
            break;
        case field::agent_version:
            into.agent = short_text(f.data);
            break;
        case field::signed_peer_record:
            into.signed_record = to_bytes(f.data);
            break;
        default:
            break;
    }
    return {};
}

}  // namespace

bytes encode(const message& m) {
    bytes out;
    if (!m.public_key.empty())
        mf::append_proto_bytes(out, field::public_key, m.public_key);
    for (const auto& a : m.listen_addresses)
        mf::append_proto_bytes(out, field::listen_address, a.bytes());
    for (const auto& p : m.protocols)
        mf::append_proto_bytes(out, field::protocol, as_bytes(p));
    if (m.observed)
        mf::append_proto_bytes(out, field::observed_address, m.observed->bytes());
    mf::append_proto_bytes(out, field::protocol_version, as_bytes(m.protocol_version));
    mf::append_proto_bytes(out, field::agent_version, as_bytes(m.agent));
    if (!m.signed_record.empty())
        mf::append_proto_bytes(out, field::signed_peer_record, m.signed_record);
    return out;
}

result<void> merge(message& into, byte_view data) {
    return mf::for_each_field(data, mf::errc::malformed_protobuf,
                              [&](const mf::proto_field& f) { return take(into, f); });
}

}  // namespace dm::identify
