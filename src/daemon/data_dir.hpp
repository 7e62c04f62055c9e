#pragma once

#include <filesystem>

#include "base/unique_fd.hpp"
#include "crypto/key.hpp"

namespace dm::daemon {

/// The folder of one node:
///   privateKey, peerstore.template, store/, state.db, lock
/// Held by one process at a time; the lock ends with the process, however that ends.
class data_dir {
  public:
    /// Makes the folder where there is none. Throws failure: cannot_use_data, in_use.
    explicit data_dir(std::filesystem::path folder);

    std::filesystem::path operator/(std::string_view name) const { return folder_ / name; }

    /// The key that makes the node who it is, made on the first start (mode 0400). Throws
    /// failure: bad_identity, cannot_use_data.
    crypto::private_key identity() const;

  private:
    std::filesystem::path folder_;
    unique_fd lock_;
};

}  // namespace dm::daemon
