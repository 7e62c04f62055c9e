#include "content/store/content_store.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>

#include <cassert>
#include <chrono>
#include <cstring>
#include <set>

#include "base/format.hpp"
#include "base/log.hpp"
#include "content/store/file_dag.hpp"

namespace dm::store {
namespace {

namespace fs = std::filesystem;
using crypto::digest;

std::int64_t now_seconds() {
    return std::chrono::duration_cast<std::chrono::seconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

void write_file(const fs::path& path, std::string_view text) {
    const auto temporary = fs::path(path).concat(".new");
    const unique_fd file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
    bool good = static_cast<bool>(file);
    while (good && !text.empty()) {
        const auto n = ::write(file.get(), text.data(), text.size());
        good = n > 0 || (n < 0 && errno == EINTR);
        text.remove_prefix(n > 0 ? static_cast<std::size_t>(n) : 0);
    }
    // Synced before it takes the name: a power cut leaves the old file or the new one, none empty.
    if (!good || ::fsync(file.get()) != 0)
        raise(errno == ENOSPC ? errc::no_space : errc::failed,
              fmt::format("cannot write {}: {}", temporary.string(), std::strerror(errno)));
    fs::rename(temporary, path);
}

/// A file that is empty was torn by a power cut.
bool has_content(const fs::path& path) {
    std::error_code absent;
    return fs::file_size(path, absent) > 0 && !absent;
}

unique_fd open_for_reading(const fs::path& path) {
    return unique_fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
}

/// The blob files below blobs/, whatever the index thinks.
std::vector<std::pair<fs::path, digest>> blob_files(const fs::path& folder) {
    std::vector<std::pair<fs::path, digest>> out;
    for (const auto algorithm : {crypto::hash_algorithm::sha256, crypto::hash_algorithm::sha512}) {
        const auto name = crypto::name_of(algorithm);
        for (const auto& entry : fs::directory_iterator(folder / "blobs" / name)) {
            const auto d =
                crypto::parse_digest(fmt::format("{}:{}", name, entry.path().filename().string()));
            if (d && entry.is_regular_file())
                out.emplace_back(entry.path(), *d);
        }
    }
    return out;
}

}  // namespace

arrival_lease::arrival_lease(content_store& owner, slot& s, bool writer)
    : owner_(owner), slot_(&s), writer_(writer) {
    ++s.users;
}

arrival_lease::~arrival_lease() {
    if (slot_)
        owner_.release(*slot_, writer_);
}

content_store::content_store(executor ex, aio::pool& workers, fs::path folder, options o)
    : executor_(ex),
      workers_(workers),
      folder_(std::move(folder)),
      options_(o),
      cleanup_(ex),
      room_(ex, 1),
      opened_(std::move(ex)) {
    fs::create_directories(folder_ / "blobs" / "sha256");
    fs::create_directories(folder_ / "blobs" / "sha512");
    fs::create_directories(folder_ / "partial");
    fs::create_directories(folder_ / "uploads");
    take_lock();
    if (!has_content(folder_ / "oci-layout"))
        write_file(folder_ / "oci-layout", R"({"imageLayoutVersion":"1.0.0"})");
    if (!has_content(folder_ / "index.json"))
        write_file(folder_ / "index.json", R"({"schemaVersion":2,"manifests":[]})");
    index_ = std::make_unique<block_index>(folder_ / "store.db");
    reconcile_folder();
}

content_store::~content_store() {
    assert(slots_.empty() && uploads_.empty() && "the store is stopped before it is destroyed");
}

void content_store::take_lock() {
    const auto path = folder_ / "lock";
    lock_ = unique_fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (!lock_)
        raise(errc::failed, fmt::format("cannot open {}: {}", path.string(), std::strerror(errno)));
    if (::flock(lock_.get(), LOCK_EX | LOCK_NB) == 0)
        return;
    raise(errc::in_use,
          fmt::format("{} is in use by another distromash process: stop that one, or choose "
                      "another --data-dir",
                      folder_.string()));
}

/// Makes index and folder agree: a crash may have come between the rename of a blob and its index
/// entry.
void content_store::reconcile_folder() {
    std::set<digest> indexed;
    for (const auto& blob : index_->all()) {
        std::error_code code;
        if (fs::file_size(blob_path(blob.digest), code) == blob.size && !code) {
            indexed.insert(blob.digest);
            blob_bytes_ += blob.size;
        } else {
            log::warn("blob is missing from the folder", {{"digest", blob.digest.to_string()}});
            index_->remove(blob.digest);
        }
    }
    for (const auto& [path, d] : blob_files(folder_))
        if (!indexed.contains(d))
            adopt(path, d);
    for (const auto& entry : fs::directory_iterator(folder_ / "uploads"))
        fs::remove(entry.path());
    for (const auto& entry : fs::directory_iterator(folder_ / "partial")) {
        if (entry.path().extension() != ".map")
            continue;
        const auto known = partial_file::identify(entry.path());
        const auto data = fs::path(entry.path()).replace_extension();
        if (!known || index_->find(known->digest) || !fs::exists(data)) {
            fs::remove(data);
            fs::remove(entry.path());
        }
    }
}

void content_store::adopt(const fs::path& path, const digest& d) {
    const auto file = open_for_reading(path);
    crypto::hasher whole(d.algorithm());
    std::vector<leaf_hash> leaves;
    bytes buffer(leaf_bytes);
    std::uint64_t size = 0;
    for (;;) {
        const auto n = ::pread(file.get(), buffer.data(), buffer.size(), static_cast<off_t>(size));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            log::error("blob cannot be read",
                       {{"file", path.string()}, {"reason", std::strerror(errno)}});
            return;
        }
        if (n == 0)
            break;
        const auto leaf = byte_view(buffer).first(static_cast<std::size_t>(n));
        whole.update(leaf);
        leaves.push_back(crypto::sha256(leaf));
        size += leaf.size();
    }
    if (size == 0)
        leaves.push_back(crypto::sha256({}));
    if (whole.finish() != d) {
        log::warn("removed a file that does not match its name", {{"file", path.string()}});
        fs::remove(path);
        return;
    }
    auto dag = build_file_dag(leaves, size);
    index_->add({d, size, dag.root, dag.dag_size}, leaves, dag.nodes, now_seconds());
    blob_bytes_ += size;
    log::info("blob taken into the index", {{"digest", d.to_string()}, {"bytes", size}});
}

fs::path content_store::blob_path(const digest& d) const {
    return folder_ / "blobs" / crypto::name_of(d.algorithm()) / d.hex();
}

awaitable<void> content_store::stop() {
    co_await cleanup_.join();
}

awaitable<std::optional<blob_info>> content_store::find(digest d) {
    co_return co_await workers_.run([&] { return index_->find(d); });
}

awaitable<std::vector<digest>> content_store::missing(std::vector<digest> digests) {
    co_return co_await workers_.run([&] {
        std::erase_if(digests, [&](const digest& d) { return index_->find(d).has_value(); });
        return std::move(digests);
    });
}

awaitable<std::optional<open_blob>> content_store::open(digest d) {
    co_return co_await workers_.run([&]() -> std::optional<open_blob> {
        const auto info = index_->find(d);
        if (!info)
            return std::nullopt;
        auto file = open_for_reading(blob_path(d));
        if (!file)
            return std::nullopt;
        index_->touch(d, now_seconds());
        return open_blob{*info, std::move(file)};
    });
}

awaitable<bytes> content_store::read(digest d, std::size_t size_max) {
    const auto blob = co_await open(d);
    if (!blob)
        raise(errc::not_found, fmt::format("{} is not in the store", d.to_string()));
    if (blob->info.size > size_max)
        raise(aio::errc::too_much_data, fmt::format("{} has {} bytes, more than the {} allowed",
                                                    d.to_string(), blob->info.size, size_max));
    co_return co_await workers_.run([&] {
        bytes out(blob->info.size);
        const auto n = ::pread(blob->file.get(), out.data(), out.size(), 0);
        if (n != static_cast<ssize_t>(out.size()))
            raise(errc::damaged, fmt::format("{} is shorter than it was", d.to_string()));
        return out;
    });
}

awaitable<std::optional<blob_info>> content_store::find_root(multiformats::cid root) {
    co_return co_await workers_.run([&] { return index_->find_root(root); });
}

awaitable<std::optional<bytes>> content_store::block(multiformats::cid cid) {
    co_return co_await workers_.run([&]() -> std::optional<bytes> {
        auto place = index_->locate(cid);
        if (!place)
            return std::nullopt;
        if (!place->blob)
            return std::move(place->inline_data);
        const auto file = open_for_reading(blob_path(*place->blob));
        bytes out(place->length);
        if (!file || ::pread(file.get(), out.data(), out.size(),
                             static_cast<off_t>(place->offset)) != static_cast<ssize_t>(out.size()))
            return std::nullopt;
        return out;
    });
}

awaitable<std::vector<leaf_hash>> content_store::leaves(digest d) {
    co_return co_await workers_.run([&] {
        auto out = index_->leaves(d);
        // A leaf like an earlier one has no entry of its own.
        const auto file = open_for_reading(blob_path(d));
        bytes leaf(leaf_bytes);
        for (std::size_t i = 0; i < out.size(); ++i) {
            if (out[i] != leaf_hash{})
                continue;
            const auto n =
                ::pread(file.get(), leaf.data(), leaf.size(), static_cast<off_t>(i * leaf_bytes));
            if (n < 0)
                return std::vector<leaf_hash>{};
            out[i] = crypto::sha256(byte_view(leaf).first(static_cast<std::size_t>(n)));
        }
        return out;
    });
}

awaitable<std::vector<std::optional<std::uint64_t>>> content_store::block_sizes(
    std::vector<multiformats::cid> cids) {
    co_return co_await workers_.run([&] {
        std::vector<std::optional<std::uint64_t>> out;
        for (const auto& cid : cids) {
            const auto place = index_->locate(cid);
            out.push_back(place ? std::optional(place->length) : std::nullopt);
        }
        return out;
    });
}

awaitable<std::vector<blob_info>> content_store::blobs() {
    co_return co_await workers_.run([&] { return index_->all(); });
}

content_store::slot* content_store::live_slot(const digest& d) {
    for (auto& s : slots_)
        if (s.opening == d ||
            (s.blob && s.blob->digest() == d && !s.blob->failed() && !s.blob->complete()))
            return &s;
    return nullptr;
}

std::optional<arrival_lease> content_store::arriving(const digest& d) {
    if (auto* s = live_slot(d); s && s->blob)
        return arrival_lease(*this, *s, false);
    return std::nullopt;
}

content_store::slot* content_store::ended_slot(const digest& d) {
    for (auto& s : slots_)
        if (s.blob && s.blob->digest() == d && !s.blob->settled())
            return &s;
    return nullptr;
}

awaitable<std::optional<arrival_lease>> content_store::receive(digest d, std::uint64_t size) {
    for (;;) {
        if (auto* s = live_slot(d)) {
            if (s->blob)
                co_return std::nullopt;
            co_await opened_.wait();
        } else if (auto* ended = ended_slot(d)) {
            // An arrival that has ended may still be writing to the same files.
            const arrival_lease old(*this, *ended, false);
            co_await old->settle();
        } else {
            break;
        }
    }
    // The place is taken before anything is awaited, so that there is one writer.
    slots_.emplace_back();
    auto& s = slots_.back();
    s.opening = d;
    try {
        const auto turn = co_await room_.acquire();
        s.on_disk = co_await workers_.run([&]() -> std::uint64_t {
            const auto name = folder_ / "partial" / partial_file::name_of(d);
            const auto known = partial_file::identify(fs::path(name).concat(".map"));
            std::error_code code;
            const auto there = fs::file_size(name, code);
            return known && known->size == size && !code ? std::min(there, size) : 0;
        });
        co_await make_room(size, s.on_disk);
        s.reserved = size;
        s.blob = co_await workers_.run([&] {
            return std::make_unique<arrival>(executor_, workers_, folder_ / "partial", d, size);
        });
    } catch (...) {
        erase(s);
        opened_.notify_all();
        throw;
    }
    s.opening.reset();
    opened_.notify_all();
    arrival_lease lease(*this, s, true);
    arrivals_.tell(d);
    co_return lease;
}

awaitable<blob_info> content_store::finish(arrival_lease& lease) {
    auto& a = *lease;
    std::optional<error> wrong;
    try {
        co_await a.finish();
    } catch (const failure& e) {
        if (e.code() != errc::wrong_digest)
            throw;
        wrong = e.reason();
    }
    if (wrong) {
        a.mark_failed(*wrong);
        co_await workers_.run([&] { a.files().remove(); });
        throw failure(*wrong);
    }
    bool is_new = true;  // an upload may have brought it meanwhile
    auto info = co_await workers_.run([&] {
        auto dag = build_file_dag(a.leaves(), a.size());
        blob_info blob{a.digest(), a.size(), dag.root, dag.dag_size};
        a.files().sync();
        const std::scoped_lock lock(renaming_);
        is_new = !index_->find(a.digest());
        a.files().publish(blob_path(a.digest()));
        index_->add(blob, a.leaves(), dag.nodes, now_seconds());
        a.files().remove_map();
        return blob;
    });
    blob_bytes_ += is_new ? info.size : 0;
    a.mark_complete();
    completed_.tell(info);
    co_return info;
}

void content_store::release(slot& s, bool writer) noexcept {
    if (writer && !s.blob->complete() && !s.blob->failed())
        s.blob->mark_failed(
            {make_error_code(std::errc::operation_canceled), "the transfer was interrupted"});
    if (--s.users > 0 || s.settling)
        return;
    if (s.blob->settled()) {
        erase(s);
    } else {
        s.settling = true;
        cleanup_.spawn("settle arrival", settle_and_erase(s));
    }
}

void content_store::erase(const slot& s) {
    slots_.remove_if([&](const slot& other) { return &other == &s; });
}

awaitable<void> content_store::settle_and_erase(slot& s) {
    co_await s.blob->settle();
    s.settling = false;
    if (s.users == 0)
        erase(s);
}

awaitable<blob_info> content_store::put(digest d, byte_view data) {
    for (;;) {
        if (const auto known = co_await find(d))
            co_return *known;
        if (auto other = arriving(d)) {
            co_await (*other)->ended();
            continue;
        }
        auto lease = co_await receive(d, data.size());
        if (!lease)
            continue;
        auto rest = data.subspan((*lease)->received());
        while (!rest.empty()) {
            const auto part = rest.first(std::min<std::size_t>(rest.size(), leaf_bytes));
            rest = rest.subspan(part.size());
            if (!(*lease)->write(part))
                co_await (*lease)->ready();
        }
        co_return co_await finish(*lease);
    }
}

awaitable<void> content_store::pin(std::string name, std::vector<digest> blobs,
                                   std::vector<dag_node> nodes) {
    co_await workers_.run([&] { index_->pin(name, blobs, nodes, now_seconds()); });
}

awaitable<void> content_store::pin_also(std::string name, std::vector<digest> blobs,
                                        std::vector<dag_node> nodes) {
    co_await workers_.run([&] { index_->pin_also(name, blobs, nodes, now_seconds()); });
}

awaitable<void> content_store::move_pin(std::string from, std::string to) {
    co_await workers_.run([&] { index_->move_pin(from, to, now_seconds()); });
}

awaitable<bool> content_store::unpin(std::string name) {
    co_return co_await workers_.run([&] { return index_->unpin(name); });
}

awaitable<std::vector<block_index::pin_entry>> content_store::pins(std::string prefix) {
    co_return co_await workers_.run([&] { return index_->pins(prefix); });
}

awaitable<struct stat> content_store::stat() {
    auto out = co_await workers_.run([&] {
        struct stat s;
        for (const auto& blob : index_->all()) {
            ++s.blobs;
            s.blob_bytes += blob.size;
        }
        s.pinned_bytes = s.blob_bytes;
        for (const auto& blob : index_->unpinned())
            s.pinned_bytes -= blob.size;
        for (const auto& entry : fs::directory_iterator(folder_ / "partial"))
            if (entry.path().extension() != ".map") {
                ++s.partial_blobs;
                std::error_code gone;
                const auto size = entry.file_size(gone);
                s.partial_bytes += gone ? 0 : size;
            }
        return s;
    });
    out.size_max = options_.size_max;
    out.disk_free_bytes = disk_free_bytes();
    co_return out;
}

awaitable<std::vector<damage>> content_store::verify(std::function<void(std::uint64_t)> progress) {
    std::vector<damage> out;
    std::uint64_t done = 0;
    for (const auto& blob : co_await workers_.run([&] { return index_->all(); })) {
        const auto file = open_for_reading(blob_path(blob.digest));
        crypto::hasher whole(blob.digest.algorithm());
        std::string what;
        for (std::uint64_t at = 0; at < blob.size;) {
            constexpr std::uint64_t slice_bytes = 64 * leaf_bytes;
            const auto end = std::min(blob.size, at + slice_bytes);
            co_await workers_.run([&] {
                bytes leaf(leaf_bytes);
                for (; at < end; at += leaf_bytes) {
                    const auto n = std::min<std::uint64_t>(leaf_bytes, blob.size - at);
                    leaf.resize(n);
                    const bool read = ::pread(file.get(), leaf.data(), n, static_cast<off_t>(at)) ==
                                      static_cast<ssize_t>(n);
                    if (what.empty() &&
                        (!read || !index_->has_leaf(blob.digest, crypto::sha256(leaf))))
                        what = fmt::format("bytes {}-{} are not what they were", at, at + n - 1);
                    whole.update(leaf);
                }
            });
            if (progress)
                progress(done + end);
        }
        done += blob.size;
        if (whole.finish() == blob.digest)
            continue;
        if (!co_await remove_blob(blob, true))
            continue;  // it was evicted meanwhile
        log::error("damaged blob dropped", {{"digest", blob.digest.to_string()}, {"what", what}});
        out.push_back({blob.digest, blob.size, what});
    }
    co_return out;
}

awaitable<void> content_store::write_layout_index(std::string json) {
    co_await workers_.run([&] { write_file(folder_ / "index.json", json); });
}

}  // namespace dm::store
