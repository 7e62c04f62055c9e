#include <fmt/format.h>

#include <filesystem>

#include "oci/transport/errc.hpp"
#include "oci/transport/file_tree.hpp"

namespace dm::transport {
namespace {

namespace fs = std::filesystem;

class folder_tree final : public file_tree {
  public:
    explicit folder_tree(const std::string& path) {
        std::error_code code;
        root_ = fs::canonical(path, code);
        if (code || !fs::is_directory(root_))
            raise(errc::not_found, fmt::format("{} is no folder", path));
    }

    std::optional<std::uint64_t> size(const std::string& path) override {
        const auto where = find(path);
        return where ? std::optional(file::open(where->string()).size()) : std::nullopt;
    }

    void read(const std::string& path, const taker& take) override {
        const auto where = find(path);
        if (!where)
            raise(errc::not_found, fmt::format("{} has no {}", name(), path));
        file::open(where->string()).read_all(take);
    }

    std::string name() const override { return root_.string(); }

  private:
    std::optional<fs::path> find(const std::string& path) const {
        std::error_code code;
        auto where = fs::canonical(root_ / path, code);
        if (code || !fs::is_regular_file(where))
            return std::nullopt;
        const auto inside = where.lexically_relative(root_);
        if (inside.empty() || *inside.begin() == "..")
            raise(errc::unsafe_archive, fmt::format("{} leads out of {}", path, name()));
        return where;
    }

    fs::path root_;
};

}  // namespace

std::unique_ptr<file_tree> open_folder(const std::string& path) {
    return std::make_unique<folder_tree>(path);
}

bytes read_small(file_tree& from, const std::string& path, std::size_t bytes_max) {
    bytes out;
    from.read(path, [&](byte_view piece) {
        if (out.size() + piece.size() > bytes_max)
            raise(errc::too_large,
                  fmt::format("{} in {} has more than {} bytes", path, from.name(), bytes_max));
        append(out, piece);
    });
    return out;
}

}  // namespace dm::transport
