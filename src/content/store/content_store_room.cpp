#include <fmt/format.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <set>

#include "base/format.hpp"
#include "base/log.hpp"
#include "content/store/content_store.hpp"

/// Room in the store: what is counted, and what makes way.
namespace dm::store {
namespace fs = std::filesystem;

/// What an arrival left that nobody goes on with.
struct content_store::dead_partial {
    fs::path file;
    std::uint64_t size = 0;
    fs::file_time_type written;
};

struct content_store::shortage {
    std::uint64_t of_limit = 0;
    std::uint64_t of_disk = 0;
    std::uint64_t bytes() const { return std::max(of_limit, of_disk); }
};

std::set<std::string> content_store::partials_in_use() const {
    std::set<std::string> out;
    for (const auto& s : slots_)
        out.insert(partial_file::name_of(s.opening ? *s.opening : s.blob->digest()));
    return out;
}

std::uint64_t content_store::disk_free_bytes() const {
    struct statvfs s{};
    if (::statvfs(folder_.c_str(), &s) != 0)
        return 0;
    return static_cast<std::uint64_t>(s.f_bavail) * s.f_frsize;
}

/// Blocks. Oldest first.
std::vector<content_store::dead_partial> content_store::dead_partials(
    const std::set<std::string>& in_use) const {
    std::vector<dead_partial> out;
    for (const auto& entry : fs::directory_iterator(folder_ / "partial")) {
        if (entry.path().extension() == ".map" || in_use.contains(entry.path().filename().string()))
            continue;
        std::error_code gone;
        dead_partial p{entry.path(), entry.file_size(gone), {}};
        if (gone)
            continue;
        p.written = entry.last_write_time(gone);
        out.push_back(std::move(p));
    }
    std::ranges::sort(out, {}, &dead_partial::written);
    return out;
}

/// Blocks. False when it is gone already, or is pinned and that counts.
bool content_store::drop_partial(const dead_partial& p, bool even_pinned) {
    const auto map = fs::path(p.file).concat(".map");
    if (!even_pinned)
        if (const auto known = partial_file::identify(map);
            known && index_->is_pinned(known->digest))
            return false;
    std::error_code ignored;  // gone already is as good
    const bool dropped = fs::remove(p.file, ignored);
    fs::remove(map, ignored);
    return dropped;
}

/// What `size` bytes, of which `on_disk` are there already, lack beside all that has been promised.
content_store::shortage content_store::shortage_of(std::uint64_t size, std::uint64_t on_disk,
                                                   std::uint64_t dead_bytes) const {
    auto held = blob_bytes_ + dead_bytes + size;
    auto to_write = size - on_disk;
    for (const auto& s : slots_) {
        if (!s.blob) {
            held += s.reserved;
            to_write += s.reserved - std::min(s.reserved, s.on_disk);
        } else if (s.blob->failed()) {
            held += s.blob->received();
        } else if (!s.blob->complete()) {
            held += s.blob->size();
            to_write += s.blob->size() - s.blob->received();
        }
    }
    for (const auto* u : uploads_) {
        held += std::max(u->reserved(), u->received());
        to_write += u->reserved() - std::min(u->reserved(), u->received());
    }
    shortage out;
    if (options_.size_max != 0 && held > options_.size_max)
        out.of_limit = held - options_.size_max;
    const auto free = disk_free_bytes();
    if (free < to_write + options_.disk_reserve_bytes)
        out.of_disk = to_write + options_.disk_reserve_bytes - free;
    return out;
}

/// Under `room_`.
awaitable<void> content_store::make_room(std::uint64_t size, std::uint64_t on_disk) {
    // Without a limit only the disk counts, and what is dead is on it.
    if (options_.size_max == 0 && shortage_of(size, on_disk, 0).bytes() == 0)
        co_return;
    const auto dead =
        co_await workers_.run([&, in_use = partials_in_use()] { return dead_partials(in_use); });
    std::uint64_t dead_bytes = 0;
    for (const auto& p : dead)
        dead_bytes += p.size;
    const auto lacking = [&] { return shortage_of(size, on_disk, dead_bytes); };
    if (lacking().bytes() == 0)
        co_return;
    for (const auto& p : dead) {
        if (!co_await workers_.run([&] { return drop_partial(p, false); }))
            continue;
        log::info("partial blob evicted",
                  {{"file", p.file.filename().string()}, {"bytes", p.size}});
        dead_bytes -= p.size;
        if (lacking().bytes() == 0)
            co_return;
    }
    for (const auto& blob : co_await workers_.run([&] { return index_->unpinned(); })) {
        if (!co_await remove_blob(blob, false))
            continue;
        log::info("blob evicted", {{"digest", blob.digest.to_string()}, {"bytes", blob.size}});
        if (lacking().bytes() == 0)
            co_return;
    }
    const auto missing = lacking();
    if (missing.bytes() == 0)
        co_return;
    raise(errc::no_space,
          missing.of_limit != 0
              ? fmt::format("needs {} more than the store's limit of {} leaves: raise "
                            "--store-limit or remove an image",
                            to_size_text(missing.bytes()), to_size_text(options_.size_max))
              : fmt::format("needs {} of disk space, {} more than is free in {}",
                            to_size_text(size - on_disk), to_size_text(missing.bytes()),
                            folder_.string()));
}

/// False when it is gone already, or is pinned and that counts.
awaitable<bool> content_store::remove_blob(blob_info blob, bool even_pinned) {
    const bool removed = co_await workers_.run([&] {
        const std::scoped_lock lock(renaming_);
        if (!index_->remove(blob.digest, even_pinned))
            return false;
        std::error_code
            ignored;  // a file that stays is taken into the index again at the next start
        fs::remove(blob_path(blob.digest), ignored);
        return true;
    });
    if (removed)
        blob_bytes_ -= std::min(blob_bytes_, blob.size);
    co_return removed;
}

awaitable<std::uint64_t> content_store::collect_garbage() {
    const auto turn = co_await room_.acquire();  // nobody opens a partial blob meanwhile
    std::uint64_t freed = 0;
    for (const auto& blob : co_await workers_.run([&] { return index_->unpinned(); }))
        if (co_await remove_blob(blob, false))
            freed += blob.size;
    co_return freed + co_await workers_.run([&, in_use = partials_in_use()] {
        std::uint64_t sum = 0;
        for (const auto& p : dead_partials(in_use))
            sum += drop_partial(p, true) ? p.size : 0;
        return sum;
    });
}

}  // namespace dm::store
