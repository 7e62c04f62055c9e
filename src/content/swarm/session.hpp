#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <variant>

#include "content/swarm/leaf_buffer.hpp"
#include "content/swarm/message.hpp"

namespace dm::swarm {

/// What waits to be written, leaves not counted; a peer that does not read is cut off beyond.
constexpr std::size_t unsent_bytes_max = 4 << 20;
/// Events that wait to be taken; feed() takes no more bytes beyond.
constexpr std::size_t events_max = 1024;
/// Bytes of a piece until limit_pieces() says otherwise: those of one Noise frame, about.
constexpr std::size_t piece_bytes_first = 65536;
/// Room for what is not the data of a piece.
constexpr std::size_t head_room_bytes = 4096;

/// Some bytes of a leaf have come.
struct piece_received {
    channel_no channel;  ///< the peer's
    std::uint32_t leaf;
    std::size_t size;
};
/// A whole leaf has come; its hash is to be checked.
struct block_received {
    channel_no channel;
    std::uint32_t leaf;
    leaf_buffer data;
};
/// The last byte of a leaf given to send_block() has been written.
struct block_sent {
    channel_no channel;  ///< ours
    std::uint32_t leaf;
};
using session_event = std::variant<message, piece_received, block_received, block_sent>;

/// One peer on /distromash/blob/1: both streams' bytes on one side, messages and leaves on the
/// other. Messages go before leaves, so they wait for one piece at most. Holds one unfinished leaf
/// a direction, and copies none: pieces go out of the memory of the leaf, and may be read into it.
/// No I/O.
class session {
  public:
    /// `spare`: where the memory of leaves comes from; outlives this. nullptr: the heap.
    explicit session(leaf_buffers* spare = nullptr);

    /// Queues a message. Not a piece.
    void send(const message& m);
    /// Sends the bytes of a leaf in pieces.
    void send_block(channel_no channel, std::uint32_t leaf, leaf_buffer data);
    /// Pieces sent from now on have at most that many bytes; 1..piece_bytes_max.
    void limit_pieces(std::size_t bytes) noexcept { piece_bytes_ = bytes; }
    std::size_t blocks_waiting() const noexcept { return blocks_.size(); }

    /// What is to be written next; empty when there is nothing. Valid until the next call.
    byte_view pending();
    /// That many bytes of pending() have been written.
    void sent(std::size_t n);

    /// Takes bytes of the peer's stream. Errors end the session: those of decode(), out_of_order,
    /// unsupported_version.
    result<void> feed(byte_view data);
    /// Where the next bytes may be read to instead: within the leaf that comes, if one does. Valid
    /// until the next call; followed by filled(), with the errors of feed().
    std::span<std::byte> room();
    result<void> filled(std::size_t n);
    std::optional<session_event> poll();
    /// False when the peer does not read what it is told.
    bool healthy() const noexcept { return control_.size() <= unsent_bytes_max; }

  private:
    struct outgoing {
        channel_no channel;
        std::uint32_t leaf;
        leaf_buffer data;
        std::size_t done = 0;
    };
    struct incoming {
        channel_no channel = 0;
        std::uint32_t leaf = 0;
        leaf_buffer data;
        std::size_t have = 0;
    };

    result<std::size_t> take_message(byte_view data);
    result<void> take_incomplete(byte_view& data);
    result<void> accept(message m);
    result<void> begin_piece(const piece_head& p);
    byte_view take_body(byte_view data);
    void body_came(std::size_t n);
    void next_piece();

    leaf_buffers* spare_;
    std::size_t piece_bytes_ = piece_bytes_first;
    bytes control_;
    std::deque<outgoing> blocks_;
    bytes out_;
    std::size_t out_done_ = 0;
    byte_view piece_;  // of the first block, what is left of it to be written
    bytes in_;         // a message that is not complete
    bytes head_room_;
    std::size_t piece_bytes_coming_ = 0;
    std::size_t piece_left_ = 0;
    bool greeted_ = false;
    std::map<channel_no, std::optional<std::uint64_t>> channels_;  // the peer's: size of the blob
    std::optional<incoming> incoming_;
    std::deque<session_event> events_;
};

}  // namespace dm::swarm
