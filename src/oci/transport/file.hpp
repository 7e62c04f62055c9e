#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>

#include "base/bytes.hpp"

namespace dm::transport {

/// Takes bytes in order. What it throws ends the transfer.
using taker = std::function<void(byte_view)>;

/// Bytes that are read at once.
constexpr std::size_t piece_bytes = 256 << 10;

/// An open file. Failures are thrown with the path in the sentence.
class file {
  public:
    file() = default;
    file(int descriptor, std::string path) : fd_(descriptor), path_(std::move(path)) {}
    file(file&& other) noexcept
        : fd_(std::exchange(other.fd_, -1)), path_(std::move(other.path_)) {}
    file& operator=(file&& other) noexcept {
        std::swap(fd_, other.fd_);
        std::swap(path_, other.path_);
        return *this;
    }
    ~file();

    static file open(const std::string& path);
    /// Replaces what is there.
    static file create(const std::string& path);
    /// One without a name, in $TMPDIR or /var/tmp.
    static file temporary();

    int descriptor() const noexcept { return fd_; }
    const std::string& path() const noexcept { return path_; }
    bool is_regular() const;
    std::uint64_t size() const;
    void seek(std::uint64_t offset) const;
    /// 0 at the end.
    std::size_t read(std::span<std::byte> into) const;
    void write(byte_view all) const;
    /// From here to the end.
    void read_all(const taker& take) const;
    void sync() const;

  private:
    [[noreturn]] void raise_errno(const char* what) const;

    int fd_ = -1;
    std::string path_;
};

}  // namespace dm::transport
