#pragma once

#include "mesh/crdt/block.hpp"

namespace dm::crdt {

/// Between our own nodes: who connects says what it has, and is sent what it lacks. The request is
/// one length-prefixed message; the answer is length-prefixed blocks, oldest first, until the
/// stream ends.
inline constexpr const char* sync_protocol = "/distromash/crdt/1";

/// Between our own nodes: length-prefixed blocks, oldest first, until the stream ends; the answer
/// is a request of the sync protocol that names those which are on the disk of who answers. No
/// answer where there are none.
inline constexpr const char* push_protocol = "/distromash/crdt-push/1";

constexpr std::size_t sync_ids_max = 256;
constexpr std::size_t sync_request_bytes_max = 16 * 1024;
/// Of one push: no more than a walk merges at once.
constexpr std::size_t pushed_blocks_max = sync_ids_max;
constexpr std::size_t pushed_bytes_max = block_bytes_max;
/// Blocks of one answer; whoever lacks more asks again.
constexpr std::size_t sync_blocks_max = 200'000;

/// Blocks that the asker has, with all that is before them: field 1, repeated.
bytes encode_sync_request(const std::vector<cid>& have);
/// Ids beyond sync_ids_max and those that are no blocks are left out. Error: malformed_broadcast.
result<std::vector<cid>> decode_sync_request(byte_view data);

}  // namespace dm::crdt
