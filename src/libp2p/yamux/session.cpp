#include "libp2p/yamux/session.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>

namespace dm::yamux {
namespace {

/// Less room than this is not worth the head of a data frame.
constexpr std::size_t body_worth_sending = 256;

}  // namespace

session::session(role r, window_budget& budget, const options& o, steady_time now)
    : role_(r),
      budget_(budget),
      options_(o),
      next_id_(r == role::client ? 1 : 2),
      next_ping_(now),
      last_heard_(now) {
    budget_.sessions_.push_back(this);
}

session::~session() {
    std::erase(budget_.sessions_, this);
    while (!streams_.empty())
        erase(streams_.begin());
}

session::stream& session::at(stream_id id) {
    const auto s = streams_.find(id);
    assert(s != streams_.end());
    return s->second;
}

const session::stream& session::at(stream_id id) const {
    const auto s = streams_.find(id);
    assert(s != streams_.end());
    return s->second;
}

std::optional<event> session::poll() {
    if (events_.empty())
        return std::nullopt;
    const auto out = events_.front();
    events_.pop_front();
    if (out.what == event::kind::readable)
        if (const auto s = streams_.find(out.id); s != streams_.end())
            s->second.told = false;
    return out;
}

void session::give_up(errc why, goodbye code) {
    if (failed_)
        return;
    failed_ = why;
    control_.clear();
    line_.clear();
    queue(frame_type::go_away, 0, 0, static_cast<std::uint32_t>(code));
}

void session::queue(frame_type type, std::uint16_t flags, stream_id id, std::uint32_t length) {
    control_.push_back({type, flags, id, length});
}

std::size_t session::fill(std::span<std::byte> out, std::size_t data_max) {
    std::size_t done = 0;
    while (!control_.empty() && out.size() - done >= header_size) {
        std::ranges::copy(encode(control_.front()),
                          out.begin() + static_cast<std::ptrdiff_t>(done));
        control_.pop_front();
        done += header_size;
    }
    if (!control_.empty())
        return done;
    while (const auto n = fill_data(out.subspan(done), data_max)) {
        done += n;
        data_max -= n - header_size;
    }
    return done;
}

std::size_t session::fill_data(std::span<std::byte> out, std::size_t data_max) {
    if (line_.empty() || data_max == 0)
        return 0;
    const auto id = line_.front();
    auto& s = at(id);
    const auto need = std::min(s.offer.size(), body_worth_sending);
    if (out.size() < header_size + need)
        return 0;
    const auto n = std::min({s.offer.size(), out.size() - header_size, frame_body_max,
                             static_cast<std::size_t>(s.send_window), data_max});
    std::ranges::copy(encode({frame_type::data, 0, id, static_cast<std::uint32_t>(n)}),
                      out.begin());
    std::memcpy(out.data() + header_size, s.offer.data(), n);
    s.offer = s.offer.subspan(n);
    s.send_window -= static_cast<std::uint32_t>(n);
    line_.pop_front();
    s.in_line = false;
    if (s.offer.empty())
        tell_written(id, s);
    else
        enter_line(id, s);
    return header_size + n;
}

std::optional<steady_time> session::deadline() const {
    if (failed_)
        return std::nullopt;
    auto out = ping_sent_ ? std::max(*ping_sent_, last_heard_) + options_.ping_timeout : next_ping_;
    for (const auto& [id, s] : streams_)
        out = std::min(out, s.forget_at);
    return out;
}

std::optional<steady_time> session::grant_at(steady_time now) const {
    if (hungry_.empty() || failed_)
        return std::nullopt;
    return budget_.rate_.ready_at(now);
}

void session::tick(steady_time now) {
    if (failed_)
        return;
    for (auto waiting = hungry_.size(); waiting > 0; --waiting) {
        const auto id = hungry_.front();
        hungry_.pop_front();
        if (const auto s = streams_.find(id); s != streams_.end()) {
            s->second.hungry = false;
            replenish(now, id, s->second);
        }
    }
    // On a slow link the answer queues behind data: anything that comes shows that it is alive.
    if (ping_sent_ && now >= std::max(*ping_sent_, last_heard_) + options_.ping_timeout)
        return give_up(errc::timed_out, goodbye::normal);
    if (!ping_sent_ && now >= next_ping_) {
        queue(frame_type::ping, syn, 0, ++ping_value_);
        ping_sent_ = now;
    }
    std::vector<stream_id> late;
    for (const auto& [id, s] : streams_)
        if (now >= s.forget_at)
            late.push_back(id);
    for (const auto id : late)
        reset(id);
}

std::optional<stream_id> session::open(steady_time now) {
    if (failed_ || unacknowledged_ >= unacknowledged_max ||
        streams_.size() - incoming_ >= options_.outgoing_streams_max) {
        open_refused_ = true;
        return std::nullopt;
    }
    const auto id = next_id_;
    next_id_ += 2;
    auto& s = streams_[id];
    s.acknowledged = false;
    s.measured_from = now;
    ++unacknowledged_;
    const auto extra = budget_.grant(window_hint_ - initial_window_bytes);
    s.window += extra;
    s.credit += extra;
    queue(frame_type::window_update, syn, id, extra);
    return id;
}

void session::offer(stream_id id, byte_view data) {
    auto& s = at(id);
    assert(s.offer.empty() && !data.empty() && !s.finished);
    if (s.reset || failed_)
        return tell_written(id, s);
    s.offer = data;
    enter_line(id, s);
}

std::size_t session::withdraw(stream_id id) {
    const auto which = streams_.find(id);
    if (which == streams_.end())
        return 0;
    auto& s = which->second;
    const auto left = s.offer.size();
    s.offer = {};
    if (s.in_line)
        std::erase(line_, id);
    s.in_line = false;
    return left;
}

void session::enter_line(stream_id id, stream& s) {
    if (s.in_line || s.offer.empty() || s.send_window == 0)
        return;
    s.in_line = true;
    if (s.offer.size() <= small_write_bytes)
        line_.push_front(id);
    else
        line_.push_back(id);
}

void session::tell_written(stream_id id, stream& s) {
    s.offer = {};
    tell(event::kind::written, id);
}

void session::tell_readable(stream_id id, stream& s) {
    if (s.told || s.released)
        return;
    s.told = true;
    tell(event::kind::readable, id);
}

void session::finish(stream_id id) {
    auto& s = at(id);
    assert(s.offer.empty());
    if (s.finished || s.reset || failed_)
        return;
    s.finished = true;
    queue(frame_type::window_update, fin, id, 0);
}

std::size_t session::read(steady_time now, stream_id id, std::span<std::byte> into) {
    auto& s = at(id);
    if (s.reset)
        return 0;
    std::size_t n = 0;
    if (s.posted.data() == into.data()) {
        n = std::exchange(s.posted_done, 0);
        s.posted = {};
    }
    n += s.data.pop(into.subspan(n));
    if (n == 0)
        return 0;
    budget_.consumed(n);
    s.measured_bytes += n;
    s.unread_since = now;
    replenish(now, id, s);
    return n;
}

void session::post(stream_id id, std::span<std::byte> into) {
    auto& s = at(id);
    assert(s.unread() == 0 && !into.empty());
    s.posted = into;
}

void session::unpost(stream_id id) {
    const auto which = streams_.find(id);
    if (which == streams_.end())
        return;
    auto& s = which->second;
    s.data.push_front(s.posted.first(std::exchange(s.posted_done, 0)));
    s.posted = {};
}

bool session::at_end(stream_id id) const {
    const auto& s = at(id);
    return s.remote_finished && s.unread() == 0;
}

bool session::is_reset(stream_id id) const {
    return at(id).reset;
}

void session::end_by_reset(stream_id id, stream& s) {
    budget_.consumed(s.unread());
    s.drop_unread();
    s.reset = true;
    const bool writing = !s.offer.empty();
    withdraw(id);
    if (writing)
        tell_written(id, s);
    tell_readable(id, s);
}

void session::reset(stream_id id) {
    auto& s = at(id);
    if (!s.reset) {
        if (!failed_)
            queue(frame_type::window_update, rst, id, 0);
        end_by_reset(id, s);
    }
    maybe_forget(id);
}

void session::release(steady_time now, stream_id id) {
    auto& s = at(id);
    withdraw(id);
    s.released = true;
    const bool unread = s.unread() > 0;
    budget_.consumed(s.unread());
    s.drop_unread();
    if (!s.reset && unread && !s.remote_finished) {
        // More of it is on the way, and nobody will read that.
        finish(id);
        return reset(id);
    }
    finish(id);
    s.forget_at = now + options_.linger;
    maybe_forget(id);
}

void session::maybe_forget(stream_id id) {
    const auto which = streams_.find(id);
    if (which == streams_.end())
        return;
    const auto& s = which->second;
    if (s.released && (s.reset || failed_ || (s.finished && s.remote_finished)))
        erase(which);
}

void session::erase(streams::iterator which) {
    auto& [id, s] = *which;
    if (s.in_line)
        std::erase(line_, id);
    budget_.consumed(s.unread());
    budget_.give_back(s.window - initial_window_bytes);
    const bool mine = (id % 2 == 1) == (role_ == role::client);
    if (!mine)
        --incoming_;
    else if (!s.acknowledged)
        --unacknowledged_;
    streams_.erase(which);
    if (open_refused_ && mine) {
        open_refused_ = false;
        tell(event::kind::may_open, 0);
    }
}

std::optional<steady_time> session::unread_since() const {
    std::optional<steady_time> out;
    for (const auto& [id, s] : streams_)
        if (s.unread() > 0 && (!out || s.unread_since < *out))
            out = s.unread_since;
    return out;
}

void session::reset_longest_unread() {
    const auto since = unread_since();
    for (auto& [id, s] : streams_)
        if (s.unread() > 0 && s.unread_since == *since)
            return reset(id);
}

}  // namespace dm::yamux
