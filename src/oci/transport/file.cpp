#include "oci/transport/file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <system_error>

#include "oci/transport/errc.hpp"

namespace dm::transport {
namespace {

[[noreturn]] void cannot(const char* what, const std::string& path, int code) {
    raise(code == ENOENT ? errc::not_found : errc::failed,
          fmt::format("cannot {} {}: {}", what, path, std::generic_category().message(code)));
}

int open_or_throw(const char* what, const std::string& path, int flags) {
    const int fd = ::open(path.c_str(), flags | O_CLOEXEC, 0644);
    if (fd < 0)
        cannot(what, path, errno);
    return fd;
}

}  // namespace

file::~file() {
    if (fd_ >= 0)
        ::close(fd_);
}

void file::raise_errno(const char* what) const {
    cannot(what, path_, errno);
}

file file::open(const std::string& path) {
    if (path == "-")
        return {::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3), "standard input"};
    return {open_or_throw("read", path, O_RDONLY), path};
}

file file::create(const std::string& path) {
    return {open_or_throw("write", path, O_RDWR | O_CREAT | O_TRUNC), path};
}

file file::temporary() {
    const char* const said = std::getenv("TMPDIR");
    std::string path = std::string(said && *said ? said : "/var/tmp") + "/distromash-XXXXXX";
    const int fd = ::mkostemp(path.data(), O_CLOEXEC);
    if (fd < 0)
        cannot("write", path, errno);
    ::unlink(path.c_str());
    return {fd, path};
}

bool file::is_regular() const {
    struct stat s{};
    return ::fstat(fd_, &s) == 0 && S_ISREG(s.st_mode);
}

std::uint64_t file::size() const {
    struct stat s{};
    if (::fstat(fd_, &s) != 0)
        raise_errno("read");
    return static_cast<std::uint64_t>(s.st_size);
}

void file::seek(std::uint64_t offset) const {
    if (::lseek(fd_, static_cast<off_t>(offset), SEEK_SET) < 0)
        raise_errno("read");
}

std::size_t file::read(std::span<std::byte> into) const {
    for (;;) {
        const auto n = ::read(fd_, into.data(), into.size());
        if (n >= 0)
            return static_cast<std::size_t>(n);
        if (errno != EINTR)
            raise_errno("read");
    }
}

void file::write(byte_view all) const {
    while (!all.empty()) {
        const auto n = ::write(fd_, all.data(), all.size());
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            raise_errno("write");
        all = all.subspan(static_cast<std::size_t>(n));
    }
}

void file::read_all(const taker& take) const {
    bytes piece(piece_bytes);
    while (const auto n = read(piece))
        take(byte_view(piece).first(n));
}

void file::sync() const {
    if (::fsync(fd_) != 0 && errno != EINVAL)
        raise_errno("write");
}

}  // namespace dm::transport
