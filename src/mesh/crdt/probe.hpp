#pragma once

#include <cstddef>
#include <cstdint>

namespace dm::crdt::probe {

/// distromash_crdt_{blocks,history_bytes,keys}: what the shared state takes on this node.
void size(std::uint64_t blocks, std::uint64_t history_bytes, std::size_t keys);
/// distromash_crdt_{merged,malformed}_blocks_total: blocks of other nodes.
void merged(std::size_t blocks, std::size_t malformed);

}  // namespace dm::crdt::probe
