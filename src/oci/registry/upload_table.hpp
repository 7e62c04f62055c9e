#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.hpp"
#include "content/store/content_store.hpp"

namespace dm::registry {

/// Uploads that are open at once; the one that was idle for longest makes room for another.
constexpr std::size_t uploads_max = 1024;

/// A blob that a client is sending.
struct upload_session {
    std::string id;
    std::string repository;
    std::unique_ptr<store::upload> blob;
    steady_time used{};
    bool busy = false;     ///< a request works on it
    bool dropped = false;  ///< cancelled meanwhile: that request ends it
};

/// The open uploads, by their random ids. They end with the process.
class upload_table {
  public:
    /// The store outlives it.
    explicit upload_table(store::content_store& store) : store_(store) {}
    upload_table(const upload_table&) = delete;
    upload_table& operator=(const upload_table&) = delete;
    /// None is left: the store has to be there when they end.
    ~upload_table();

    /// Keeps a session for one request; idle again, or gone where it was dropped, at its end.
    class use {
      public:
        use(upload_table& owner, upload_session& s) : owner_(&owner), session_(&s) {
            s.busy = true;
        }
        use(use&& other) noexcept
            : owner_(other.owner_), session_(std::exchange(other.session_, nullptr)) {}
        use& operator=(use&&) = delete;
        ~use() {
            if (session_)
                owner_->release(*session_);
        }
        upload_session* operator->() const noexcept { return session_; }
        upload_session& operator*() const noexcept { return *session_; }
        /// Nothing of it is left when this ends.
        void drop() const noexcept { session_->dropped = true; }

      private:
        upload_table* owner_;
        upload_session* session_;
    };

    /// Throws too_many_uploads when all of uploads_max are being worked on.
    use begin(const std::string& repository);
    /// Throws upload_unknown, and upload_busy while another request works on it.
    use take(const std::string& repository, const std::string& id);
    /// Throws upload_unknown. One that is being worked on ends with that request.
    void cancel(const std::string& repository, const std::string& id);
    /// Ends those that nobody has used since then.
    void drop_unused(steady_time since);

    std::size_t size() const noexcept { return sessions_.size(); }

  private:
    using sessions = std::map<std::string, upload_session, std::less<>>;

    sessions::iterator find(const std::string& repository, const std::string& id);
    void erase(sessions::iterator which);
    void release(upload_session& s);
    bool make_room();

    store::content_store& store_;
    sessions sessions_;
};

}  // namespace dm::registry
