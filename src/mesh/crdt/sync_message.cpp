#include "mesh/crdt/sync_message.hpp"

#include "multiformats/protobuf.hpp"

namespace dm::crdt {
namespace {

constexpr std::uint32_t request_have = 1;

}  // namespace

bytes encode_sync_request(const std::vector<cid>& have) {
    bytes out;
    for (const auto& id : have)
        multiformats::append_proto_bytes(out, request_have, id.to_bytes());
    return out;
}

result<std::vector<cid>> decode_sync_request(byte_view data) {
    std::vector<cid> out;
    multiformats::proto_reader reader(data);
    for (;;) {
        const auto f = reader.next();
        if (!f)
            return fail(errc::malformed_broadcast, f.error().message());
        if (!*f)
            return out;
        if ((*f)->number != request_have)
            continue;
        if ((*f)->type != multiformats::wire_type::bytes)
            return fail(errc::malformed_broadcast, "a field has the wrong type");
        const auto id = multiformats::parse_cid((*f)->data);
        if (id && is_block_cid(*id) && out.size() < sync_ids_max)
            out.push_back(*id);
    }
}

}  // namespace dm::crdt
