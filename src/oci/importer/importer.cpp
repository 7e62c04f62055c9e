#include "oci/importer/importer.hpp"

#include <fmt/format.h>

#include <set>

#include "aio/task_group.hpp"
#include "base/log.hpp"
#include "oci/errc.hpp"
#include "oci/image_config.hpp"
#include "oci/importer/blob_fetch.hpp"
#include "oci/importer/errc.hpp"
#include "oci/importer/image_tree.hpp"

namespace dm::importer {
namespace {

/// Manifests are held in memory until the image is known whole.
constexpr std::size_t manifests_bytes_max = 16 << 20;

struct read_document {
    oci::descriptor descriptor;
    bytes raw;
    std::vector<oci::descriptor> blobs;    ///< of a manifest
    std::vector<oci::descriptor> entries;  ///< of an index
};

/// Every platform that some index names, or that a config told; with blobs where it was read.
std::vector<oci::image_platform> platforms_in(const std::vector<read_document>& documents) {
    std::map<crypto::digest, oci::image_platform> found;
    std::vector<crypto::digest> order;
    const auto add = [&](const oci::descriptor& d) {
        if (!d.platform || d.is_attestation() || d.kind() == oci::media_kind::index)
            return;
        if (found.try_emplace(d.digest, oci::image_platform{*d.platform, d.digest, {}}).second)
            order.push_back(d.digest);
    };
    for (const auto& document : documents) {
        for (const auto& entry : document.entries)
            add(entry);
        add(document.descriptor);
    }
    for (const auto& document : documents)
        if (const auto it = found.find(document.descriptor.digest); it != found.end())
            for (const auto& blob : document.blobs)
                it->second.blobs.push_back(blob.digest);
    std::vector<oci::image_platform> out;
    for (const auto& digest : order)
        out.push_back(std::move(found.at(digest)));
    return out;
}

/// Those of the listed platforms that no manifest is for; none of an artifact, which is for no
/// platform at all.
std::vector<oci::platform> missing_platforms(const oci::platform_choice& choice,
                                             const std::vector<read_document>& documents) {
    std::vector<oci::platform> out;
    for (const auto& wanted : choice.listed) {
        const auto suits = [&](const read_document& d) {
            return !d.blobs.empty() && d.descriptor.platform &&
                   oci::match_rank(wanted, *d.descriptor.platform);
        };
        if (std::ranges::none_of(documents, suits))
            out.push_back(wanted);
    }
    if (out.size() == choice.listed.size())
        out.clear();
    return out;
}

}  // namespace

struct importer::job {
    image_source& source;
    oci::platform_choice platforms;
    std::string pin;
    progress_listener listen;
    progress now;
    std::vector<read_document> documents;  ///< the top first
    std::size_t documents_bytes = 0;
    std::set<crypto::digest> seen;
    std::optional<error> refused;  ///< the first platform that an index does not have
    std::vector<oci::descriptor> configs;
    std::vector<oci::descriptor> layers;
    std::map<crypto::digest, store::blob_info> here;
    std::vector<store::blob_info> manifests;  ///< as `documents`

