#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "libp2p/kad/errc.hpp"
#include "libp2p/kad/key.hpp"

namespace dm::kad {

/// Bytes of a message, at most. The protocol allows 4 MiB, which nobody needs and many streams at
/// once would make dangerous.
constexpr std::size_t request_bytes_max = 64 * 1024;
constexpr std::size_t answer_bytes_max = 1024 * 1024;
/// Bytes of a key that is asked for, at most, as go-libp2p-kad-dht has it.
constexpr std::size_t key_bytes_max = 80;
/// Peers of one list that are read, and addresses of each; what is beyond is left out.
constexpr std::size_t peers_max = 256;
constexpr std::size_t addresses_max = 32;

inline constexpr const char* lan_protocol = "/ipfs/lan/kad/1.0.0";
inline constexpr const char* wan_protocol = "/ipfs/kad/1.0.0";

enum class message_type : std::uint8_t {
    put_value = 0,
    get_value = 1,
    add_provider = 2,
    get_providers = 3,
    find_node = 4,
    ping = 5,
};

enum class connection : std::uint8_t {
    not_connected = 0,
    connected = 1,
    can_connect = 2,
    cannot_connect = 3,
};

/// A peer and where it is said to be.
struct peer_info {
    peer_id id;
    std::vector<multiaddr> addresses{};  ///< without /p2p/ID
    kad::connection connection = kad::connection::not_connected;

    friend bool operator==(const peer_info&, const peer_info&) = default;
};

struct record {
    bytes key;
    bytes value;
    std::string time_received{};  ///< RFC 3339

    friend bool operator==(const record&, const record&) = default;
};

/// A request or its answer. Spec: libp2p kad-dht "RPC messages".
struct message {
    message_type type = message_type::ping;
    bytes key{};
    std::optional<kad::record> record{};
    std::vector<peer_info> closer{};
    std::vector<peer_info> providers{};

    friend bool operator==(const message&, const message&) = default;
};

/// Reads one without its length prefix. Peers whose id is none, and addresses that we cannot read,
/// are left out. Error: malformed_message.
result<message> decode_message(byte_view data);
/// Writes one without its length prefix.
bytes encode_message(const message& m);

}  // namespace dm::kad
