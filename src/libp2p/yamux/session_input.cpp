#include <algorithm>
#include <cstring>

#include "libp2p/yamux/session.hpp"

namespace dm::yamux {
namespace {

/// What a busy machine adds to the delay of the network before it reads and answers.
constexpr std::chrono::milliseconds reading_delay{5};
/// The window for what is on the way in one delay. A stream that the window limits moves at least
/// 3/4 of it in a round trip, so that it more than doubles.
constexpr double window_room = 3;
/// What has been read is granted anew when it is this part of the window.
constexpr std::uint32_t window_part = 4;
/// What one stream is granted at a time while others wait for the rate limit, too.
constexpr std::uint32_t grant_turn_bytes = 64 * 1024;
constexpr std::uint16_t known_flags = syn | ack | fin | rst;

}  // namespace

void session::feed(steady_time now, byte_view data) {
    last_heard_ = now;
    while (!data.empty() && !failed_) {
        if (body_left_ > 0) {
            const auto n = std::min<std::size_t>(body_left_, data.size());
            body_left_ -= static_cast<std::uint32_t>(n);
            on_body(now, data.first(n));
            data = data.subspan(n);
            continue;
        }
        const auto n = std::min(header_size - head_size_, data.size());
        std::memcpy(head_.data() + head_size_, data.data(), n);
        head_size_ += n;
        data = data.subspan(n);
        if (head_size_ < header_size)
            break;
        head_size_ = 0;
        const auto h = decode(head_);
        if (!h || (h->flags & ~known_flags) != 0)
            give_up(errc::malformed, goodbye::protocol_error);
        else
            on_frame(now, *h);
        if (control_.size() > answers_max)
            give_up(errc::flood, goodbye::internal_error);
    }
    budget_.relieve();
}

void session::on_frame(steady_time now, const frame_header& h) {
    switch (h.type) {
        case frame_type::ping:
            return on_ping(now, h);
        case frame_type::go_away:
            return give_up(errc::gone, goodbye::normal);
        case frame_type::data:
        case frame_type::window_update:
            return on_stream_frame(now, h);
    }
}

void session::on_ping(steady_time now, const frame_header& h) {
    if (h.flags == syn) {
        queue(frame_type::ping, ack, 0, h.length);
    } else if (h.flags == ack) {
        if (!ping_sent_ || h.length != ping_value_)
            return;  // late, or never asked for
        const auto sample = now - *ping_sent_;
        round_trip_ = !round_trip_ || sample < *round_trip_
                          ? sample
                          : *round_trip_ + (sample - *round_trip_) / 8;
        ping_sent_.reset();
        next_ping_ = now + options_.ping_interval;
    } else {
        give_up(errc::malformed, goodbye::protocol_error);
    }
}

/// A stream that the other side opens; false when it may not, or not now.
bool session::admit(steady_time now, const frame_header& h) {
    const bool theirs = (h.stream % 2 == 1) == (role_ == role::server);
    if (!theirs || streams_.contains(h.stream)) {
        give_up(errc::stream_violation, goodbye::protocol_error);
        return false;
    }
    if (incoming_ >= options_.incoming_streams_max) {
        queue(frame_type::window_update, rst, h.stream, 0);
        return false;
    }
    auto& s = streams_[h.stream];
    ++incoming_;
    s.measured_from = now;
    const auto extra = budget_.grant(window_hint_ - initial_window_bytes);
    s.window += extra;
    s.credit += extra;
    queue(frame_type::window_update, ack, h.stream, extra);
    tell(event::kind::opened, h.stream);
    return true;
}

void session::on_stream_frame(steady_time now, const frame_header& h) {
    const bool is_data = h.type == frame_type::data;
    if ((h.flags & syn) != 0 && !admit(now, h) && failed_)
        return;
    const auto which = streams_.find(h.stream);
    if (is_data) {
        body_left_ = h.length;
        body_stream_ = h.stream;
        body_ends_stream_ = (h.flags & fin) != 0;
    }
    if (which == streams_.end())
        return;  // closed meanwhile: the body is drained
    auto& s = which->second;
    if ((h.flags & ack) != 0 && !s.acknowledged) {
        s.acknowledged = true;
        --unacknowledged_;
        if (open_refused_) {
            open_refused_ = false;
            tell(event::kind::may_open, 0);
        }
    }
    if ((h.flags & rst) != 0) {
        end_by_reset(h.stream, s);
        return maybe_forget(h.stream);
    }
    if (is_data) {
        if (h.length > s.credit || (h.length > 0 && s.remote_finished))
            return give_up(errc::window_violation, goodbye::protocol_error);
        s.credit -= h.length;
    } else {
        if (h.length > UINT32_MAX - s.send_window)
            return give_up(errc::window_violation, goodbye::protocol_error);
        s.send_window += h.length;
        enter_line(h.stream, s);
    }
    if ((h.flags & fin) != 0 && body_left_ == 0) {
        body_ends_stream_ = false;
        s.remote_finished = true;
        tell_readable(h.stream, s);
        maybe_forget(h.stream);
    }
}

void session::on_body(steady_time now, byte_view data) {
    const auto which = streams_.find(body_stream_);
    if (which == streams_.end())
        return;
    auto& s = which->second;
    if (s.reset)
        return;
    if (s.released) {
        // Nobody reads any more; the other side should know rather than fill its window.
        return reset(body_stream_);
    }
    if (s.unread() == 0)
        s.unread_since = now;
    const auto free = std::min(s.free_bytes, static_cast<std::uint32_t>(data.size()));
    s.free_bytes -= free;
    budget_.rate_.spend(free);
    budget_.arrived(data.size());
    if (s.data.size() == 0) {
        const auto n = std::min(s.posted.size() - s.posted_done, data.size());
        if (n > 0)
            std::memcpy(s.posted.data() + s.posted_done, data.data(), n);
        s.posted_done += n;
        data = data.subspan(n);
    }
    if (!data.empty())
        s.data.push(data);
    if (body_left_ == 0 && body_ends_stream_)
        s.remote_finished = true;
    tell_readable(body_stream_, s);
}

/// The window that keeps the measured rate up over the measured delay, and room so that a rate that
/// the window itself limits can rise. Data comes in bursts: only a whole round trip tells a rate.
std::uint32_t session::wanted_window(steady_time now, stream& s) {
    using seconds = std::chrono::duration<double>;
    const auto delay = round_trip_.value_or(steady_time::duration{0}) + reading_delay;
    const auto elapsed = now - s.measured_from;
    if (elapsed < delay)
        return s.window;
    const auto rate = static_cast<double>(s.measured_bytes) / seconds(elapsed).count();
    const auto wanted = std::min(window_room * rate * seconds(delay).count(),
                                 static_cast<double>(options_.window_bytes_max));
    s.measured_from = now;
    s.measured_bytes = 0;
    return std::max(static_cast<std::uint32_t>(wanted), s.window);
}

void session::replenish(steady_time now, stream_id id, stream& s) {
    if (s.remote_finished || s.reset || s.hungry || failed_)
        return;
    const auto arriving = body_stream_ == id ? body_left_ : 0;
    const auto promised = s.credit + arriving + static_cast<std::uint32_t>(s.unread());
    const auto used = s.window - promised;
    if (used < s.window / window_part)
        return;
    const auto growth = budget_.grant(wanted_window(now, s) - s.window);
    s.window += growth;
    window_hint_ = std::clamp(s.window, window_hint_, first_window_bytes_max);
    const auto wanted = used + growth;
    const auto allowed = budget_.rate_.allowance(now);
    const auto granted = allowed >= wanted
                             ? wanted
                             : std::min(static_cast<std::uint32_t>(allowed), grant_turn_bytes);
    if (granted < wanted && !s.hungry) {
        s.hungry = true;
        hungry_.push_back(id);
    }
    if (granted == 0)
        return;
    budget_.rate_.spend(granted);
    s.credit += granted;
    queue(frame_type::window_update, 0, id, granted);
}

}  // namespace dm::yamux
