#pragma once

#include "libp2p/host/connection.hpp"

namespace dm::host {

/// A stream of a connection as its user sees it.
class channel final : public stream {
  public:
    channel(connection& owner, yamux::stream_id id);
    ~channel() override;

    awaitable<std::size_t> read_some(std::span<std::byte> into) override;
    awaitable<void> write(byte_view data) override;
    awaitable<void> send_file(int file, std::uint64_t offset, std::uint64_t length) override;
    void shutdown_write() noexcept override;
    void close() noexcept override;
    void reset() noexcept override;
    std::string peer() const override { return peer_; }

    /// What the other side will send before its data, and what is thrown when it sends something
    /// else: the answer to a protocol that was proposed without waiting.
    void expect(bytes answer) { expected_ = std::move(answer); }

  private:
    friend class connection;

    /// The connection has ended.
    void detach() noexcept;
    void leave() noexcept;
    void check() const;
    awaitable<std::size_t> read_data(std::span<std::byte> into);
    awaitable<void> read_expected();

    connection* owner_;  // null when the connection, or this side's interest, has ended
    yamux::stream_id id_;
    std::string peer_;
    bytes expected_;
    aio::event readable_;
    aio::event written_;
    int exceptions_;  // under way when this was made
    bool writing_ = false;
    bool finished_ = false;
    std::optional<errc> ended_;  // why nothing works any more
};

}  // namespace dm::host
