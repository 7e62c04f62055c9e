#include "daemon/files.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/unique_fd.hpp"
#include "daemon/errc.hpp"

namespace dm::daemon {

namespace fs = std::filesystem;

void cannot(std::string_view what, const fs::path& path, int code) {
    raise(errc::cannot_use_data,
          fmt::format("cannot {} {}: {}", what, path.string(), std::strerror(code)));
}

namespace {

void sync_folder(const fs::path& folder) {
    const unique_fd handle(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!handle || ::fsync(handle.get()) != 0)
        cannot("sync", folder, errno);
}

}  // namespace

void write_new_file(const fs::path& path, byte_view data, mode_t mode) {
    const auto temporary = fs::path(path).concat(".new");
    ::unlink(temporary.c_str());
    {
        const unique_fd file(
            ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
        if (!file)
            cannot("make", temporary, errno);
        const auto n = ::write(file.get(), data.data(), data.size());
        if (n != static_cast<ssize_t>(data.size()) || ::fsync(file.get()) != 0)
            cannot("write", temporary, n < 0 ? errno : ENOSPC);
    }
    if (::rename(temporary.c_str(), path.c_str()) != 0)
        cannot("make", path, errno);
    sync_folder(path.parent_path());
}

bytes read_file(const fs::path& path, int file, std::size_t size_max) {
    bytes out(size_max);
    std::size_t have = 0;
    while (have < out.size()) {
        const auto n = ::read(file, out.data() + have, out.size() - have);
        if (n < 0)
            cannot("read", path, errno);
        if (n == 0)
            break;
        have += static_cast<std::size_t>(n);
    }
    out.resize(have);
    return out;
}

std::optional<bytes> read_if_there(const fs::path& path, std::size_t size_max) {
    const unique_fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (file)
        return read_file(path, file.get(), size_max);
    if (errno != ENOENT)
        cannot("read", path, errno);
    return std::nullopt;
}

void each_line(const fs::path& path, const std::function<void(std::string_view, int)>& take) {
    const auto text = read_if_there(path, list_file_bytes_max);
    if (!text)
        return;
    int number = 0;
    for (auto rest = as_chars(*text); !rest.empty();) {
        ++number;
        const auto end = rest.find('\n');
        auto line = rest.substr(0, end);
        rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
        line = line.substr(0, line.find_last_not_of(" \t\r") + 1);
        line = line.substr(std::min(line.find_first_not_of(" \t"), line.size()));
        if (!line.empty() && line.front() != '#')
            take(line, number);
    }
}

std::optional<pnet::swarm_key> read_swarm_key(const fs::path& path) {
    const auto text = read_if_there(path, pnet::swarm_key_file_bytes_max);
    if (!text)
        return std::nullopt;
    auto key = pnet::parse_swarm_key(as_chars(*text));
    if (!key)
        raise(errc::bad_swarm_key,
              fmt::format("{} is {}; copy it again from another node of the mesh", path.string(),
                          key.error().message()));
    return *key;
}

void remove_file(const fs::path& path) {
    if (::unlink(path.c_str()) != 0 && errno != ENOENT)
        cannot("remove", path, errno);
    sync_folder(path.parent_path());
}

}  // namespace dm::daemon
