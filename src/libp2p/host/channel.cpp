#include "libp2p/host/channel.hpp"

#include <unistd.h>

#include <algorithm>
#include <exception>

namespace dm::host {
namespace {

steady_time now() {
    return std::chrono::steady_clock::now();
}

constexpr std::size_t file_piece_bytes = 256 * 1024;

}  // namespace

channel::channel(connection& owner, yamux::stream_id id)
    : owner_(&owner),
      id_(id),
      peer_(owner.peer().to_string()),
      readable_(owner.executor_),
      written_(owner.executor_),
      exceptions_(std::uncaught_exceptions()) {
    owner.channels_.emplace(id, this);
}

channel::~channel() {
    if (std::uncaught_exceptions() > exceptions_ && owner_)
        owner_->session_.reset(id_);
    leave();
}

void channel::check() const {
    if (ended_)
        raise(*ended_);
}

awaitable<std::size_t> channel::read_some(std::span<std::byte> into) {
    if (!expected_.empty())
        co_await read_expected();
    co_return co_await read_data(into);
}

awaitable<void> channel::read_expected() {
    bytes got(expected_.size());
    std::size_t have = 0;
    while (have < got.size()) {
        const auto n = co_await read_data(std::span(got).subspan(have));
        if (n == 0 || !std::ranges::equal(std::span(got).subspan(have, n),
                                          std::span(expected_).subspan(have, n))) {
            reset();
            ended_ = errc::protocol_refused;
            raise(errc::protocol_refused);
        }
        have += n;
    }
    expected_.clear();
}

awaitable<std::size_t> channel::read_data(std::span<std::byte> into) {
    for (;;) {
        check();
        auto& session = owner_->session_;
        if (const auto n = session.read(now(), id_, into)) {
            owner_->pump();
            co_return n;
        }
        if (session.is_reset(id_))
            raise(errc::stream_reset);
        if (session.at_end(id_))
            co_return 0;
        struct take_back {
            channel& c;
            ~take_back() {
                if (c.owner_)
                    c.owner_->session_.unpost(c.id_);
            }
        } guard{*this};
        session.post(id_, into);
        co_await readable_.wait();
        if (owner_)
            if (const auto n = owner_->session_.read(now(), id_, into)) {
                owner_->pump();
                co_return n;
            }
    }
}

awaitable<void> channel::write(byte_view data) {
    check();
    if (data.empty())
        co_return;
    if (owner_->session_.is_reset(id_))
        raise(errc::stream_reset);
    if (finished_)
        raise(aio::errc::closed);
    struct take_back {
        channel& c;
        ~take_back() {
            if (c.writing_ && c.owner_)
                c.owner_->session_.withdraw(c.id_);
            c.writing_ = false;
        }
    } guard{*this};
    writing_ = true;
    owner_->session_.offer(id_, data);
    owner_->pump();
    while (writing_)
        co_await written_.wait();
    check();
    if (owner_->session_.is_reset(id_))
        raise(errc::stream_reset);
}

awaitable<void> channel::send_file(int file, std::uint64_t offset, std::uint64_t length) {
    bytes buffer(std::min<std::uint64_t>(file_piece_bytes, length));
    while (length > 0) {
        const auto want = std::min<std::uint64_t>(buffer.size(), length);
        check();
        const auto n = co_await owner_->workers_.run(
            [&] { return ::pread(file, buffer.data(), want, static_cast<off_t>(offset)); });
        if (n <= 0)
            raise(aio::errc::end_of_stream, "the file is shorter than announced");
        co_await write(byte_view(buffer).first(static_cast<std::size_t>(n)));
        offset += static_cast<std::uint64_t>(n);
        length -= static_cast<std::uint64_t>(n);
    }
}

void channel::shutdown_write() noexcept {
    if (!owner_ || finished_)
        return;
    finished_ = true;
    owner_->session_.finish(id_);
    owner_->pump();
}

void channel::close() noexcept {
    leave();
    ended_ = ended_.value_or(errc::stream_reset);
    readable_.notify_all();
    written_.notify_all();
}

void channel::reset() noexcept {
    if (owner_) {
        owner_->session_.reset(id_);
        leave();
    }
    close();
}

void channel::detach() noexcept {
    owner_ = nullptr;
    writing_ = false;
    ended_ = errc::connection_lost;
    readable_.notify_all();
    written_.notify_all();
}

void channel::leave() noexcept {
    if (!owner_)
        return;
    auto& owner = *std::exchange(owner_, nullptr);
    writing_ = false;
    owner.channels_.erase(id_);
    owner.session_.release(now(), id_);
    owner.pump();
}

}  // namespace dm::host
