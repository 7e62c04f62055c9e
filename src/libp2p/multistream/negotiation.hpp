#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "libp2p/multistream/errc.hpp"

namespace dm::multistream {

/// Longest message that is read, its newline included.
constexpr std::size_t message_bytes_max = 1024;
/// Proposals that are answered before the stream is given up.
constexpr std::size_t proposals_max = 32;

/// One side of agreeing on a protocol: bytes go in and out, `chosen()` tells the outcome. Never
/// takes a byte that belongs to the protocol itself.
/// Spec: multistream-select 1.0.
class negotiation {
  public:
    using accepts = std::function<bool(const std::string&)>;

    /// The side that proposes, in the order of its preference; at least one. The first proposal
    /// goes out with the header, so data of that protocol may follow at once where the peer is
    /// known to speak it.
    static negotiation propose(std::vector<std::string> protocols);
    /// The side that answers: takes the first proposal that `known` holds for.
    static negotiation answer(accepts known);

    /// Bytes to read next, exactly; 0 when nothing more is needed. To read more at a time is
    /// allowed, since feed() says how much it took.
    std::size_t wanted() const noexcept;
    /// Takes bytes from the front of `data` and returns how many. After an error nothing more may
    /// be fed.
    result<std::size_t> feed(byte_view data);

    /// Bytes to send, and that some of them were sent.
    byte_view pending() const noexcept { return byte_view(out_).subspan(sent_); }
    void sent(std::size_t n) noexcept { sent_ += n; }

    /// The protocol of the stream, once both sides know it.
    const std::optional<std::string>& chosen() const noexcept { return chosen_; }

  private:
    negotiation() = default;
    void send(std::string_view text);
    result<void> message(std::string_view text);
    result<void> answered(std::string_view text);
    result<void> proposed(std::string_view text);

    std::vector<std::string> proposals_;  // of the proposing side
    std::size_t current_ = 0;             // which of them is out, or how many were answered
    accepts known_;
    bool header_seen_ = false;
    std::optional<std::string> chosen_;
    bytes in_;  // the message under way, with its length
    bytes out_;
    std::size_t sent_ = 0;
};

}  // namespace dm::multistream
