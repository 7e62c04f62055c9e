#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "crypto/key.hpp"
#include "libp2p/gossipsub/errc.hpp"
#include "multiformats/peer_id.hpp"

namespace dm::gossipsub {

using multiformats::peer_id;

inline constexpr const char* protocol_1_1 = "/meshsub/1.1.0";
inline constexpr const char* protocol_1_0 = "/meshsub/1.0.0";
inline constexpr const char* protocol_floodsub = "/floodsub/1.0.0";

/// Bytes of one RPC, at most, as go-libp2p-pubsub has it.
constexpr std::size_t rpc_bytes_max = 1024 * 1024;
/// Bytes of a message's data that we publish: with its other fields it fits into an RPC.
constexpr std::size_t data_bytes_max = rpc_bytes_max - 16 * 1024;
constexpr std::size_t topic_bytes_max = 256;
/// Of one RPC: subscriptions, messages, topics with control messages, and ids that are read; what
/// is beyond is left out.
constexpr std::size_t subscriptions_max = 1000;
constexpr std::size_t messages_max = 1000;
constexpr std::size_t controls_max = 1000;
constexpr std::size_t ids_max = 5000;
/// Bytes of a message id, at most: an author's id and a number.
constexpr std::size_t message_id_bytes_max = 128;

/// What tells messages apart: author ‖ number. Raw bytes.
using message_id = std::string;

/// A published message, with its fields as they are on the wire: signatures cover presence too.
/// Spec: libp2p pubsub "The Message", strict signing.
struct message {
    bytes from;   ///< the author's peer id
    bytes seqno;  ///< 8 bytes, big-endian, rising
    std::string topic;
    std::optional<bytes> data{};
    bytes signature{};
    bytes key{};  ///< the author's, where the id does not contain it

    friend bool operator==(const message&, const message&) = default;
};

message_id id_of(const message& m);

/// What the signature covers.
bytes signed_bytes(const message& m);

/// A message by the owner of `key`, signed.
message make_message(const crypto::private_key& key, std::uint64_t seqno, std::string topic,
                     byte_view data);

/// The author, when the message is complete and signed by it. Errors: malformed_message,
/// bad_signature.
result<peer_id> verify(const message& m);

struct subscription {
    bool is_on = true;
    std::string topic;

    friend bool operator==(const subscription&, const subscription&) = default;
};

/// "I have these": lazy gossip.
struct ihave {
    std::string topic;
    std::vector<message_id> ids;

    friend bool operator==(const ihave&, const ihave&) = default;
};

/// "I do not forward this topic to you"; the peers that may come with it are not read.
struct prune {
    std::string topic;
    std::optional<std::chrono::seconds> backoff{};

    friend bool operator==(const prune&, const prune&) = default;
};

/// All that one RPC may carry but the messages.
struct control {
    std::vector<subscription> subscriptions{};
    std::vector<ihave> haves{};
    std::vector<message_id> wants{};
    std::vector<std::string> grafts{};
    std::vector<prune> prunes{};

    bool empty() const noexcept {
        return subscriptions.empty() && haves.empty() && wants.empty() && grafts.empty() &&
               prunes.empty();
    }
    friend bool operator==(const control&, const control&) = default;
};

/// Spec: libp2p pubsub "The RPC", gossipsub v1.1 "Protobuf".
struct rpc {
    gossipsub::control control{};
    std::vector<message> messages{};

    friend bool operator==(const rpc&, const rpc&) = default;
};

/// Reads one without its length prefix. Unknown fields, and items with a topic or an id that is too
/// long, are left out. Error: malformed_rpc.
result<rpc> decode_rpc(byte_view data);

/// The Message alone, its fields in canonical order.
bytes encode_message(const message& m);
/// Appends to an RPC that is being written.
void append_message(bytes& rpc, byte_view encoded);
void append_control(bytes& rpc, const control& c);
/// Bytes that append_message() adds.
std::size_t message_size_in_rpc(std::size_t encoded_bytes) noexcept;
/// The whole of it, without a length prefix.
bytes encode_rpc(const rpc& r);

}  // namespace dm::gossipsub
