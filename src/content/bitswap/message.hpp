#pragma once

#include <cstdint>
#include <vector>

#include "base/bytes.hpp"
#include "content/bitswap/errc.hpp"
#include "multiformats/cid.hpp"

namespace dm::bitswap {

using multiformats::cid;

/// Bytes of one message, at most, as boxo and Helia read them.
constexpr std::size_t message_bytes_max = 4 * 1024 * 1024;
/// Bytes of one block, at most.
constexpr std::size_t block_bytes_max = 2 * 1024 * 1024;
/// Bytes of a binary CID that is exchanged, at most.
constexpr std::size_t cid_bytes_max = 168;

inline constexpr const char* protocol_1_2 = "/ipfs/bitswap/1.2.0";
inline constexpr const char* protocol_1_1 = "/ipfs/bitswap/1.1.0";

/// The wire forms: 1.0 has bare blocks and CIDs of version 0 only, 1.1 has prefixed blocks, 1.2
/// adds want-have, HAVE and DONT_HAVE.
enum class version : std::uint8_t { v1_0, v1_1, v1_2 };

enum class want_type : std::uint8_t { block = 0, have = 1 };

struct want {
    cid id;
    std::int32_t priority = 1;
    bool cancel = false;
    want_type type = want_type::block;
    bool send_dont_have = false;

    friend bool operator==(const want&, const want&) = default;
};

/// How the CID of a block is made from its bytes.
struct block_prefix {
    int version = 1;  ///< 0 or 1
    multiformats::codec codec = multiformats::codec::raw;
    multiformats::hash_code hash = multiformats::hash_code::sha2_256;
    std::uint64_t digest_bytes = 32;

    friend bool operator==(const block_prefix&, const block_prefix&) = default;
};

block_prefix prefix_of(const cid& id) noexcept;

/// Hashes. Errors: unsupported_hash, malformed_block (a digest longer than the function's, or
/// shorter than what is trusted).
result<cid> cid_of(const block_prefix& prefix, byte_view data);

/// A block in a message; `data` points into it.
struct block {
    block_prefix prefix;
    byte_view data;
};

struct presence {
    cid id;
    bool have = false;

    friend bool operator==(const presence&, const presence&) = default;
};

/// One message, either way. Spec: ipfs specs bitswap-protocol.md "Wire Format".
struct message {
    std::vector<want> wants{};
    bool full = false;  ///< `wants` replace all earlier ones
    std::vector<block> blocks{};
    std::vector<presence> presences{};
    std::int32_t pending_bytes = 0;

    bool empty() const noexcept { return wants.empty() && blocks.empty() && presences.empty(); }
};

/// Reads a message without its length prefix. Wants and presences for CIDs that nobody may ask for
/// (too long, hashes that are not trusted, identity) are left out. Errors: malformed_message
/// (broken protobuf, wrong types, a want whose CID is none), malformed_block.
result<message> decode_message(byte_view data);

/// Writes it without a length prefix. Wants are written always, even none, as boxo does. For 1.0
/// and 1.1, want-haves and presences have no form and are left out.
bytes encode_message(const message& m, version v = version::v1_2);

/// Bytes that one part takes in an encoded message, for filling messages up to a size.
std::size_t encoded_size(const want& w) noexcept;
std::size_t encoded_size(const presence& p) noexcept;
std::size_t encoded_size(const block& b) noexcept;

/// Whether a block may be asked for by this CID.
bool is_exchangeable(const cid& id) noexcept;

}  // namespace dm::bitswap
