#include <archive.h>
#include <archive_entry.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <array>
#include <string_view>
#include <vector>

#include "oci/transport/errc.hpp"
#include "oci/transport/file_tree.hpp"

namespace dm::transport {
namespace {

struct close_archive {
    void operator()(archive* a) const noexcept { archive_read_free(a); }
};
using reader = std::unique_ptr<archive, close_archive>;

[[noreturn]] void raise_malformed(archive* a, const std::string& name) {
    const char* const said = archive_error_string(a);
    raise(errc::malformed_archive,
          fmt::format("{} is no archive that can be read: {}", name, said ? said : "damaged"));
}

/// From where the file stands.
reader open_reader(const file& from, bool is_tar) {
    reader out(archive_read_new());
    if (is_tar) {
        archive_read_support_format_tar(out.get());
    } else {
        archive_read_support_format_raw(out.get());
        archive_read_support_format_empty(out.get());
        archive_read_support_filter_gzip(out.get());
        archive_read_support_filter_zstd(out.get());
    }
    if (archive_read_open_fd(out.get(), from.descriptor(), piece_bytes) != ARCHIVE_OK)
        raise_malformed(out.get(), from.path());
    return out;
}

/// The data of the entry that the reader stands at; holes are zeros.
void read_data(archive* a, const std::string& name, const taker& take) {
    bytes piece(piece_bytes);
    for (;;) {
        const auto n = archive_read_data(a, piece.data(), piece.size());
        if (n < 0)
            raise_malformed(a, name);
        if (n == 0)
            return;
        take(byte_view(piece).first(static_cast<std::size_t>(n)));
    }
}

/// Without those that say nothing: "", ".".
std::vector<std::string_view> parts_of(std::string_view path) {
    std::vector<std::string_view> out;
    while (!path.empty()) {
        const auto end = path.find('/');
        const auto part = path.substr(0, end);
        path.remove_prefix(end == std::string_view::npos ? path.size() : end + 1);
        if (!part.empty() && part != ".")
            out.push_back(part);
    }
    return out;
}

void append_part(std::string& path, std::string_view part) {
    path.append(path.empty() ? "" : "/").append(part);
}

/// "./a//b" → "a/b". Throws unsafe_archive where it leads out.
std::string clean_path(std::string_view path, const std::string& archive_name) {
    const auto refuse = [&](errc code, std::string_view why) {
        raise(code, fmt::format("{} holds a path that {}", archive_name, why));
    };
    if (path.size() > archive_path_bytes_max)
        refuse(errc::too_large, fmt::format("is longer than {}", archive_path_bytes_max));
    if (path.starts_with('/'))
        refuse(errc::unsafe_archive, "is absolute");
    std::string out;
    for (const auto part : parts_of(path)) {
        if (part == "..")
            refuse(errc::unsafe_archive, "leads out of it (..)");
        append_part(out, part);
    }
    return out;
}

/// Where a symbolic link at `from` leads: ".." is allowed as long as it stays inside.
std::string link_target(std::string_view from, std::string_view to, const std::string& name) {
    if (to.starts_with('/'))
        raise(errc::unsafe_archive, fmt::format("{} holds a link to an absolute path", name));
    std::string at(from.substr(0, from.contains('/') ? from.rfind('/') : 0));
    for (const auto part : parts_of(to)) {
        if (part != "..") {
            append_part(at, part);
            continue;
        }
        if (at.empty())
            raise(errc::unsafe_archive, fmt::format("{} holds a link that leads out of it", name));
        at.resize(at.contains('/') ? at.rfind('/') : 0);
    }
    return clean_path(at, name);
}

class archive_tree final : public file_tree {
  public:
    archive_tree(file content, std::string name)
        : content_(std::move(content)), name_(std::move(name)) {
        content_.seek(0);
        const auto a = open_reader(content_, true);
        archive_entry* entry = nullptr;
        std::uint64_t total = 0;
        const auto there = content_.size();
        for (;;) {
            const int code = archive_read_next_header(a.get(), &entry);
            if (code == ARCHIVE_EOF)
                break;
            if (code != ARCHIVE_OK && code != ARCHIVE_WARN)
                raise_malformed(a.get(), name_);
            add(a.get(), entry);
            total += static_cast<std::uint64_t>(std::max<la_int64_t>(0, archive_entry_size(entry)));
            // A sparse file of a few bytes may say that it is terabytes long.
            if (total > there)
                raise(errc::unsafe_archive,
                      fmt::format("{} says that it holds more bytes than it has", name_));
        }
    }

    std::optional<std::uint64_t> size(const std::string& path) override {
        const auto* found = find(path);
        return found ? std::optional(found->size) : std::nullopt;
    }

