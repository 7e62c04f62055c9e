#include "daemon/data_dir.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>

#include <cerrno>

#include "crypto/random.hpp"
#include "daemon/errc.hpp"
#include "daemon/files.hpp"
#include "multiformats/peer_id.hpp"

namespace dm::daemon {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t key_file_bytes_max = crypto::key_data_max + 64;
constexpr std::string_view peerstore_template =
    R"(# Nodes to connect to first, one multiaddress a line, as the other node prints it at its start:
# copy this file to "peerstore" beside it and put them in.
#
# /ip4/192.0.2.10/tcp/33123/p2p/12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA
#
# The older spelling /ipfs/ in place of /p2p/ is understood, too. Lines that start with # are ignored.
)";

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
    return read_swarm_key(folder_ / swarm_key_name);
}

void data_dir::write_swarm_key(const pnet::swarm_key& key) const {
    write_new_file(folder_ / swarm_key_name, as_bytes(pnet::to_text(key)), 0600);
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

void data_dir::add_to_peerstore(std::string_view address) const {
    const auto path = folder_ / "peerstore";
    bool is_there = false;
    each_line(path, [&](std::string_view line, int) { is_there |= line == address; });
    if (is_there)
        return;
    auto text = read_if_there(path, list_file_bytes_max).value_or(bytes{});
    if (!text.empty() && text.back() != std::byte{'\n'})
        append(text, "\n");
    append(text, address);
    append(text, "\n");
    write_new_file(path, text, 0644);
}

std::vector<multiformats::peer_id> data_dir::operators() const {
    std::vector<multiformats::peer_id> out;
    const auto path = folder_ / operators_name;
    each_line(path, [&](std::string_view line, int number) {
        const auto id = multiformats::parse_peer_id(line);
        if (!id)
            raise(errc::bad_operators,
                  fmt::format("{}, line {}: \"{}\" is no peer id", path.string(), number, line));
        out.push_back(*id);
    });
    return out;
}

void data_dir::write_operators(const std::vector<multiformats::peer_id>& roots) const {
    std::string text =
        "# The first operators of the mesh, whom this node obeys; they may appoint others.\n";
    for (const auto& id : roots)
        text += id.to_string() + "\n";
    write_new_file(folder_ / operators_name, as_bytes(text), 0644);
}

std::vector<host::known_peer> data_dir::peerstore() const {
    std::vector<host::known_peer> out;
    const auto path = folder_ / "peerstore";
    each_line(path, [&](std::string_view line, int number) {
        auto peer = host::parse_known_peer(line);
        if (!peer)
            raise(errc::bad_peerstore,
                  fmt::format("{}, line {}: {}", path.string(), number, peer.error().message()));
        out.push_back(*std::move(peer));
    });
    return out;
}

}  // namespace dm::daemon
