#include "mesh/presence/message.hpp"

#include "crypto/hash.hpp"
#include "multiformats/protobuf.hpp"

namespace dm::presence {
namespace {

using multiformats::wire_type;

constexpr std::uint32_t beat_status = 1;
constexpr std::uint32_t beat_gone = 2;
constexpr std::uint32_t beat_is_leaving = 3;
constexpr std::uint32_t beat_same_status = 4;
constexpr std::uint32_t beat_asked = 5;

bool is_number(std::uint32_t field) {
    return field == beat_is_leaving || field == beat_same_status;
}

bool take_peer(std::vector<peer_id>& into, byte_view data, std::size_t count_max) {
    const auto peer = peer_id::from_bytes(data);
    if (!peer || into.size() >= count_max)
        return false;
    into.push_back(*peer);
    return true;
}

}  // namespace

std::uint64_t digest_of(std::string_view status) {
    std::uint64_t out = 0;
    const auto hash = crypto::sha256(as_bytes(status));
    for (std::size_t i = 0; i < sizeof(out); ++i)
        out = out << 8 | to_u8(hash[i]);
    return out;
}

bytes encode(const beat& b) {
    bytes out;
    if (!b.status.empty())
        multiformats::append_proto_bytes(out, beat_status, as_bytes(b.status));
    for (const auto& peer : b.gone)
        multiformats::append_proto_bytes(out, beat_gone, peer.bytes());
    if (b.is_leaving)
        multiformats::append_proto_varint(out, beat_is_leaving, 1);
    if (b.same_status)
        multiformats::append_proto_varint(out, beat_same_status, *b.same_status);
    for (const auto& peer : b.asked)
        multiformats::append_proto_bytes(out, beat_asked, peer.bytes());
    return out;
}

std::optional<beat> decode(byte_view data) {
    beat out;
    multiformats::proto_reader reader(data);
    for (;;) {
        const auto f = reader.next();
        if (!f)
            return std::nullopt;
        if (!*f)
            return out;
        const auto number = (*f)->number;
        if (number < beat_status || number > beat_asked)
            continue;
        if ((*f)->type != (is_number(number) ? wire_type::varint : wire_type::bytes))
            return std::nullopt;
        if (number == beat_is_leaving)
            out.is_leaving = (*f)->value != 0;
        else if (number == beat_same_status)
            out.same_status = (*f)->value;
        else if (number == beat_status && (*f)->data.size() <= status_bytes_max)
            out.status = as_chars((*f)->data);
        else if (number == beat_status ||
                 !(number == beat_gone ? take_peer(out.gone, (*f)->data, gone_max)
                                       : take_peer(out.asked, (*f)->data, asked_max)))
            return std::nullopt;
    }
}

}  // namespace dm::presence
