#pragma once

#include <memory>
#include <string>

#include "oci/transport/file.hpp"

namespace dm::transport {

/// Files under relative paths, to write: a folder or a tar.
class file_sink {
  public:
    virtual ~file_sink() = default;

    virtual bool has(const std::string& path, std::uint64_t size) = 0;
    /// All of one file; what `produce` throws leaves nothing of it behind.
    virtual void write(const std::string& path, std::uint64_t size,
                       const std::function<void(const taker&)>& produce) = 0;
    /// What was written becomes visible under its name, in a tar only now.
    virtual void finish() = 0;

    void write(const std::string& path, byte_view all) {
        write(path, all.size(), [all](const taker& take) { take(all); });
    }
};

std::unique_ptr<file_sink> write_folder(const std::string& path);
/// A tar beside its place until finish(); replaces what is there.
std::unique_ptr<file_sink> write_archive(const std::string& path);
/// A tar into an open file.
std::unique_ptr<file_sink> write_archive(const file& into);

}  // namespace dm::transport
