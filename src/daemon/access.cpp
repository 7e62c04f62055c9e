#include "daemon/access.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include "daemon/errc.hpp"

namespace dm::daemon {
namespace {

constexpr std::size_t file_bytes_max = 8 << 20;

std::string read_file(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    std::string out;
    std::string piece(64 << 10, '\0');
    while (in.read(piece.data(), static_cast<std::streamsize>(piece.size())) || in.gcount() > 0) {
        out.append(piece, 0, static_cast<std::size_t>(in.gcount()));
        if (out.size() > file_bytes_max)
            raise(errc::bad_option, fmt::format("{} is too large", path));
    }
    if (!in.eof())
        raise(errc::bad_option, fmt::format("cannot read {}: {}", path, std::strerror(errno)));
    return out;
}

template <class List>
List load(const std::string& path) {
    if (path.empty())
        return {};
    auto list = List::parse(read_file(path));
    if (!list)
        raise(errc::bad_option, fmt::format("{}, {}", path, list.error().message()));
    return *std::move(list);
}

}  // namespace

std::optional<aio::tls_identity> load_identity(const guarding& files) {
    if (files.cert.empty())
        return std::nullopt;
    return std::optional<aio::tls_identity>(std::in_place, files.cert, files.key);
}

std::unique_ptr<access::guard> load_guard(aio::pool& workers, const guarding& files) {
    if (!files.knows_callers())
        return nullptr;
    auto passwords = load<access::password_list>(files.htpasswd);
    auto tokens = load<access::token_list>(files.tokens);
    if (passwords.empty() && tokens.empty())
        raise(errc::bad_option,
              fmt::format("{} names nobody: nobody could come in",
                          files.htpasswd.empty() ? files.tokens : files.htpasswd));
    return std::make_unique<access::guard>(workers, std::move(passwords), std::move(tokens));
}

access::rule_list load_rules(const guarding& files) {
    return load<access::rule_list>(files.access);
}

}  // namespace dm::daemon
