#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/sqlite/database.hpp"
#include "crypto/digest.hpp"

namespace dm::registry {

/// Answers of a page of tags, repositories or referrers at most, whatever the client asks for.
constexpr std::size_t page_max = 1000;

/// A manifest or index that was pushed.
struct pushed_manifest {
    crypto::digest digest;
    std::string media_type;
    std::uint64_t size = 0;
    std::optional<crypto::digest> subject = {};
    std::string artifact_type = {};  ///< as referrers show it; may be empty
    std::map<std::string, std::string> annotations = {};

    friend bool operator==(const pushed_manifest&, const pushed_manifest&) = default;
};

/// A manifest in a repository.
struct repository_manifest {
    std::string repository;
    crypto::digest digest;
};

/// What was pushed to this node: which manifests, tags and blobs each repository has. The bytes are
/// the store's. SQLite, WAL, synchronous=FULL; all calls block and may come from any thread.
/// Repositories are paths ("team/app") and exist while something is in them.
class repositories {
  public:
    explicit repositories(const std::filesystem::path& file);

    bool exists(const std::string& repository);
    /// In order, behind `last`, at most `n`.
    std::vector<std::string> list(const std::string& last, std::size_t n);

    enum class presence { unknown, here, removed };
    /// `removed`: it was deleted, and is not to be found elsewhere under this name either.
    presence find_blob(const std::string& repository, const crypto::digest& d);
    void add_blob(const std::string& repository, const crypto::digest& d);
    /// False when it was not there.
    bool remove_blob(const std::string& repository, const crypto::digest& d);
    /// Some repository that has the blob.
    std::optional<std::string> repository_with(const crypto::digest& blob);

    std::optional<pushed_manifest> find_manifest(const std::string& repository,
                                                 const crypto::digest& d);
    std::optional<pushed_manifest> find_tag(const std::string& repository, const std::string& tag);
    /// Puts the manifest and lets the tags stand for it, in one step.
    void put_manifest(const std::string& repository, const pushed_manifest& m,
                      const std::vector<std::string>& tags);
    /// Removes it with its tags, and says which those were; nullopt when it was not there.
    std::optional<std::vector<std::string>> remove_manifest(const std::string& repository,
                                                            const crypto::digest& d);
    /// What the tag stood for; nullopt when there was none.
    std::optional<crypto::digest> remove_tag(const std::string& repository, const std::string& tag);
    bool is_used(const crypto::digest& manifest);  ///< by any repository
    /// The manifests of all repositories, each once.
    std::vector<crypto::digest> manifests();

    /// In order, behind `last`, at most `n`.
    std::vector<std::string> tags(const std::string& repository, const std::string& last,
                                  std::size_t n);
    std::vector<std::string> tags_of(const std::string& repository, const crypto::digest& d);
    /// Those whose subject is `d`, by digest behind `last`, at most `n`; with `artifact_type` only
    /// such.
    std::vector<pushed_manifest> referrers(const std::string& repository, const crypto::digest& d,
                                           const std::string& artifact_type,
                                           const std::string& last, std::size_t n);

  private:
    std::int64_t id_of(const std::string& repository);
    void drop_if_empty(const std::string& repository);
    bool remove_row(const char* statement, const std::string& repository, const crypto::digest& d);

    std::mutex mutex_;
    sqlite::database db_;
};

}  // namespace dm::registry
