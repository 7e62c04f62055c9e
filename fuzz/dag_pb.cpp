// links: unixfs
// dag-pb blocks and the UnixFS nodes in them: a canonical block is written back the same, any other
// one keeps its meaning.
#include <algorithm>

#include "content/unixfs/dag_pb.hpp"
#include "content/unixfs/data.hpp"
#include "content/unixfs/node.hpp"
#include "require.hpp"

using namespace dm;
using namespace dm::unixfs;

namespace {

bool is_same(const std::optional<byte_view>& a, const std::optional<byte_view>& b) {
    return a.has_value() == b.has_value() && (!a || std::ranges::equal(*a, *b));
}

void check_data(byte_view input) {
    const auto data = decode_unixfs_data(input);
    if (!data)
        return;
    const auto again = encode_unixfs_data(*data);
    const auto reread = decode_unixfs_data(again);
    require(reread.has_value());
    require(encode_unixfs_data(*reread) == again);
    require(is_same(reread->content, data->content) && reread->mtime == data->mtime &&
            reread->block_sizes == data->block_sizes && reread->file_size == data->file_size);
}

void check_node(const node& n, std::size_t block_size) {
    require(n.content.size() <= block_size);
    std::uint64_t sum = n.content.size();
    for (const auto& link : n.links)
        sum += link.size;
    require(n.kind != node_kind::file || sum == n.size);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const byte_view input = std::as_bytes(std::span{data, size});
    check_data(input);
    if (const auto pb = decode_dag_pb(input)) {
        const auto again = encode_dag_pb(*pb);
        const auto reread = decode_dag_pb(again);
        require(reread && reread->links == pb->links && is_same(reread->data, pb->data));
        require(encode_dag_pb(*reread) == again);
        if (pb->data)
            check_data(*pb->data);
    }
    const cid id(multiformats::codec::dag_pb, {});
    if (const auto n = parse_node(id, input))
        check_node(*n, size);
    return 0;
}
