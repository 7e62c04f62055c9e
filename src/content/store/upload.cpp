#include "content/store/upload.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <boost/asio/post.hpp>
#include <cassert>
#include <cerrno>
#include <cstring>

namespace dm::store {
namespace {

[[noreturn]] void fail_with_errno(const std::filesystem::path& path) {
    const int code = errno;
    raise(code == ENOSPC || code == EDQUOT ? errc::no_space : errc::failed,
          fmt::format("cannot write {}: {}", path.string(), std::strerror(code)));
}

void write_all(int file, byte_view data, std::uint64_t offset, const std::filesystem::path& path) {
    while (!data.empty()) {
        const auto n = ::pwrite(file, data.data(), data.size(), static_cast<off_t>(offset));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            fail_with_errno(path);
        data = data.subspan(static_cast<std::size_t>(n));
        offset += static_cast<std::uint64_t>(n);
    }
}

}  // namespace

upload::upload(executor ex, aio::pool& workers, std::filesystem::path file)
    : executor_(ex),
      workers_(workers),
      path_(std::move(file)),
      whole_(crypto::hash_algorithm::sha256),
      changed_(std::move(ex)) {}

upload::~upload() {
    assert(idle() && "an upload is idle before it is destroyed");
    if (made_)
        ::unlink(path_.c_str());
}

awaitable<void> upload::wait_until_idle() {
    while (!idle())
        co_await changed_.wait();
}

awaitable<void> upload::take_up() {
    const auto here = static_cast<std::size_t>(received_ - submitted_);
    co_await workers_.run([&] {
        file_ = unique_fd(::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
        if (!file_)
            fail_with_errno(path_);
        made_ = true;
        filling_.reserve(upload_block_bytes);
        filling_.resize(here);
        if (paused_ && ::pread(file_.get(), filling_.data(), here,
                               static_cast<off_t>(submitted_)) != static_cast<ssize_t>(here))
            raise(errc::failed, fmt::format("{} became shorter", path_.string()));
    });
    paused_ = false;
}

awaitable<void> upload::write(byte_view data) {
    if (failed_)
        throw failure(*failed_);
    if (!file_)
        co_await take_up();
    while (!data.empty()) {
        if (filling_.size() == upload_block_bytes)
            co_await submit();
        const auto n = std::min(data.size(), upload_block_bytes - filling_.size());
        append(filling_, data.first(n));
        data = data.subspan(n);
        received_ += n;
    }
}

/// Hands what has been gathered to the pool, when that is done with the block before.
awaitable<void> upload::submit() {
    while (!idle())
        co_await changed_.wait();
    if (failed_)
        throw failure(*failed_);
    std::swap(filling_, working_);
    filling_.clear();
    filling_.reserve(upload_block_bytes);
    const auto offset = std::exchange(submitted_, submitted_ + working_.size());
    leaves_.resize(leaf_count(submitted_));
    jobs_ = 2;
    workers_.post([this, offset] {
        std::optional<error> wrong;
        try {
            write_all(file_.get(), working_, offset, path_);
            // The disk begins now, so that little is left to wait for at the end. A hint: no harm
            // where the file system does not take it.
            ::sync_file_range(file_.get(), static_cast<off_t>(offset),
                              static_cast<off_t>(working_.size()), SYNC_FILE_RANGE_WRITE);
            hash_leaves(offset);
        } catch (const std::exception& e) {
            wrong = error_of(e);  // carried to the loop, where the writer sees it
        }
        asio::post(executor_, [this, wrong = std::move(wrong)] { job_done(wrong); });
    });
    workers_.post([this] {
        whole_.update(working_);
        asio::post(executor_, [this] { job_done({}); });
    });
}

void upload::hash_leaves(std::uint64_t offset) {
    auto index = offset / leaf_bytes;
    auto rest = byte_view(working_);
    do {
        const auto leaf = rest.first(std::min<std::size_t>(rest.size(), leaf_bytes));
        leaves_[index++] = crypto::sha256(leaf);
        rest = rest.subspan(leaf.size());
    } while (!rest.empty());
}

void upload::job_done(std::optional<error> wrong) {
    --jobs_;
    if (wrong && !failed_)
        failed_ = std::move(wrong);
    changed_.notify_all();
}

awaitable<void> upload::pause() {
    while (!idle())
        co_await changed_.wait();
    if (failed_)
        throw failure(*failed_);
    if (!file_)
        co_return;
    co_await workers_.run([&] {
        write_all(file_.get(), filling_, submitted_, path_);
        file_ = unique_fd();
    });
    paused_ = true;
    filling_ = bytes();
    working_ = bytes();
}

awaitable<void> upload::complete() {
    if (!file_)
        co_await take_up();
    if (!filling_.empty() || received_ == 0)
        co_await submit();
    while (!idle())
        co_await changed_.wait();
    if (failed_)
        throw failure(*failed_);
    filling_ = bytes();
    working_ = bytes();
}

}  // namespace dm::store
