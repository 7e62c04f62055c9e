#include <fmt/format.h>

#include <map>

#include "base/json/read.hpp"
#include "crypto/hash.hpp"
#include "oci/image_config.hpp"
#include "oci/reference.hpp"
#include "oci/transport/errc.hpp"
#include "oci/transport/readers.hpp"

namespace dm::transport {
namespace {

constexpr const char* list_name = "manifest.json";

struct saved_image {
    std::string config;
    std::vector<std::string> tags;
    std::vector<std::string> layers;
};

std::vector<std::string> strings(const nlohmann::json& of, const char* member) {
    std::vector<std::string> out;
    if (!of.contains(member) || of[member].is_null())
        return out;
    if (!of[member].is_array())
        raise(errc::malformed_archive, fmt::format("manifest.json: {} is no list", member));
    for (const auto& text : of[member]) {
        if (!text.is_string())
            raise(errc::malformed_archive,
                  fmt::format("manifest.json: {} holds something else than text", member));
        out.push_back(text.get<std::string>());
    }
    return out;
}

std::vector<saved_image> saved_images(byte_view raw) {
    const auto read = json::read(as_chars(raw), {.bytes_max = oci::manifest_bytes_max});
    if (!read || !read->is_array())
        raise(errc::malformed_archive, "manifest.json is no list of images");
    std::vector<saved_image> out;
    for (const auto& one : *read) {
        if (!one.is_object() || !one.contains("Config") || !one["Config"].is_string())
            raise(errc::malformed_archive, "manifest.json names no Config");
        out.push_back(
            {one["Config"].get<std::string>(), strings(one, "RepoTags"), strings(one, "Layers")});
        if (out.back().layers.size() > oci::manifest_layers_max)
            raise(errc::too_large,
                  fmt::format("an image in it has more than {} layers", oci::manifest_layers_max));
    }
    return out;
}

bool is_called(const saved_image& image, const oci::reference& name) {
    for (const auto& tag : image.tags)
        if (const auto called = oci::parse_reference(tag); called && *called == name)
            return true;
    return false;
}

saved_image pick(const std::vector<saved_image>& all, const std::string& name,
                 const std::string& where) {
    std::string names;
    for (const auto& image : all)
        names += fmt::format("{}{}", names.empty() ? "" : ", ", fmt::join(image.tags, ", "));
    if (name.empty() && all.size() == 1)
        return all.front();
    if (!name.empty()) {
        const auto wanted = value_or_throw(oci::parse_reference(name));
        for (const auto& image : all)
            if (is_called(image, wanted))
                return image;
    }
    raise(errc::not_found,
          name.empty() ? fmt::format("{} has {} images, name one of: {}", where, all.size(), names)
                       : fmt::format("{} has no image {}, only: {}", where, name, names));
}

std::string_view layer_type(compression c) {
    switch (c) {
        case compression::gzip:
            return oci::media_type::oci_layer_gzip;
        case compression::zstd:
            return oci::media_type::oci_layer_zstd;
        case compression::none:
            break;
    }
    return oci::media_type::oci_layer;
}

class docker_archive_reader final : public image_reader {
  public:
    docker_archive_reader(std::unique_ptr<file_tree> from, const std::string& reference)
        : from_(std::move(from)) {
        if (!from_->size(list_name))
            raise(errc::not_found,
                  fmt::format("{} is nothing that `docker save` wrote: it has no manifest.json",
                              from_->name()));
        const auto image =
            pick(saved_images(read_small(*from_, list_name, oci::manifest_bytes_max)), reference,
                 from_->name());
        make_manifest(image);
    }

    found_document top() override { return top_; }
    std::optional<found_document> document(const oci::descriptor&) override { return std::nullopt; }
    void blob(const oci::descriptor& what, const taker& take) override {
        from_->read(paths_.at(what.digest), take);
    }

  private:
    void make_manifest(const saved_image& image) {
        const auto raw = read_small(*from_, image.config, oci::config_bytes_max);
        const auto config = value_or_throw(oci::parse_image_config(raw));
        if (config.diff_ids.size() != image.layers.size())
            raise(errc::malformed_archive,
                  fmt::format("{} has {} layers for an image of {}", from_->name(),
                              image.layers.size(), config.diff_ids.size()));
        const auto id = crypto::hash_of(crypto::hash_algorithm::sha256, raw);
        paths_[id] = image.config;
        auto layers = nlohmann::json::array();
        for (std::size_t i = 0; i < image.layers.size(); ++i)
            layers.push_back(layer(image.layers[i], config.diff_ids[i]));
        // Members in the order of the alphabet: the same archive gives the same digest.
        const auto text = nlohmann::json{{"schemaVersion", 2},
                                         {"mediaType", oci::media_type::oci_manifest},
                                         {"config",
                                          {{"mediaType", oci::media_type::oci_config},
                                           {"digest", id.to_string()},
                                           {"size", raw.size()}}},
                                         {"layers", std::move(layers)}}
                              .dump();
        top_ = {crypto::hash_of(crypto::hash_algorithm::sha256, as_bytes(text)),
                std::string(oci::media_type::oci_manifest), to_bytes(text)};
    }

    nlohmann::json layer(const std::string& path, const crypto::digest& diff_id) {
        crypto::hasher hash(crypto::hash_algorithm::sha256);
        auto packed = compression::none;
        from_->read(path, [&](byte_view piece) {
            if (hash.size() == 0)
                packed = compression_of(piece);
            hash.update(piece);
        });
        const auto size = hash.size();
        const auto digest = hash.finish();
        if (packed == compression::none && digest != diff_id)
            raise(errc::wrong_content, fmt::format("{} in {} is not the layer {} of the image",
                                                   path, from_->name(), diff_id.to_string()));
        paths_[digest] = path;
        return {{"mediaType", layer_type(packed)}, {"digest", digest.to_string()}, {"size", size}};
    }

    std::unique_ptr<file_tree> from_;
    std::map<crypto::digest, std::string> paths_;
    found_document top_;
};

}  // namespace

std::unique_ptr<image_reader> read_docker_archive(std::unique_ptr<file_tree> from,
                                                  const std::string& reference) {
    return std::make_unique<docker_archive_reader>(std::move(from), reference);
}

}  // namespace dm::transport
