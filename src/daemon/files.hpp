#pragma once

#include <sys/types.h>

#include <filesystem>
#include <functional>
#include <optional>
#include <string_view>

#include "base/bytes.hpp"
#include "libp2p/pnet/swarm_key.hpp"

namespace dm::daemon {

/// Throws cannot_use_data: "cannot read FILE: …". `code` is an errno.
[[noreturn]] void cannot(std::string_view what, const std::filesystem::path& path, int code);

/// Durable, and there as a whole or not at all. Throws failure.
void write_new_file(const std::filesystem::path& path, byte_view data, mode_t mode);
bytes read_file(const std::filesystem::path& path, int file, std::size_t size_max);
/// nullopt when there is no such file.
std::optional<bytes> read_if_there(const std::filesystem::path& path, std::size_t size_max);
/// Hands over what is in the lines of a file, with their numbers, without those that are empty or
/// comments; of list_file_bytes_max at most.
void each_line(const std::filesystem::path& path,
               const std::function<void(std::string_view line, int number)>& take);
constexpr std::size_t list_file_bytes_max = 1 << 20;
/// The key in a file; nullopt when there is no such file. Throws bad_swarm_key.
std::optional<pnet::swarm_key> read_swarm_key(const std::filesystem::path& path);
/// Nothing when there is none.
void remove_file(const std::filesystem::path& path);

}  // namespace dm::daemon
