#pragma once

#include <memory>

#include "aio/byte_stream.hpp"
#include "libp2p/pnet/protector.hpp"

namespace dm::host {

/// The bytes below a handshake: any byte_stream, mixed with the key of the private network where
/// there is one. Works in the caller's buffers.
class wire {
  public:
    explicit wire(std::unique_ptr<aio::byte_stream> carrier) : carrier_(std::move(carrier)) {}

    /// Exchanges nonces; first of all, and only in a private network. From the first word that the
    /// other side says with another key reading throws other_network.
    awaitable<void> protect(pnet::swarm_key key);
    /// The same for a listener that knows two keys: waits for the dialler's first words, which are
    /// those of multistream-select, and takes the key that makes sense of them. Throws
    /// other_network when neither does.
    awaitable<void> protect_with_either(pnet::swarm_key key, pnet::swarm_key other);

    /// 0 at the end.
    awaitable<std::size_t> read_some(std::span<std::byte> into);
    /// Throws aio::errc::end_of_stream when there is less.
    awaitable<void> read_exactly(std::span<std::byte> into);
    /// `data` is changed when there is a private network.
    awaitable<void> write(std::span<std::byte> data);
    void close() noexcept { carrier_->close(); }

    std::uint64_t received_bytes() const noexcept { return received_; }
    std::uint64_t sent_bytes() const noexcept { return sent_; }

  private:
    std::unique_ptr<aio::byte_stream> carrier_;
    std::unique_ptr<pnet::protector> protector_;
    bytes early_;                 ///< decrypted already, and not yet read
    std::size_t recognised_ = 0;  ///< bytes of the other side's first words
    std::uint64_t received_ = 0;
    std::uint64_t sent_ = 0;
};

}  // namespace dm::host
