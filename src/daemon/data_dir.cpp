#include "daemon/data_dir.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "crypto/random.hpp"
#include "daemon/errc.hpp"
#include "multiformats/peer_id.hpp"

namespace dm::daemon {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t key_file_bytes_max = crypto::key_data_max + 64;
constexpr std::size_t peerstore_bytes_max = 1 << 20;
constexpr std::string_view peerstore_template =
    R"(# Nodes to connect to first, one multiaddress a line, as the other node prints it at its start:
# copy this file to "peerstore" beside it and put them in.
#
# /ip4/192.0.2.10/tcp/33123/p2p/12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA
#
# The older spelling /ipfs/ in place of /p2p/ is understood, too. Lines that start with # are ignored.
)";

[[noreturn]] void cannot(std::string_view what, const fs::path& path, int code) {
    raise(errc::cannot_use_data,
          fmt::format("cannot {} {}: {}", what, path.string(), std::strerror(code)));
}

void sync_folder(const fs::path& folder) {
    const unique_fd handle(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!handle || ::fsync(handle.get()) != 0)
        cannot("sync", folder, errno);
}

/// Durable, and there as a whole or not at all.
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

}  // namespace

data_dir::data_dir(fs::path folder) : folder_(std::move(folder)) {
    std::error_code code;
    fs::create_directories(folder_, code);
    if (code)
        cannot("make the data folder", folder_, code.value());
    const auto lock_file = folder_ / "lock";
    lock_ = unique_fd(::open(lock_file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (!lock_)
        cannot("open", lock_file, errno);
    if (::flock(lock_.get(), LOCK_EX | LOCK_NB) != 0)
        raise(errc::in_use,
              fmt::format("another distromash already uses {}: stop that one, or choose another "
                          "--data-dir",
                          folder_.string()));
    const auto example = folder_ / "peerstore.template";
    if (!fs::exists(example, code))
        write_new_file(example, as_bytes(peerstore_template), 0644);
}

crypto::private_key data_dir::identity() const {
    const auto path = folder_ / "privateKey";
    const unique_fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (file) {
        auto key =
            multiformats::unmarshal_private_key(read_file(path, file.get(), key_file_bytes_max));
        if (!key)
            raise(errc::bad_identity,
                  fmt::format("{} is no private key: {}; restore it from a backup, or move it away "
                              "and this node gets a new identity",
                              path.string(), key.error().message()));
        return *std::move(key);
    }
    if (errno != ENOENT)
        cannot("read", path, errno);
    auto key = crypto::private_key::generate();
    write_new_file(path, multiformats::marshal(key), 0400);
    return key;
}

std::optional<pnet::swarm_key> data_dir::swarm_key() const {
    const auto path = folder_ / swarm_key_name;
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

bool data_dir::make_swarm_key() const {
    const auto path = folder_ / swarm_key_name;
    if (fs::exists(path))
        return false;
    pnet::swarm_key key;
    crypto::fill_random(key);
    write_new_file(path, as_bytes(pnet::to_text(key)), 0600);
    return true;
}

std::vector<host::known_peer> data_dir::peerstore() const {
    const auto path = folder_ / "peerstore";
    const auto text = read_if_there(path, peerstore_bytes_max);
    if (!text)
        return {};
    std::vector<host::known_peer> out;
    int number = 0;
    for (auto rest = as_chars(*text); !rest.empty();) {
        ++number;
        const auto end = rest.find('\n');
        auto line = rest.substr(0, end);
        rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
        line = line.substr(0, line.find_last_not_of(" \t\r") + 1);
        line = line.substr(std::min(line.find_first_not_of(" \t"), line.size()));
        if (line.empty() || line.front() == '#')
            continue;
        auto peer = host::parse_known_peer(line);
        if (!peer)
            raise(errc::bad_peerstore,
                  fmt::format("{}, line {}: {}", path.string(), number, peer.error().message()));
        out.push_back(*std::move(peer));
    }
    return out;
}

}  // namespace dm::daemon
