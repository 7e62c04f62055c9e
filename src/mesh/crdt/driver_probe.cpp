#include <prometheus/counter.h>
#include <prometheus/gauge.h>

#include "base/metrics.hpp"
#include "mesh/crdt/probe.hpp"

namespace dm::crdt::probe {

void size(std::uint64_t blocks, std::uint64_t history_bytes, std::size_t keys) {
    static auto& all_blocks =
        metrics::gauge("distromash_crdt_blocks", "Blocks of the shared state's history");
    static auto& all_bytes =
        metrics::gauge("distromash_crdt_history_bytes", "Bytes of the shared state's history");
    static auto& all_keys = metrics::gauge("distromash_crdt_keys", "Keys of the shared state");
    all_blocks.Set(static_cast<double>(blocks));
    all_bytes.Set(static_cast<double>(history_bytes));
    all_keys.Set(static_cast<double>(keys));
}

void merged(std::size_t blocks, std::size_t malformed) {
    static auto& good = metrics::counter("distromash_crdt_merged_blocks_total",
                                         "Blocks of other nodes merged into the shared state");
    static auto& bad = metrics::counter("distromash_crdt_malformed_blocks_total",
                                        "Blocks of other nodes that were no changes");
    good.Increment(static_cast<double>(blocks));
    bad.Increment(static_cast<double>(malformed));
}

}  // namespace dm::crdt::probe
