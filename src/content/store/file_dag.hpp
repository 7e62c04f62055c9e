#pragma once

#include <vector>

#include "content/store/index.hpp"

namespace dm::store {

/// The UnixFS file over a blob's leaves.
struct file_dag {
    multiformats::cid root;
    std::uint64_t dag_size = 0;   ///< bytes of all its blocks
    std::vector<dag_node> nodes;  ///< interior nodes, the root among them unless it is a leaf
};

/// As `ipfs add --cid-version=1` lays it out: raw leaves, balanced, 174 links a node.
file_dag build_file_dag(const std::vector<leaf_hash>& leaves, std::uint64_t size);

}  // namespace dm::store
