#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

#include "base/bytes.hpp"
#include "content/swarm/errc.hpp"
#include "content/swarm/holdings.hpp"
#include "content/swarm/leaf_set.hpp"
#include "crypto/digest.hpp"

/// The messages of /distromash/blob/1. Each side opens one stream and only writes on it: "hello"
/// first, then any others. A blob is named by a channel, a number that its sender has chosen in
/// "join". On the wire a message is its length as a varint, and a protobuf message with one field,
/// whose number says which one it is; field numbers that are not known are skipped.
namespace dm::swarm {

constexpr std::uint32_t protocol_version = 1;
/// A message without its length.
constexpr std::size_t message_bytes_max = 1 << 20;
/// Of a blob, 2^40 bytes.
constexpr std::uint64_t blob_bytes_max = std::uint64_t{1} << 40;
/// Blobs that one peer names at once.
constexpr std::uint32_t channels_max = 4096;
constexpr std::size_t runs_max = 65536;
constexpr std::size_t hashes_max = 1024;  ///< in one "leaves": 32 KiB
/// Bytes of a leaf in one message: all of it at most. Who has little to send in a second sends
/// less at once, so that other messages are not kept waiting.
constexpr std::size_t piece_bytes_max = leaf_bytes;

using leaf_hash = std::array<std::byte, 32>;  ///< sha2-256 of a leaf

using channel_no = std::uint32_t;

struct hello {
    std::uint32_t version = protocol_version;
    friend bool operator==(const hello&, const hello&) = default;
};

/// Leaves as runs, in order: some that are not meant, then some that are.
struct leaf_runs {
    struct run {
        std::uint32_t skip = 0;
        std::uint32_t length = 0;
        friend bool operator==(const run&, const run&) = default;
    };
    std::vector<run> runs;

    static leaf_runs of(const leaf_set& set);
    /// Adds them to `set`, as far as it reaches.
    void add_to(leaf_set& set) const;
    friend bool operator==(const leaf_runs&, const leaf_runs&) = default;
};

/// The sender takes part in a blob: it has some of it, wants some of it, or both.
struct join {
    channel_no channel = 0;
    crypto::digest digest;
    std::uint64_t size = 0;  ///< bytes; 0 with `size_known` false
    bool size_known = false;
    role as = role::partner;
    bool wants = false;    ///< and asks for it
    bool directs = false;  ///< "ask_any" is welcome
    leaf_runs leaves;
    friend bool operator==(const join&, const join&) = default;
};
struct leave {
    channel_no channel = 0;
    friend bool operator==(const leave&, const leave&) = default;
};
/// More leaves.
struct have {
    channel_no channel = 0;
    leaf_runs leaves;
    friend bool operator==(const have&, const have&) = default;
};
/// Send me the hashes from leaf `first` on, as many as there are in a row, hashes_max at most.
struct ask_leaves {
    channel_no channel = 0;
    std::uint32_t first = 0;
    friend bool operator==(const ask_leaves&, const ask_leaves&) = default;
};
struct leaves {
    channel_no channel = 0;
    std::uint32_t first = 0;
    std::vector<leaf_hash> hashes;
    friend bool operator==(const leaves&, const leaves&) = default;
};
struct ask_leaf {
    channel_no channel = 0;
    std::uint32_t leaf = 0;
    friend bool operator==(const ask_leaf&, const ask_leaf&) = default;
};
/// A leaf of your choice, at or behind `from` if that makes no difference to you: what comes in the
/// order of the blob costs us the least.
struct ask_any_leaf {
    channel_no channel = 0;
    std::optional<std::uint32_t> from;
    friend bool operator==(const ask_any_leaf&, const ask_any_leaf&) = default;
};
struct cancel_leaf {
    channel_no channel = 0;
    std::uint32_t leaf = 0;
    friend bool operator==(const cancel_leaf&, const cancel_leaf&) = default;
};
struct refuse_leaf {
    channel_no channel = 0;
    std::uint32_t leaf = 0;
    friend bool operator==(const refuse_leaf&, const refuse_leaf&) = default;
};
struct no_more_leaves {
    channel_no channel = 0;
    friend bool operator==(const no_more_leaves&, const no_more_leaves&) = default;
};
/// The answer to "ask_any": this leaf follows.
struct chosen_leaf {
    channel_no channel = 0;
    std::uint32_t leaf = 0;
    leaf_hash hash{};
    friend bool operator==(const chosen_leaf&, const chosen_leaf&) = default;
};
/// Part of a leaf. The parts of one leaf follow each other without those of another between.
struct piece {
    channel_no channel = 0;
    std::uint32_t leaf = 0;
    std::uint32_t offset = 0;
    byte_view data;  ///< points into what was decoded
};

using message = std::variant<hello, join, leave, have, ask_leaves, leaves, ask_leaf, ask_any_leaf,
                             cancel_leaf, refuse_leaf, no_more_leaves, chosen_leaf, piece>;

/// Appends the message with its length.
void encode(bytes& out, const message& m);
/// Appends a piece up to its data, which the caller appends.
void encode_head(bytes& out, const piece& p, std::size_t data_bytes);

/// What a piece says before its data.
struct piece_head {
    channel_no channel = 0;
    std::uint32_t leaf = 0;
    std::uint32_t offset = 0;
    std::uint32_t data_bytes = 0;  ///< that follow, up to the end of the message
    std::size_t size = 0;          ///< of the head itself
};
/// More bytes than a head has.
constexpr std::size_t piece_head_bytes_max = 48;

/// The head of a piece that is a message of `message_bytes` and begins with `front`, so that its
/// data need not be gathered first; nullopt when it is no piece, too little of it is there, or its
/// fields are in another order than encode_head() gives: then decode() has the last word.
std::optional<piece_head> read_piece_head(byte_view front, std::size_t message_bytes);

/// A message without its length; nullopt when it is of a kind that is not known. Errors:
/// malformed_message, too_large.
result<std::optional<message>> decode(byte_view data);

}  // namespace dm::swarm
