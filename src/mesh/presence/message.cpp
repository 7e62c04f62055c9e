#include "mesh/presence/message.hpp"

#include "multiformats/protobuf.hpp"

namespace dm::presence {
namespace {

using multiformats::wire_type;

constexpr std::uint32_t beat_status = 1;
constexpr std::uint32_t beat_gone = 2;
constexpr std::uint32_t beat_is_leaving = 3;

}  // namespace

bytes encode(const beat& b) {
    bytes out;
    if (!b.status.empty())
        multiformats::append_proto_bytes(out, beat_status, as_bytes(b.status));
    for (const auto& peer : b.gone)
        multiformats::append_proto_bytes(out, beat_gone, peer.bytes());
    if (b.is_leaving)
        multiformats::append_proto_varint(out, beat_is_leaving, 1);
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
        if (number < beat_status || number > beat_is_leaving)
            continue;
        if ((*f)->type != (number == beat_is_leaving ? wire_type::varint : wire_type::bytes))
            return std::nullopt;
        if (number == beat_is_leaving) {
            out.is_leaving = (*f)->value != 0;
        } else if (number == beat_status) {
            if ((*f)->data.size() > status_bytes_max)
                return std::nullopt;
            out.status = as_chars((*f)->data);
        } else {
            const auto peer = peer_id::from_bytes((*f)->data);
            if (!peer || out.gone.size() >= gone_max)
                return std::nullopt;
            out.gone.push_back(*peer);
        }
    }
}

}  // namespace dm::presence
