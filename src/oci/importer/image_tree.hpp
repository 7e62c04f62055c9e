#pragma once

#include <string>
#include <vector>

#include "content/store/index.hpp"

namespace dm::importer {

/// A file of an image's IPFS tree.
struct tree_file {
    std::string name;
    store::blob_info info;
};

struct image_tree {
    multiformats::cid root;
    std::vector<store::dag_node> nodes;  ///< directories: root, manifests/, blobs/
};

/// `<root>/manifests/{latest,sha256:…}` and `<root>/blobs/sha256:…`, what `ipfs add -r
/// --cid-version=1` makes of that folder and, with all platforms, what MultiPlatform2IPFS puts into
/// IPFS.
result<image_tree> build_image_tree(const std::vector<tree_file>& manifests,
                                    const std::vector<tree_file>& blobs);

}  // namespace dm::importer
