#pragma once

#include <filesystem>
#include <string>

#include "base/result.hpp"
#include "content/unixfs/profile.hpp"

namespace dm::cid_command {

/// Levels of directories below the argument, at most.
constexpr std::size_t directory_levels_max = 256;

struct cid_options {
    bool hidden = false;  ///< include entries whose names start with a dot
    unixfs::profile profile = unixfs::kubo_cid_v1;
};

/// What `ipfs add -r --cid-version=1 PATH` prints last: the CID of the file, directory tree or
/// symlink at `path`. Nothing is written, files are read in pieces. Entries below `path` with a
/// leading dot are skipped, empty directories are not; symlinks, `path` too, are taken as links;
/// sockets, pipes and devices are errors, as is what cannot be read. Errors carry errno, and a
/// sentence with the path.
result<std::string> cid_of_path(const std::filesystem::path& path, const cid_options& options = {});

}  // namespace dm::cid_command
