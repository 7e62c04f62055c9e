#pragma once

#include <cstddef>

namespace dm::bitswap::probe {

/// distromash_bitswap_{received,sent}_{bytes,blocks}_total, distromash_bitswap_late_blocks_total
/// (came after somebody else's), distromash_bitswap_unasked_blocks_total.
void received(std::size_t bytes, bool is_wanted);
void unasked();
void sent(std::size_t bytes, std::size_t blocks);

}  // namespace dm::bitswap::probe