    void tell() const {
        if (listen)
            listen(now);
    }
};

std::string pin_name(const crypto::digest& image) {
    return "image:" + image.to_string();
}

importer::importer(executor ex, store::content_store& store, options o)
    : store_(store), options_(o), places_(std::move(ex), o.blobs_at_once_max) {}

awaitable<oci::image_record> importer::import(image_source& source, oci::platform_choice platforms,
                                              std::string pin, progress_listener listen) {
    job j{source,
          std::move(platforms),
          std::move(pin),
          std::move(listen),
          {},
          {},
          0,
          {},
          {},
          {},
          {},
          {},
          {}};
    j.tell();
    auto top = co_await source.resolve();
    oci::descriptor as;
    as.media_type = top.media_type;
    as.digest = top.digest;
    as.size = top.raw.size();
    co_await read_manifest(j, std::move(top), std::move(as), 1);
    const auto is_index = [](const read_document& d) { return d.blobs.empty(); };
    if (j.refused && std::ranges::all_of(j.documents, is_index))
        throw failure(*j.refused);

    for (const auto& list : {j.configs, j.layers})
        for (const auto& blob : list)
            j.now.bytes_total += blob.size;
    j.now.blobs_total = j.configs.size() + j.layers.size();
    if (j.now.bytes_total > options_.image_bytes_max)
        raise(errc::too_large, fmt::format("the image has {} bytes", j.now.bytes_total));
    j.now.at = progress::phase::fetching;
    j.tell();

    // Kept from the start: room for its later blobs must not come from its earlier ones.
    std::vector<crypto::digest> keep;
    for (const auto& d : j.documents)
        keep.push_back(d.descriptor.digest);
    for (const auto& list : {j.configs, j.layers})
        for (const auto& blob : list)
            keep.push_back(blob.digest);
    co_await store_.pin_also(j.pin, keep, {});
    for (const auto& d : j.documents)  // early: those who pull while it arrives ask for them first
        j.manifests.push_back(co_await store_.put(d.descriptor.digest, d.raw));

    co_await obtain_all(j);
    j.now.at = progress::phase::finishing;
    j.tell();
    co_return co_await finish(j, std::move(keep));
}

awaitable<void> importer::read_manifest(job& j, found_manifest found, oci::descriptor as,
                                        std::size_t depth) {
    if (!j.seen.insert(found.digest).second)
        co_return;
    if (found.raw.size() != as.size)
        raise(errc::wrong_size,
              fmt::format("{} sent {} bytes for manifest {}, which has {}", j.source.name(),
                          found.raw.size(), as.digest.to_string(), as.size));
    j.documents_bytes += found.raw.size();
    if (j.documents_bytes > manifests_bytes_max)
        raise(errc::too_large, fmt::format("the manifests of this image have more than {} bytes",
                                           manifests_bytes_max));
    const auto document = value_or_throw(oci::parse_document(found.raw, found.media_type));
    as.media_type = oci::media_type_of(document);
    const auto at = j.documents.size();
    j.documents.push_back({std::move(as), std::move(found.raw), {}, {}});

    if (const auto* m = std::get_if<oci::manifest>(&document)) {
        auto blobs = oci::stored_blobs(*m);
        for (const auto& blob : blobs)
            if (j.seen.insert(blob.digest).second)
                (blob.digest == m->config.digest ? j.configs : j.layers).push_back(blob);
        j.documents[at].blobs = std::move(blobs);
        co_return;
    }
    if (depth == oci::index_depth_max)
        raise(errc::nested_too_deep,
              fmt::format("{} indexes are nested in each other, {} are allowed", depth + 1,
                          oci::index_depth_max));
    const auto& index = std::get<oci::image_index>(document);
    j.documents[at].entries = index.manifests;
    std::vector<oci::descriptor> chosen;
    if (j.platforms.all)
        chosen = index.manifests;
    for (const auto& wanted : j.platforms.listed) {
        auto entry = oci::select_entry(index, wanted);
        if (entry)
            chosen.push_back(*std::move(entry));
        else if (!j.refused)
            j.refused = std::move(entry.error());
    }
    for (auto& entry : chosen)
        if (!j.seen.contains(entry.digest))
            co_await read_manifest(j, co_await j.source.manifest(entry), entry, depth + 1);
}

awaitable<void> importer::obtain_all(job& j) {
    // Configs first: they are small and say whether the image runs here at all.
    for (const auto& config : j.configs)
        co_await obtain(j, config);
    for (auto& d : j.documents) {
        if (d.blobs.empty() || d.descriptor.platform)
            continue;
        const auto config = oci::parse_image_config(
            co_await store_.read(d.blobs.front().digest, oci::config_bytes_max));
        if (!config || config->platform.os.empty() || config->platform.architecture.empty())
            continue;  // an artifact: it belongs to no platform
        d.descriptor.platform = config->platform;
        if (j.platforms.all)
            continue;
        const auto suits = [&](const oci::platform& wanted) {
            return oci::match_rank(wanted, config->platform).has_value();
        };
        if (std::ranges::none_of(j.platforms.listed, suits))
            raise(oci::errc::no_such_platform,
                  fmt::format("the image is for {} only, not for {}", config->platform.to_string(),
                              j.platforms.listed.front().to_string()));
    }
    j.now.missing = missing_platforms(j.platforms, j.documents);
    std::vector<awaitable<void>> works;
    for (const auto& layer : j.layers)
        works.push_back(obtain(j, layer));
    co_await aio::all_of(std::move(works));
}

awaitable<void> importer::obtain(job& j, oci::descriptor blob) {
    for (;;) {
        if (const auto known = co_await store_.find(blob.digest)) {
            if (known->size != blob.size)
                raise(errc::wrong_size,
                      fmt::format("the manifest says {} bytes for {}, which has {}", blob.size,
                                  blob.digest.to_string(), known->size));
            j.now.bytes_done += j.here.contains(blob.digest) ? 0 : blob.size;
            j.here[blob.digest] = *known;
            break;
        }
        if (auto other = store_.arriving(blob.digest)) {
            co_await (*other)->ended();
            continue;
        }
        const auto place = co_await places_.acquire();
        auto lease = co_await store_.receive(blob.digest, blob.size);
        if (!lease)
            continue;
        co_await fetch(j, blob, *std::move(lease));
        break;
    }
    ++j.now.blobs_done;
    j.tell();
}

awaitable<void> importer::fetch(job& j, oci::descriptor blob, store::arrival_lease lease) {
    j.now.bytes_done += lease->received();
    const auto count = [&j](std::uint64_t n) {
        j.now.bytes_done += n;
        j.now.bytes_from_source += n;
        j.tell();
    };
    const auto digest = blob.digest;
    j.here[digest] =
        co_await fetch_blob(store_, j.source, std::move(blob), std::move(lease), count);
}

awaitable<oci::image_record> importer::finish(job& j, std::vector<crypto::digest> keep) {
    oci::image_record out;
    out.digest = j.documents.front().descriptor.digest;
    out.media_type = j.documents.front().descriptor.media_type;
    std::vector<tree_file> manifests;
    for (const auto& info : j.manifests) {
        manifests.push_back({info.digest.to_string(), info});
        out.blobs.push_back({info.digest, info.root, info.size});
    }
    manifests.push_back({"latest", manifests.front().info});
    std::vector<tree_file> blobs;
    for (const auto& [digest, info] : j.here) {
        blobs.push_back({digest.to_string(), info});
        out.blobs.push_back({info.digest, info.root, info.size});
    }
    out.platforms = platforms_in(j.documents);
    auto tree = value_or_throw(build_image_tree(manifests, blobs));
    out.root = tree.root;
    co_await store_.pin_also(j.pin, std::move(keep), std::move(tree.nodes));
    log::info("image imported", {{"digest", out.digest.to_string()},
                                 {"from", j.source.name()},
                                 {"root", out.root.to_string()},
                                 {"bytes", j.now.bytes_total},
                                 {"bytes_from_source", j.now.bytes_from_source}});
    co_return out;
}

}  // namespace dm::importer
