#include "libp2p/host/connection.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstring>

#include "aio/task_group.hpp"
#include "aio/timeout.hpp"
#include "libp2p/host/channel.hpp"

namespace dm::host {
namespace {

/// Encrypted bytes of one write to the wire, and of one read from it.
constexpr std::size_t batch_bytes_max = 256 * 1024;
/// On a slow link a write is small, since control messages wait until it is over.
constexpr std::size_t batch_bytes_min = 16 * 1024;
constexpr std::chrono::milliseconds batch_time{10};
/// Shortest wait for the rate limit.
constexpr steady_time::duration pace_min = std::chrono::milliseconds(1);
/// Buffers of a connection on which little happens.
constexpr std::size_t quiet_buffer_bytes = 4096;
/// Reads that used little of the buffer before it is made small again.
constexpr int small_reads_max = 16;
constexpr std::chrono::seconds open_wait_max{10};

steady_time now() {
    return std::chrono::steady_clock::now();
}

}  // namespace

connection::connection(executor ex, aio::pool& workers, secured from, yamux::role role,
                       yamux::window_budget& budget, yamux::rate_bucket& uploads,
                       const yamux::options& options)
    : executor_(ex),
      workers_(workers),
      wire_(std::move(from.carrier)),
      cipher_(std::move(from.cipher)),
      peer_(from.peer),
      early_(std::move(from.early)),
      session_(role, budget, options, now()),
      uploads_(uploads),
      writable_(ex),
      may_open_(ex),
      tick_timer_(std::move(ex)),
      batch_bytes_(batch_bytes_max / 4) {}

connection::~connection() {
    detach_all();
}

void connection::detach_all() {
    for (const auto& [id, c] : std::exchange(channels_, {})) {
        c->detach();
        session_.release(now(), id);
    }
}

awaitable<void> connection::run(on_stream accept) {
    accept_ = std::move(accept);
    std::vector<awaitable<void>> loops;
    loops.push_back(read_loop());
    loops.push_back(write_loop());
    loops.push_back(tick_loop());
    std::exception_ptr failed;
    try {
        co_await aio::all_of(std::move(loops));
    } catch (...) {
        failed = std::current_exception();  // rethrown when all streams know
    }
    close();
    accept_ = nullptr;
    detach_all();
    co_await asio::this_coro::throw_if_cancelled(false);
    while (opening_ > 0) {
        may_open_.notify_all();
        co_await asio::post(executor_, use_awaitable);
    }
    co_await asio::this_coro::throw_if_cancelled(true);
    if (failed)
        std::rethrow_exception(failed);
}

void connection::close() noexcept {
    if (std::exchange(closed_, true))
        return;
    wire_.close();
    writable_.notify_all();
    may_open_.notify_all();
}

awaitable<std::unique_ptr<channel>> connection::open() {
    const auto wait = [](connection& c) -> awaitable<yamux::stream_id> {
        for (;;) {
            if (c.closed_)
                raise(errc::connection_lost);
            if (const auto id = c.session_.open(now()))
                co_return *id;
            co_await c.may_open_.wait();
        }
    };
    if (closed_ || session_.failed())
        raise(errc::connection_lost);
    auto id = session_.open(now());
    if (!id) {
        struct count {
            int& n;
            explicit count(int& of) : n(of) { ++n; }
            ~count() { --n; }
        } waiting(opening_);
        try {
            id = co_await aio::with_timeout(wait(*this), open_wait_max);
        } catch (const failure& e) {
            if (e.code() == aio::errc::timed_out)
                raise(errc::too_many, "the peer accepts no more streams");
            throw;
        }
    }
    auto out = std::make_unique<channel>(*this, *id);
    pump();
    co_return out;
}

void connection::pump() {
    while (const auto e = session_.poll()) {
        if (e->what == yamux::event::kind::opened) {
            auto fresh = std::make_unique<channel>(*this, e->id);
            if (accept_)
                accept_(std::move(fresh));
            continue;
        }
        if (e->what == yamux::event::kind::may_open) {
            may_open_.notify_all();
            continue;
        }
        const auto c = channels_.find(e->id);
        if (c == channels_.end())
            continue;
        if (e->what == yamux::event::kind::readable) {
            c->second->readable_.notify_all();
        } else {
            c->second->writing_ = false;
            c->second->written_.notify_all();
        }
    }
    if (session_.has_output())
        writable_.notify_all();
    if (const auto at = session_.grant_at(now()); at && *at < tick_timer_.expiry())
        tick_timer_.cancel();
}

awaitable<void> connection::write_loop() {
    for (;;) {
        const auto at = now();
        // A few bytes at a time would be more frames than data.
        const auto n = fill_frames(uploads_.ready_at(at) <= at ? uploads_.allowance(at) : 0);
        uploads_.spend(n);
        pump();
        if (n > 0) {
            const auto start = now();
            co_await wire_.write(std::span(out_).first(n));
            note_write(n, now() - start);
            continue;
        }
        if (session_.failed())
            raise(*session_.failed());
        if (closed_)
            co_return;
        co_await wait_for_output();
    }
}

/// Until there is something to send, and the rate limit allows it.
awaitable<void> connection::wait_for_output() {
    if (session_.has_output()) {
        const auto wait = uploads_.ready_at(now()) - now();
        try {
            co_await aio::with_timeout(writable_.wait(), std::max(wait, pace_min));
        } catch (const failure& e) {
            if (e.code() != aio::errc::timed_out)
                throw;
        }
        co_return;
    }
    if (out_.size() > quiet_buffer_bytes) {
        out_.resize(quiet_buffer_bytes);
        out_.shrink_to_fit();
    }
    co_await writable_.wait();
}

void connection::note_write(std::size_t n, steady_time::duration took) {
    if (took > batch_time)
        batch_bytes_ = std::max(batch_bytes_min, batch_bytes_ / 2);
    else if (took < batch_time / 4 && n >= batch_bytes_ / 2)
        batch_bytes_ = std::min(batch_bytes_max, batch_bytes_ * 2);
}

std::size_t connection::fill_frames(std::uint64_t data_max) {
    std::size_t done = 0;
    while (done < batch_bytes_ &&
           (session_.has_control() || (session_.has_output() && done < data_max))) {
        // Control frames need little; the buffer grows when it turns out that there is data.
        if (out_.size() < quiet_buffer_bytes)
            out_.resize(quiet_buffer_bytes);
        else if (out_.size() - done < noise::frame_bytes_max + 2)
            out_.resize(std::max(out_.size(),
                                 std::min(batch_bytes_max, done + noise::frame_bytes_max + 2)));
        const auto room = std::span(out_).first(std::min(out_.size(), batch_bytes_)).subspan(done);
        if (room.size() <= noise::frame_overhead + yamux::header_size)
            break;
        const auto plain =
            room.subspan(2, std::min(room.size() - noise::frame_overhead, noise::frame_plain_max));
        const auto n = session_.fill(plain, data_max > done ? data_max - done : 0);
        if (n == 0)
            break;
        cipher_.seal(plain.first(n), room.first(n + noise::frame_overhead));
        done += n + noise::frame_overhead;
    }
    return done;
}

awaitable<void> connection::read_loop() {
    if (!early_.empty()) {
        session_.feed(now(), early_);
        early_ = {};
        pump();
    }
    in_.resize(quiet_buffer_bytes);
    std::size_t have = 0;
    int small_reads = 0;
    for (;;) {
        const auto n = co_await wire_.read_some(std::span(in_).subspan(have));
        if (n == 0)
            raise(errc::connection_lost);
        have += n;
        const bool full = have == in_.size();
        const auto taken = take_frames(std::span(in_).first(have));
        pump();
        if (session_.failed()) {
            // The goodbye is sent by the other loop, which then ends this one.
            co_await aio::sleep_for(std::chrono::seconds(1));
            raise(*session_.failed());
        }
        have -= taken;
        std::memmove(in_.data(), in_.data() + taken, have);
        small_reads = n < in_.size() / 8 ? small_reads + 1 : 0;
        if (full && in_.size() < batch_bytes_max) {
            in_.resize(std::min(batch_bytes_max, in_.size() * 4));
        } else if (have == 0 && small_reads > small_reads_max && in_.size() > quiet_buffer_bytes) {
            in_.resize(quiet_buffer_bytes);
            in_.shrink_to_fit();
        }
    }
}

std::size_t connection::take_frames(std::span<std::byte> data) {
    const auto at = now();
    std::size_t done = 0;
    for (;;) {
        const auto frame = value_or_throw(cipher_.open(data.subspan(done)));
        if (!frame)
            return done;
        done += frame->size;
        session_.feed(at, frame->plain);
        if (session_.failed())
            return done;
    }
}

awaitable<void> connection::tick_loop() {
    for (;;) {
        session_.tick(now());
        pump();
        auto next = session_.deadline();
        if (!next)
            co_return;
        if (const auto at = session_.grant_at(now()))
            next = std::min(*next, std::max(*at, now() + pace_min));
        tick_timer_.expires_at(*next);
        boost::system::error_code earlier;  // pump() wants it sooner
        co_await tick_timer_.async_wait(asio::redirect_error(use_awaitable, earlier));
        const auto state = co_await asio::this_coro::cancellation_state;
        if (state.cancelled() != asio::cancellation_type::none)
            throw boost::system::system_error(asio::error::operation_aborted);
    }
}

}  // namespace dm::host
