#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <unordered_map>

#include "base/bytes.hpp"
#include "base/clock.hpp"
#include "libp2p/yamux/byte_queue.hpp"
#include "libp2p/yamux/frame.hpp"
#include "libp2p/yamux/window_budget.hpp"

namespace dm::yamux {

using stream_id = std::uint32_t;

constexpr std::uint32_t initial_window_bytes = 256 * 1024;
/// What a new stream is granted at once where earlier ones needed it.
constexpr std::uint32_t first_window_bytes_max = 1024 * 1024;
/// Body of a data frame that is sent; larger ones are received.
constexpr std::size_t frame_body_max = 64 * 1024;
/// Streams that were opened by this side and not yet acknowledged.
constexpr std::size_t unacknowledged_max = 256;
/// Frames to answer with that wait for the other side to read.
constexpr std::size_t answers_max = 8192;
/// Data of at most this size goes out before larger writes of other streams.
constexpr std::size_t small_write_bytes = 4096;

struct options {
    std::uint32_t window_bytes_max = 16 << 20;  ///< that one stream's window grows to
    std::size_t incoming_streams_max = 1024;    ///< at once; further ones are reset
    std::size_t outgoing_streams_max = 2048;
    std::chrono::milliseconds ping_interval{30'000};
    std::chrono::milliseconds ping_timeout{10'000};
    /// How long a stream that is closed here waits for the other side to finish, too.
    std::chrono::milliseconds linger{60'000};
};

enum class role { client, server };

struct event {
    enum class kind {
        opened,    ///< by the other side
        readable,  ///< there is data, the end, or a reset to be seen
        written,   ///< all that was offered is on its way, or never will be
        may_open,  ///< open() may work now
    };
    kind what;
    stream_id id = 0;
};

/// Many streams over one connection, without the connection: bytes come in by feed() and go out
/// by fill(). Data to send is taken straight from the writer's memory at the last moment, control
/// frames go first, streams take turns. Receive windows grow with the measured bandwidth × delay.
/// Spec: libp2p yamux, hashicorp/yamux.
class session {
  public:
    /// `budget` outlives this.
    session(role r, window_budget& budget, const options& o, steady_time now);
    session(const session&) = delete;
    session& operator=(const session&) = delete;
    ~session();

    /// What came from the other side. Nothing happens once the session has failed.
    void feed(steady_time now, byte_view data);
    std::optional<event> poll();

    /// Writes frames into `out` and returns how many bytes; 0 when there is nothing to send or no
    /// room for it: 12 bytes for control, and more for data, of which it sends `data_max` at most.
    std::size_t fill(std::span<std::byte> out, std::size_t data_max = SIZE_MAX);
    bool has_output() const noexcept { return has_control() || !line_.empty(); }
    bool has_control() const noexcept { return !control_.empty(); }

    std::optional<steady_time> deadline() const;
    /// When windows may be granted that the rate limit holds back; part of the deadline.
    std::optional<steady_time> grant_at(steady_time now) const;
    /// Pings, and gives up on what takes too long.
    void tick(steady_time now);

    /// Why the session is over; what fill() still gives may be sent as a goodbye.
    const std::optional<errc>& failed() const noexcept { return failed_; }
    /// Measured by ping.
    const std::optional<steady_time::duration>& round_trip() const noexcept { return round_trip_; }
    std::size_t stream_count() const noexcept { return streams_.size(); }

    /// A new stream; nullopt at a limit: `may_open` tells when to try again.
    std::optional<stream_id> open(steady_time now);
    bool is_open(stream_id id) const noexcept { return streams_.contains(id); }

    /// The stream's next data, not empty. It stays valid until `written` was polled, or until
    /// withdraw() or reset().
    void offer(stream_id id, byte_view data);
    /// Takes the offer back; how many bytes of it were not taken.
    std::size_t withdraw(stream_id id);
    /// No more will be written. Nothing may be on offer.
    void finish(stream_id id);

    /// Takes data that is there; 0 when there is none now.
    std::size_t read(steady_time now, stream_id id, std::span<std::byte> into);
    /// What comes next goes straight to `into`, as far as there is room, and is taken by a read()
    /// into the same place; valid until then, or until unpost(), which keeps what has come.
    void post(stream_id id, std::span<std::byte> into);
    void unpost(stream_id id);
    /// All was read and no more will come.
    bool at_end(stream_id id) const;
    /// The other side, or the budget, has given the stream up.
    bool is_reset(stream_id id) const;

    void reset(stream_id id);
    /// The user has no more interest: finishes writing, drops what comes. The id is forgotten.
    void release(steady_time now, stream_id id);

  private:
    friend class window_budget;

    struct stream {
        // Sending.
        std::uint32_t send_window = initial_window_bytes;
        byte_view offer;
        bool in_line = false;
        bool acknowledged = true;
        bool finished = false;
        // Receiving.
        std::uint32_t credit = initial_window_bytes;  // what the other side may still send
        std::uint32_t window = initial_window_bytes;  // what it may have in flight or unread
        std::span<std::byte> posted;  // a reader's memory, and how much of it is filled
        std::size_t posted_done = 0;
        byte_queue data;
        bool told = false;  // a `readable` is out
        bool remote_finished = false;
        steady_time unread_since;
        steady_time measured_from;
        std::uint64_t measured_bytes = 0;
        std::uint32_t free_bytes = initial_window_bytes;  // that come without being granted
        bool hungry = false;                              // waits for the rate limit

        bool reset = false;
        bool released = false;

        std::size_t unread() const noexcept { return posted_done + data.size(); }
        void drop_unread() noexcept {
            posted = {};
            posted_done = 0;
            data.clear();
        }
        steady_time forget_at = steady_time::max();
    };
    using streams = std::unordered_map<stream_id, stream>;

    stream& at(stream_id id);
    const stream& at(stream_id id) const;
    void give_up(errc why, goodbye code);
    void queue(frame_type type, std::uint16_t flags, stream_id id, std::uint32_t length);
    void tell(event::kind what, stream_id id) { events_.push_back({what, id}); }
    void tell_readable(stream_id id, stream& s);
    void tell_written(stream_id id, stream& s);
    void enter_line(stream_id id, stream& s);
    void erase(streams::iterator which);
    void maybe_forget(stream_id id);
    void end_by_reset(stream_id id, stream& s);

    void on_frame(steady_time now, const frame_header& h);
    void on_stream_frame(steady_time now, const frame_header& h);
    bool admit(steady_time now, const frame_header& h);
    void on_ping(steady_time now, const frame_header& h);
    void on_body(steady_time now, byte_view data);
    void replenish(steady_time now, stream_id id, stream& s);
    std::uint32_t wanted_window(steady_time now, stream& s);
    std::size_t fill_data(std::span<std::byte> out, std::size_t data_max);
    std::optional<steady_time> unread_since() const;
    void reset_longest_unread();

    role role_;
    window_budget& budget_;
    options options_;
    streams streams_;
    stream_id next_id_;
    std::size_t incoming_ = 0;
    std::size_t unacknowledged_ = 0;
    bool open_refused_ = false;

    std::array<std::byte, header_size> head_{};
    std::size_t head_size_ = 0;
    std::uint32_t body_left_ = 0;
    stream_id body_stream_ = 0;
    bool body_ends_stream_ = false;

    std::deque<frame_header> control_;
    std::deque<stream_id> line_;  // streams with data on offer and window to send it
    std::deque<event> events_;
    std::deque<stream_id> hungry_;

    steady_time next_ping_;
    std::optional<steady_time> ping_sent_;
    steady_time last_heard_;
    std::uint32_t ping_value_ = 0;
    std::optional<steady_time::duration> round_trip_;
    std::uint32_t window_hint_ = initial_window_bytes;  // what earlier streams needed
    std::optional<errc> failed_;
};

}  // namespace dm::yamux
