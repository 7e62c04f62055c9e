#pragma once

#include "mesh/crdt/block.hpp"

namespace dm::crdt {

/// Between our own nodes: who connects says what it has, and is sent what it lacks. The request is
/// one length-prefixed message; the answer is length-prefixed blocks, oldest first, until the
/// stream ends.
inline constexpr const char* sync_protocol = "/distromash/crdt/1";

constexpr std::size_t sync_ids_max = 256;
constexpr std::size_t sync_request_bytes_max = 16 * 1024;
/// Blocks of one answer; whoever lacks more asks again.
constexpr std::size_t sync_blocks_max = 200'000;

/// Blocks that the asker has, with all that is before them: field 1, repeated.
bytes encode_sync_request(const std::vector<cid>& have);
/// Ids beyond sync_ids_max and those that are no blocks are left out. Error: malformed_broadcast.
result<std::vector<cid>> decode_sync_request(byte_view data);

}  // namespace dm::crdt