    void read(const std::string& path, const taker& take) override {
        const auto* found = find(path);
        if (!found)
            raise(errc::not_found, fmt::format("{} has no {}", name_, path));
        content_.seek(found->header);
        const auto a = open_reader(content_, true);
        archive_entry* entry = nullptr;
        const int code = archive_read_next_header(a.get(), &entry);
        if (code != ARCHIVE_OK && code != ARCHIVE_WARN)
            raise_malformed(a.get(), name_);
        read_data(a.get(), name_, take);
    }

    std::string name() const override { return name_; }

  private:
    struct place {
        std::uint64_t header = 0;
        std::uint64_t size = 0;
        std::string link = {};  ///< of a link: where it leads
    };

    void add(archive* a, archive_entry* entry) {
        if (++entries_ > archive_entries_max)
            raise(errc::too_large,
                  fmt::format("{} has more than {} entries", name_, archive_entries_max));
        const char* const raw = archive_entry_pathname(entry);
        const auto path = clean_path(raw ? raw : "", name_);
        place p{static_cast<std::uint64_t>(archive_read_header_position(a)),
                static_cast<std::uint64_t>(std::max<la_int64_t>(0, archive_entry_size(entry)))};
        const auto type = archive_entry_filetype(entry);
        if (const char* const to = archive_entry_hardlink(entry)) {
            p.link = clean_path(to, name_);
        } else if (type == AE_IFLNK) {
            const char* const target = archive_entry_symlink(entry);
            p.link = link_target(path, target ? target : "", name_);
        } else if (type == AE_IFDIR) {
            return;
        } else if (type != AE_IFREG) {
            raise(errc::unsafe_archive,
                  fmt::format("{} holds something that is neither file, folder nor link", name_));
        }
        if (path.empty() || !places_.try_emplace(path, std::move(p)).second)
            raise(errc::unsafe_archive, fmt::format("{} holds \"{}\" twice", name_, path));
    }

    const place* find(std::string path) const {
        path = clean_path(path, name_);
        for (std::size_t i = 0; i <= archive_links_max; ++i) {
            const auto found = places_.find(path);
            if (found == places_.end())
                return nullptr;
            if (found->second.link.empty())
                return &found->second;
            path = found->second.link;
        }
        raise(errc::unsafe_archive,
              fmt::format("{} holds more than {} links in a row", name_, archive_links_max));
    }

    file content_;
    std::string name_;
    std::map<std::string, place> places_;
    std::size_t entries_ = 0;
};

file spool(const file& from) {
    auto out = file::temporary();
    from.read_all([&](byte_view piece) { out.write(piece); });
    out.seek(0);
    return out;
}

bool is_compressed(const file& content) {
    std::array<std::byte, 4> first{};
    content.seek(0);
    const auto n = content.read(first);
    content.seek(0);
    return compression_of(byte_view(first).first(n)) != compression::none;
}

}  // namespace

compression compression_of(byte_view b) noexcept {
    using namespace std::string_view_literals;
    const auto front = as_chars(b);
    if (front.starts_with("\x1f\x8b"sv))
        return compression::gzip;
    return front.starts_with("\x28\xb5\x2f\xfd"sv) ? compression::zstd : compression::none;
}

void expand(const file& from, const taker& take) {
    const auto a = open_reader(from, false);
    archive_entry* entry = nullptr;
    const int code = archive_read_next_header(a.get(), &entry);
    if (code == ARCHIVE_EOF)
        return;
    if (code != ARCHIVE_OK && code != ARCHIVE_WARN)
        raise_malformed(a.get(), from.path());
    std::uint64_t out = 0;
    read_data(a.get(), from.path(), [&](byte_view piece) {
        out += piece.size();
        const auto in = static_cast<std::uint64_t>(archive_filter_bytes(a.get(), -1));
        if (out > expansion_free_bytes && out / expansion_ratio_max >= in)
            raise(errc::too_large, fmt::format("{} expands to more than {} times its size",
                                               from.path(), expansion_ratio_max));
        take(piece);
    });
}

std::unique_ptr<file_tree> open_archive(const std::string& path) {
    return open_archive(file::open(path));
}

std::unique_ptr<file_tree> open_archive(file source) {
    auto name = source.path();
    if (!source.is_regular())
        source = spool(source);
    if (is_compressed(source)) {
        auto plain = file::temporary();
        expand(source, [&](byte_view piece) { plain.write(piece); });
        source = std::move(plain);
    }
    return std::make_unique<archive_tree>(std::move(source), std::move(name));
}

}  // namespace dm::transport
