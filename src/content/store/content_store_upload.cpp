#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "content/store/content_store.hpp"
#include "content/store/file_dag.hpp"

/// Blobs that come without a name.
namespace dm::store {
namespace {

/// The digest of a whole file, by another function than it was hashed with on its way in.
crypto::digest digest_of_file(int file, crypto::hash_algorithm algorithm) {
    crypto::hasher hash(algorithm);
    bytes piece(upload_block_bytes);
    for (;;) {
        const auto n = ::pread(file, piece.data(), piece.size(), static_cast<off_t>(hash.size()));
        if (n < 0)
            raise(errc::failed, std::strerror(errno));
        if (n == 0)
            return hash.finish();
        hash.update(byte_view(piece).first(static_cast<std::size_t>(n)));
    }
}

void publish(int file, const std::filesystem::path& from, const std::filesystem::path& to) {
    if (::fchmod(file, 0644) != 0 || ::rename(from.c_str(), to.c_str()) != 0)
        raise(errno == ENOSPC ? errc::no_space : errc::failed,
              fmt::format("cannot write {}: {}", to.string(), std::strerror(errno)));
}

}  // namespace

std::unique_ptr<upload> content_store::begin_upload() {
    auto out = std::make_unique<upload>(executor_, workers_,
                                        folder_ / "uploads" / std::to_string(++uploads_begun_));
    uploads_.push_back(out.get());
    return out;
}

awaitable<void> content_store::make_room(upload& u, std::uint64_t more) {
    const auto wanted = u.received() + more;
    if (wanted <= u.reserved_)
        co_return;
    const auto turn = co_await room_.acquire();
    const auto step = wanted - u.reserved_;
    co_await make_room(step, 0);
    u.reserved_ += step;
}

awaitable<blob_info> content_store::finish(upload& u, crypto::digest expected) {
    co_await u.complete();
    bool is_new = false;
    auto info = co_await workers_.run([&] {
        auto whole = u.whole_;
        const auto found = expected.algorithm() == whole.algorithm()
                               ? whole.finish()
                               : digest_of_file(u.file_.get(), expected.algorithm());
        if (found != expected)
            raise(errc::wrong_digest,
                  fmt::format("the {} bytes received are {}, not {}", u.received(),
                              found.to_string(), expected.to_string()));
        if (::fdatasync(u.file_.get()) != 0)
            raise(errno == ENOSPC ? errc::no_space : errc::failed, std::strerror(errno));
        const std::scoped_lock lock(renaming_);
        if (const auto known = index_->find(expected))
            return *known;
        auto dag = build_file_dag(u.leaves_, u.received());
        blob_info blob{expected, u.received(), dag.root, dag.dag_size};
        publish(u.file_.get(), u.path_, blob_path(expected));
        u.made_ = false;
        index_->add(blob, u.leaves_, dag.nodes,
                    std::chrono::duration_cast<std::chrono::seconds>(
                        std::chrono::system_clock::now().time_since_epoch())
                        .count());
        is_new = true;
        return blob;
    });
    std::erase(uploads_, &u);
    if (is_new) {
        blob_bytes_ += info.size;
        completed_.tell(info);
    }
    co_return info;
}

void content_store::discard(std::unique_ptr<upload> u) {
    std::erase(uploads_, u.get());
    if (u->idle())
        u.reset();
    else
        cleanup_.spawn("discard upload", let_go(std::move(u)));
}

awaitable<void> content_store::let_go(std::unique_ptr<upload> u) {
    co_await u->wait_until_idle();
}

}  // namespace dm::store
