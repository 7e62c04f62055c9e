#include <fmt/format.h>

#include "crypto/hash.hpp"
#include "oci/image_layout.hpp"
#include "oci/transport/errc.hpp"
#include "oci/transport/readers.hpp"

namespace dm::transport {
namespace {

std::string tag_of(const oci::descriptor& d) {
    const auto found = d.annotations.find(std::string(oci::ref_name_annotation));
    return found == d.annotations.end() ? std::string{} : found->second;
}

class layout_reader final : public image_reader {
  public:
    layout_reader(std::unique_ptr<file_tree> from, const std::string& tag)
        : from_(std::move(from)) {
        const auto name = [](std::string_view n) { return std::string(n); };
        if (!from_->size(name(oci::layout_file_name)))
            raise(errc::not_found,
                  fmt::format("{} is no OCI image layout: it has no oci-layout", from_->name()));
        value_or_throw(
            oci::check_layout_file(read_small(*from_, name(oci::layout_file_name), 4096)));
        const auto index = value_or_throw(oci::parse_layout_index(
            read_small(*from_, name(oci::layout_index_name), oci::manifest_bytes_max)));
        pick(index, tag);
    }

    found_document top() override {
        auto found = document(top_);
        if (!found)
            raise(errc::not_found, fmt::format("{} does not have {}, which its index.json names",
                                               from_->name(), top_.digest.to_string()));
        return *std::move(found);
    }

    std::optional<found_document> document(const oci::descriptor& what) override {
        const auto path = oci::layout_blob_path(what.digest);
        if (!from_->size(path))
            return std::nullopt;
        auto raw = read_small(*from_, path, oci::manifest_bytes_max);
        if (crypto::hash_of(what.digest.algorithm(), raw) != what.digest)
            raise(errc::wrong_content, fmt::format("{} in {} does not match its digest",
                                                   what.digest.to_string(), from_->name()));
        return found_document{what.digest, what.media_type, std::move(raw)};
    }

    void blob(const oci::descriptor& what, const taker& take) override {
        from_->read(oci::layout_blob_path(what.digest), take);
    }

  private:
    void pick(const oci::image_index& index, const std::string& tag) {
        std::string names;
        const oci::descriptor* found = nullptr;
        std::size_t n = 0;
        for (const auto& entry : index.manifests) {
            const auto called = tag_of(entry);
            names += (names.empty() ? "" : ", ") + (called.empty() ? "(no tag)" : called);
            if (!tag.empty() && called != tag)
                continue;
            found = &entry;
            ++n;
        }
        if (n == 0)
            raise(errc::not_found, fmt::format("{} has no image \"{}\", only: {}", from_->name(),
                                               tag, names.empty() ? "none" : names));
        if (n > 1)
            raise(errc::not_found, fmt::format("{} has {} images, name one of: {}", from_->name(),
                                               index.manifests.size(), names));
        top_ = *found;
    }

    std::unique_ptr<file_tree> from_;
    oci::descriptor top_;
};

}  // namespace

std::unique_ptr<image_reader> read_layout(std::unique_ptr<file_tree> from, const std::string& tag) {
    return std::make_unique<layout_reader>(std::move(from), tag);
}

}  // namespace dm::transport
