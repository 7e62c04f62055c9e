#include "libp2p/noise/payload.hpp"

#include "multiformats/peer_id.hpp"
#include "multiformats/protobuf.hpp"

namespace dm::noise {
namespace {

namespace mf = multiformats;

constexpr std::uint32_t identity_key_field = 1;
constexpr std::uint32_t identity_signature_field = 2;
constexpr std::uint32_t extensions_field = 4;
constexpr std::uint32_t muxers_field = 2;  // of the extensions

bytes signed_text(const crypto::x25519_bytes& static_key) {
    bytes out = to_bytes("noise-libp2p-static-key:");
    append(out, static_key);
    return out;
}

result<void> decode_extensions(byte_view data, std::vector<std::string>& muxers) {
    mf::proto_reader reader(data);
    for (;;) {
        const auto field = reader.next();
        if (!field)
            return fail(errc::malformed, "the extensions are no protobuf");
        if (!*field)
            return {};
        const auto& f = **field;
        if (f.number == muxers_field && f.type == mf::wire_type::bytes &&
            f.data.size() <= muxer_bytes_max && muxers.size() < muxers_max)
            muxers.emplace_back(as_chars(f.data));
    }
}

}  // namespace

bytes encode_payload(const crypto::private_key& identity, const crypto::x25519_bytes& static_key,
                     const std::vector<std::string>& muxers) {
    bytes out;
    mf::append_proto_bytes(out, identity_key_field, mf::marshal(identity.public_key()));
    mf::append_proto_bytes(out, identity_signature_field, identity.sign(signed_text(static_key)));
    if (!muxers.empty()) {
        bytes extensions;
        for (const auto& m : muxers)
            mf::append_proto_bytes(extensions, muxers_field, as_bytes(m));
        mf::append_proto_bytes(out, extensions_field, extensions);
    }
    return out;
}

result<payload> decode_payload(byte_view data) {
    mf::proto_reader reader(data);
    byte_view key;
    byte_view signature;
    std::vector<std::string> muxers;
    for (;;) {
        const auto field = reader.next();
        if (!field)
            return fail(errc::malformed, "the payload is no protobuf");
        if (!*field)
            break;
        const auto& f = **field;
        if (f.type != mf::wire_type::bytes)
            continue;
        if (f.number == identity_key_field)
            key = f.data;
        else if (f.number == identity_signature_field)
            signature = f.data;
        else if (f.number == extensions_field)
            if (const auto ok = decode_extensions(f.data, muxers); !ok)
                return fail(ok.error());
    }
    auto identity = mf::unmarshal_public_key(key);
    if (!identity)
        return fail(std::move(identity.error()));
    return payload{*std::move(identity), to_bytes(signature), std::move(muxers)};
}

bool is_signed(const payload& p, const crypto::x25519_bytes& static_key) {
    return p.identity.verify(signed_text(static_key), p.signature);
}

}  // namespace dm::noise
