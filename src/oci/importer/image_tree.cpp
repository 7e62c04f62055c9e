#include "oci/importer/image_tree.hpp"

#include "content/unixfs/directory_builder.hpp"

namespace dm::importer {
namespace {

result<unixfs::subtree> build_folder(
    const std::vector<std::pair<std::string, unixfs::subtree>>& entries,
    std::vector<store::dag_node>& nodes) {
    unixfs::directory_builder folder([&](const multiformats::cid& cid, byte_view block) {
        nodes.push_back({cid, to_bytes(block)});
    });
    for (const auto& [name, entry] : entries)
        if (auto added = folder.add(name, entry); !added)
            return fail(std::move(added.error()));
    return folder.finish();
}

result<unixfs::subtree> build_folder(const std::vector<tree_file>& files,
                                     std::vector<store::dag_node>& nodes) {
    std::vector<std::pair<std::string, unixfs::subtree>> entries;
    entries.reserve(files.size());
    for (const auto& file : files)
        entries.emplace_back(file.name,
                             unixfs::subtree{file.info.root, file.info.size, file.info.dag_size});
    return build_folder(entries, nodes);
}

}  // namespace

result<image_tree> build_image_tree(const std::vector<tree_file>& manifests,
                                    const std::vector<tree_file>& blobs) {
    image_tree out;
    const auto manifest_folder = build_folder(manifests, out.nodes);
    if (!manifest_folder)
        return fail(manifest_folder.error());
    const auto blob_folder = build_folder(blobs, out.nodes);
    if (!blob_folder)
        return fail(blob_folder.error());
    const auto root = build_folder(
        std::vector<std::pair<std::string, unixfs::subtree>>{{"blobs", *blob_folder},
                                                             {"manifests", *manifest_folder}},
        out.nodes);
    if (!root)
        return fail(root.error());
    out.root = root->root;
    return out;
}

}  // namespace dm::importer
