#pragma once

#include <functional>
#include <unordered_map>

#include "aio/event.hpp"
#include "aio/pool.hpp"
#include "libp2p/host/host.hpp"
#include "libp2p/host/upgrade.hpp"
#include "libp2p/yamux/session.hpp"

namespace dm::host {

class channel;

/// One connection to a peer: moves bytes between its wire and its Yamux session, as many Noise
/// frames a system call as there are. Streams may outlive it: they then say connection_lost.
class connection {
  public:
    /// Called within run() for each stream that the peer opens.
    using on_stream = std::function<void(std::unique_ptr<channel>)>;

    /// `budget` and `uploads`, shared by all connections, outlive this.
    connection(executor ex, aio::pool& workers, secured from, yamux::role role,
               yamux::window_budget& budget, yamux::rate_bucket& uploads,
               const yamux::options& options);
    ~connection();

    /// Serves the connection until it ends; throws why it ended.
    awaitable<void> run(on_stream accept);
    /// Ends it: run() returns soon.
    void close() noexcept;

    /// Throws too_many after a while at a limit, connection_lost.
    awaitable<std::unique_ptr<channel>> open();

    const peer_id& peer() const noexcept { return peer_; }
    bool closed() const noexcept { return closed_; }
    /// Streams of any kind, those that are closing included.
    std::size_t stream_count() const noexcept { return session_.stream_count(); }
    std::optional<steady_time::duration> round_trip() const { return session_.round_trip(); }
    std::uint64_t sent_bytes() const noexcept { return wire_.sent_bytes(); }
    std::uint64_t received_bytes() const noexcept { return wire_.received_bytes(); }

  private:
    friend class channel;

    awaitable<void> read_loop();
    awaitable<void> write_loop();
    awaitable<void> tick_loop();
    std::size_t fill_frames(std::uint64_t data_max);
    awaitable<void> wait_for_output();
    /// Learns from how long a write took how much the next one may be.
    void note_write(std::size_t n, steady_time::duration took);
    /// Decrypts and hands on the frames at the front of `data`; how many bytes they took.
    std::size_t take_frames(std::span<std::byte> data);
    /// Passes on what the session has to say, after every call of it that may change something.
    void pump();
    void detach_all();

    executor executor_;
    aio::pool& workers_;
    wire wire_;
    noise::transport cipher_;
    peer_id peer_;
    bytes early_;
    yamux::session session_;
    yamux::rate_bucket& uploads_;
    on_stream accept_;
    std::unordered_map<yamux::stream_id, channel*> channels_;
    aio::event writable_;
    aio::event may_open_;
    asio::steady_timer tick_timer_;
    bytes in_;                 // encrypted bytes as they came
    bytes out_;                // Noise frames of one write
    std::size_t batch_bytes_;  // that out_ may hold now
    bool closed_ = false;
    int opening_ = 0;  // calls of open() that wait
};

}  // namespace dm::host
