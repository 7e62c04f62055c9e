#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "base/format.hpp"
#include "base/unique_fd.hpp"
#include "cli/command.hpp"
#include "cli/errc.hpp"

namespace dm::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t tree_depth_max = 64;

[[noreturn]] void cannot_write(const fs::path& path, int code) {
    raise(errc::cannot_write,
          fmt::format("cannot write {}: {}", path.string(), std::strerror(code)));
}

void write_all(int file, const fs::path& path, byte_view data) {
    while (!data.empty()) {
        const auto n = ::write(file, data.data(), data.size());
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            cannot_write(path, errno);
        data = data.subspan(static_cast<std::size_t>(n));
    }
}

/// Entry names come from whoever made the tree: none may lead out of the folder.
bool is_safe_name(std::string_view name) {
    return !name.empty() && name != "." && name != ".." && !name.contains('/') &&
           !name.contains('\0');
}

class tree_writer {
  public:
    explicit tree_writer(node_client& node) : node_(node) {}

    void write(const std::string& cid, const fs::path& to, std::size_t depth = 0) {
        if (depth > tree_depth_max)
            raise(errc::failed, "the tree is too deep");
        const auto here = node_.get("/ls/" + segment(cid));
        const auto type = text(here, "type");
        if (type == "file")
            write_file(cid, to, number(here, "size"));
        else if (type == "symlink")
            raise(errc::failed, fmt::format("{} is a symbolic link to {}: links are not followed",
                                            printable(cid), printable(text(here, "target"))));
        else
            write_folder(here, to, depth);
    }

    std::uint64_t bytes_written() const noexcept { return bytes_; }

  private:
    void write_folder(const json& here, const fs::path& to, std::size_t depth) {
        std::error_code code;
        if (!fs::create_directory(to, code))
            cannot_write(to, code ? code.value() : EEXIST);
        for (const auto& entry : member(here, "entries")) {
            const auto name = text(entry, "name");
            if (!is_safe_name(name))
                raise(errc::failed, fmt::format("the tree has an entry named \"{}\", which is no "
                                                "file name",
                                                printable(name)));
            const auto type = text(entry, "type");
            if (type == "absent")
                raise(errc::failed, fmt::format("{} ({}) is neither on the node nor with its peers",
                                                printable(name), printable(text(entry, "cid"))));
            if (type == "file")
                write_file(text(entry, "cid"), to / name, number(entry, "size"));
            else
                write(text(entry, "cid"), to / name, depth + 1);
        }
    }

    void write_file(const std::string& cid, const fs::path& to, std::uint64_t size) {
        const unique_fd file(
            ::open(to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644));
        if (!file)
            cannot_write(to, errno);
        std::uint64_t done = 0;
        node_.read("/cat/" + segment(cid), [&](byte_view piece) {
            write_all(file.get(), to, piece);
            done += piece.size();
            line_.show(to.filename().string(), done, size, 0);
        });
        bytes_ += done;
    }

    node_client& node_;
    progress_line line_;
    std::uint64_t bytes_ = 0;
};

void get(node_client& node, const std::string& cid, std::string out) {
    if (out == "-") {
        node.read("/cat/" + segment(cid),
                  [](byte_view piece) { write_all(STDOUT_FILENO, "standard output", piece); });
        return;
    }
    if (out.empty())
        out = fs::path(cid).filename().string();
    std::uint64_t bytes = 0;
    {
        tree_writer writer(node);
        writer.write(cid, out);
        bytes = writer.bytes_written();
    }
    print(fmt::format("{} written, {}\n", printable(out), to_size_text(bytes)));
}

}  // namespace

void add_get_command(CLI::App& app, const context& c) {
    auto& command =
        add_command(app, c, "get", "write a file or tree of the node or its peers to disk",
                    "  distromash get bafybei… -o folder\n"
                    "  distromash get bafkrei… -o - | less");
    const auto cid = std::make_shared<std::string>();
    const auto out = std::make_shared<std::string>();
    command.add_option("cid", *cid, "root of the content")->type_name("CID")->required();
    command
        .add_option("-o,--out", *out,
                    "where to write it, which must not be there yet; - for standard output")
        ->type_name("OUT");
    on_run(command, c, [cid, out](node_client& node) { get(node, *cid, *out); });
}

}  // namespace dm::cli
