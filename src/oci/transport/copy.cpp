#include <fmt/format.h>

#include <algorithm>

#include "crypto/hash.hpp"
#include "oci/transport/errc.hpp"
#include "oci/transport/image_end.hpp"

namespace dm::transport {
namespace {

class copy {
  public:
    copy(image_reader& from, image_writer& to, const copy_options& o)
        : from_(from), to_(to), options_(o) {}

    copied run() {
        auto top = from_.top();
        if (!to_.takes_indexes())
            top = single(std::move(top));
        out_.digest = top.digest;
        document(top, 1);
        to_.finish();
        return out_;
    }

  private:
    static oci::document parse(const found_document& d) {
        return value_or_throw(oci::parse_document(d.raw, d.media_type));
    }

    found_document need(const oci::descriptor& entry) {
        auto found = from_.document(entry);
        if (!found)
            raise(errc::not_found, fmt::format("the source does not have {}, which its index names",
                                               entry.digest.to_string()));
        return *std::move(found);
    }

    /// The image for one platform.
    found_document single(found_document top) {
        const auto wanted = options_.platforms && !options_.platforms->empty()
                                ? options_.platforms->front()
                                : options_.own_platform;
        for (std::size_t depth = 0; depth < oci::index_depth_max; ++depth) {
            const auto read = parse(top);
            const auto* index = std::get_if<oci::image_index>(&read);
            if (!index)
                return top;
            top = need(value_or_throw(oci::select_entry(*index, wanted)));
        }
        return top;
    }

    bool is_wanted(const oci::image_index& index, const oci::descriptor& entry) const {
        if (!options_.platforms)
            return true;
        return std::ranges::any_of(*options_.platforms, [&](const oci::platform& p) {
            return value_or_throw(oci::select_entry(index, p)).digest == entry.digest;
        });
    }

    void document(const found_document& d, std::size_t depth) {
        const auto read = parse(d);
        if (const auto* m = std::get_if<oci::manifest>(&read)) {
            for (const auto& blob : oci::stored_blobs(*m))
                copy_blob(blob);
        } else {
            if (depth > oci::index_depth_max)
                raise(errc::too_large, fmt::format("more than {} indexes are nested in each other",
                                                   oci::index_depth_max));
            children(std::get<oci::image_index>(read), depth);
        }
        to_.document(d, depth == 1);
        out_.documents.push_back(d.digest);
    }

    void children(const oci::image_index& index, std::size_t depth) {
        std::size_t found = 0;
        for (const auto& entry : index.manifests) {
            if (!is_wanted(index, entry))
                continue;
            const auto child = from_.document(entry);
            if (!child && options_.platforms)
                need(entry);
            if (!child)
                continue;
            ++found;
            document(*child, depth + 1);
        }
        if (found == 0 && !index.manifests.empty())
            raise(errc::not_found, "the source has none of the platforms that were asked for");
    }

    void copy_blob(const oci::descriptor& what) {
        if (to_.has(what)) {
            tell(what.size);
            return;
        }
        to_.blob(what, [&](const taker& take) {
            crypto::hasher hash(what.digest.algorithm());
            from_.blob(what, [&](byte_view piece) {
                hash.update(piece);
                if (hash.size() > what.size)
                    wrong(what);
                take(piece);
                tell(piece.size());
            });
            // A writer makes nothing of it before this has passed.
            if (hash.size() != what.size || hash.finish() != what.digest)
                wrong(what);
        });
        out_.bytes_written += what.size;
    }

    [[noreturn]] static void wrong(const oci::descriptor& what) {
        raise(errc::wrong_content,
              fmt::format("the source's bytes for {} do not match its digest and size of {}",
                          what.digest.to_string(), what.size));
    }

    void tell(std::uint64_t bytes) const {
        if (options_.progress)
            options_.progress(bytes);
    }

    image_reader& from_;
    image_writer& to_;
    const copy_options& options_;
    copied out_;
};

}  // namespace

copied copy_image(image_reader& from, image_writer& to, const copy_options& o) {
    return copy(from, to, o).run();
}

}  // namespace dm::transport
