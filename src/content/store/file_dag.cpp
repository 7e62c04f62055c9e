#include "content/store/file_dag.hpp"

#include "content/unixfs/file_builder.hpp"

namespace dm::store {

file_dag build_file_dag(const std::vector<leaf_hash>& leaves, std::uint64_t size) {
    namespace mf = multiformats;
    file_dag out;
    unixfs::file_builder builder(
        [&](const mf::cid& cid, byte_view block) { out.nodes.push_back({cid, to_bytes(block)}); });
    for (std::size_t i = 0; i < leaves.size(); ++i)
        builder.add_leaf(mf::cid(mf::codec::raw, mf::multihash(mf::hash_code::sha2_256, leaves[i])),
                         std::min<std::uint64_t>(leaf_bytes, size - i * leaf_bytes));
    const auto root = builder.finish();
    out.root = root.root;
    out.dag_size = root.tsize;
    return out;
}

}  // namespace dm::store
