#include "oci/transport/writers.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <set>

#include "crypto/hash.hpp"
#include "oci/image_config.hpp"
#include "oci/image_layout.hpp"
#include "oci/transport/errc.hpp"
#include "oci/transport/file_tree.hpp"

namespace dm::transport {
namespace {

class layout_writer final : public image_writer {
  public:
    layout_writer(std::unique_ptr<file_sink> into, std::string tag, const bytes& existing)
        : into_(std::move(into)), tag_(std::move(tag)) {
        if (!existing.empty())
            entries_ = value_or_throw(oci::parse_layout_index(existing)).manifests;
    }

    bool takes_indexes() const override { return true; }
    bool has(const oci::descriptor& blob) override {
        return into_->has(oci::layout_blob_path(blob.digest), blob.size);
    }
    void blob(const oci::descriptor& what,
              const std::function<void(const taker&)>& produce) override {
        into_->write(oci::layout_blob_path(what.digest), what.size, produce);
    }

    void document(const found_document& what, bool is_top) override {
        const auto path = oci::layout_blob_path(what.digest);
        if (!into_->has(path, what.raw.size()))
            into_->write(path, what.raw);
        if (!is_top)
            return;
        oci::descriptor entry;
        entry.media_type =
            oci::media_type_of(value_or_throw(oci::parse_document(what.raw, what.media_type)));
        entry.digest = what.digest;
        entry.size = what.raw.size();
        const std::string key(oci::ref_name_annotation);
        std::erase_if(entries_, [&](const oci::descriptor& e) {
            const auto named = e.annotations.find(key);
            return tag_.empty() ? named == e.annotations.end() && e.digest == entry.digest
                                : named != e.annotations.end() && named->second == tag_;
        });
        if (!tag_.empty())
            entry.annotations[key] = tag_;
        entries_.push_back(std::move(entry));
    }

    void finish() override {
        into_->write(std::string(oci::layout_file_name), as_bytes(oci::layout_file_text()));
        into_->write(std::string(oci::layout_index_name),
                     as_bytes(oci::layout_index_text(entries_)));
        into_->finish();
    }

  private:
    std::unique_ptr<file_sink> into_;
    std::string tag_;
    std::vector<oci::descriptor> entries_;
};

class docker_archive_writer final : public image_writer {
  public:
    docker_archive_writer(std::unique_ptr<file_sink> into, std::string name)
        : into_(std::move(into)), name_(std::move(name)) {}

    bool takes_indexes() const override { return false; }
    bool has(const oci::descriptor& blob) override { return written_.contains(blob.digest); }

    void blob(const oci::descriptor& what,
              const std::function<void(const taker&)>& produce) override {
        written_.insert(what.digest);
        if (what.kind() == oci::media_kind::config)
            return into_->write(config_path(what.digest), what.size, produce);
        if (what.kind() != oci::media_kind::layer)
            raise(errc::unsupported,
                  fmt::format("a Docker archive holds images, and {} is no layer of one",
                              what.media_type));
        const auto packed = file::temporary();
        produce([&](byte_view piece) { packed.write(piece); });
        const auto plain = file::temporary();
        packed.seek(0);
        expand(packed, [&](byte_view piece) { plain.write(piece); });
        plain.seek(0);
        into_->write(layer_path(what.digest), plain.size(),
                     [&](const taker& take) { plain.read_all(take); });
    }

    void document(const found_document& what, bool) override {
        const auto read = value_or_throw(oci::parse_document(what.raw, what.media_type));
        const auto* m = std::get_if<oci::manifest>(&read);
        if (!m)
            raise(errc::unsupported, "a Docker archive holds images of one platform only");
        auto layers = nlohmann::json::array();
        for (const auto& layer : m->layers)
            layers.push_back(layer_path(layer.digest));
        auto tags = nlohmann::json::array();
        if (!name_.empty())
            tags.push_back(name_);
        list_ = nlohmann::json::array({{{"Config", config_path(m->config.digest)},
                                        {"RepoTags", std::move(tags)},
                                        {"Layers", std::move(layers)}}})
                    .dump();
    }

    void finish() override {
        into_->write("manifest.json", as_bytes(list_));
        into_->finish();
    }

  private:
    static std::string config_path(const crypto::digest& d) { return d.hex() + ".json"; }
    static std::string layer_path(const crypto::digest& d) { return d.hex() + "/layer.tar"; }

    std::unique_ptr<file_sink> into_;
    std::string name_;
    std::string list_;
    std::set<crypto::digest> written_;
};

}  // namespace

std::unique_ptr<image_writer> write_layout(std::unique_ptr<file_sink> into, std::string tag,
                                           const bytes& existing) {
    return std::make_unique<layout_writer>(std::move(into), std::move(tag), existing);
}

std::unique_ptr<image_writer> write_docker_archive(std::unique_ptr<file_sink> into,
                                                   std::string name) {
    return std::make_unique<docker_archive_writer>(std::move(into), std::move(name));
}

}  // namespace dm::transport
