#include "oci/registry/upload_table.hpp"

#include <fmt/format.h>

#include <cassert>

#include "base/hex.hpp"
#include "crypto/random.hpp"
#include "oci/registry/errc.hpp"

namespace dm::registry {
namespace {

constexpr std::size_t id_bytes = 16;

steady_time now() {
    return std::chrono::steady_clock::now();
}

}  // namespace

upload_table::~upload_table() {
    assert(sessions_.empty());
}

upload_table::use upload_table::begin(const std::string& repository) {
    if (sessions_.size() >= uploads_max && !make_room())
        raise(errc::too_many_uploads);
    auto id = to_hex(crypto::random_bytes(id_bytes));
    auto& s = sessions_[id];
    s.id = std::move(id);
    s.repository = repository;
    s.blob = store_.begin_upload();
    s.used = now();
    return {*this, s};
}

/// Those without a byte go first: an upload that has begun costs its client more.
bool upload_table::make_room() {
    auto oldest = sessions_.end();
    const auto worth = [](const upload_session& s) {
        return std::pair(s.blob->received() > 0, s.used);
    };
    for (auto it = sessions_.begin(); it != sessions_.end(); ++it)
        if (!it->second.busy &&
            (oldest == sessions_.end() || worth(it->second) < worth(oldest->second)))
            oldest = it;
    if (oldest == sessions_.end())
        return false;
    erase(oldest);
    return true;
}

upload_table::sessions::iterator upload_table::find(const std::string& repository,
                                                    const std::string& id) {
    const auto it = sessions_.find(id);
    if (it == sessions_.end() || it->second.repository != repository || it->second.dropped)
        raise(errc::upload_unknown);
    return it;
}

upload_table::use upload_table::take(const std::string& repository, const std::string& id) {
    auto& s = find(repository, id)->second;
    if (s.busy)
        raise(errc::upload_busy);
    s.used = now();
    return {*this, s};
}

void upload_table::cancel(const std::string& repository, const std::string& id) {
    const auto it = find(repository, id);
    if (it->second.busy)
        it->second.dropped = true;
    else
        erase(it);
}

void upload_table::drop_unused(steady_time since) {
    for (auto it = sessions_.begin(); it != sessions_.end();) {
        const auto next = std::next(it);
        if (!it->second.busy && it->second.used < since)
            erase(it);
        it = next;
    }
}

void upload_table::release(upload_session& s) {
    s.busy = false;
    s.used = now();
    if (s.dropped)
        erase(sessions_.find(s.id));
}

void upload_table::erase(sessions::iterator which) {
    store_.discard(std::move(which->second.blob));
    sessions_.erase(which);
}

}  // namespace dm::registry
