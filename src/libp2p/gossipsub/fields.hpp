#pragma once

#include <cstdint>

#include "multiformats/protobuf.hpp"

namespace dm::gossipsub {

// Numbers of the fields on the wire. Spec: libp2p pubsub and gossipsub v1.1 protobufs.
constexpr std::uint32_t rpc_subscription = 1;
constexpr std::uint32_t rpc_publish = 2;
constexpr std::uint32_t rpc_control = 3;
constexpr std::uint32_t subscription_is_on = 1;
constexpr std::uint32_t subscription_topic = 2;
constexpr std::uint32_t message_from = 1;
constexpr std::uint32_t message_data = 2;
constexpr std::uint32_t message_seqno = 3;
constexpr std::uint32_t message_topic = 4;
constexpr std::uint32_t message_signature = 5;
constexpr std::uint32_t message_key = 6;
constexpr std::uint32_t control_ihave = 1;
constexpr std::uint32_t control_iwant = 2;
constexpr std::uint32_t control_graft = 3;
constexpr std::uint32_t control_prune = 4;
constexpr std::uint32_t ihave_topic = 1;
constexpr std::uint32_t ihave_id = 2;
constexpr std::uint32_t iwant_id = 1;
constexpr std::uint32_t graft_topic = 1;
constexpr std::uint32_t prune_topic = 1;
constexpr std::uint32_t prune_backoff = 3;

}  // namespace dm::gossipsub
