#include "daemon/cid/cid_command.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/unique_fd.hpp"
#include "content/unixfs/directory_builder.hpp"
#include "content/unixfs/file_builder.hpp"

namespace dm::cid_command {
namespace {

namespace fs = std::filesystem;
using unixfs::subtree;

const unixfs::block_sink nowhere = [](const unixfs::cid&, byte_view) {};

std::unexpected<error> cannot_read(const fs::path& path, std::error_code code) {
    return fail(error{code, "cannot read " + path.string() + ": " + code.message()});
}

std::unexpected<error> cannot_read(const fs::path& path, int number) {
    return cannot_read(path, std::error_code(number, std::generic_category()));
}

/// Fills as much of the buffer as the file has; 0 bytes at its end.
result<std::size_t> read_chunk(int fd, std::span<std::byte> buffer, const fs::path& path) {
    std::size_t size = 0;
    while (size < buffer.size()) {
        const auto n = ::read(fd, buffer.data() + size, buffer.size() - size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return cannot_read(path, errno);
        if (n == 0)
            break;
        size += static_cast<std::size_t>(n);
    }
    return size;
}

/// Walks a tree of the file system; `buffer` is one chunk, shared by all files.
class tree_hasher {
  public:
    explicit tree_hasher(const cid_options& options)
        : options_(options), buffer_(options.profile.chunk_bytes) {}

    result<subtree> any(const fs::path& path, std::size_t level) {
        std::error_code code;
        const auto status = fs::symlink_status(path, code);
        switch (status.type()) {
            case fs::file_type::regular:
                return file(path);
            case fs::file_type::directory:
                return directory(path, level);
            case fs::file_type::symlink:
                return symlink(path);
            case fs::file_type::not_found:
                return fail(error{std::make_error_code(std::errc::no_such_file_or_directory),
                                  "no such file or directory: " + path.string()});
            case fs::file_type::none:
                return cannot_read(path, code);
            default:
                return fail(error{std::make_error_code(std::errc::not_supported),
                                  path.string() + " is neither file, directory nor symlink"});
        }
    }

  private:
    result<subtree> file(const fs::path& path) {
        // Should a pipe or a link have come into its place, opening neither waits nor follows.
        const unique_fd fd(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
        if (!fd)
            return cannot_read(path, errno);
        unixfs::file_builder builder(nowhere, options_.profile);
        for (;;) {
            const auto size = read_chunk(fd.get(), buffer_, path);
            if (!size)
                return std::unexpected(size.error());
            if (*size == 0)
                return builder.finish();
            const auto chunk = byte_view{buffer_}.first(*size);
            builder.add_leaf(unixfs::make_leaf(chunk, options_.profile).node);
        }
    }

    result<subtree> symlink(const fs::path& path) {
        std::error_code code;
        const auto target = fs::read_symlink(path, code);
        if (code)
            return cannot_read(path, code);
        return unixfs::make_symlink(target.native(), nowhere, options_.profile);
    }

    result<subtree> directory(const fs::path& path, std::size_t level) {
        if (level == directory_levels_max)
            return fail(error{std::make_error_code(std::errc::filename_too_long),
                              "more than 256 levels of directories: " + path.string()});
        unixfs::directory_builder builder(nowhere, options_.profile);
        std::error_code code;
        fs::directory_iterator at(path, code);
        for (; !code && at != fs::directory_iterator(); at.increment(code)) {
            const auto name = at->path().filename().native();
            if (name.starts_with('.') && !options_.hidden)
                continue;
            const auto entry = any(at->path(), level + 1);
            if (!entry)
                return entry;
            if (const auto ok = builder.add(name, *entry); !ok)
                return std::unexpected(ok.error());
        }
        if (code)
            return cannot_read(path, code);
        return builder.finish();
    }

    const cid_options& options_;
    bytes buffer_;
};

}  // namespace

result<std::string> cid_of_path(const fs::path& path, const cid_options& options) {
    // "link/" means the link, as it does for ipfs.
    auto plain = path.lexically_normal();
    if (!plain.has_filename() && plain.has_relative_path())
        plain = plain.parent_path();
    const auto root = tree_hasher(options).any(plain, 0);
    if (!root)
        return std::unexpected(root.error());
    return root->root.to_string();
}

}  // namespace dm::cid_command
