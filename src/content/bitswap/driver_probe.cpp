#include <prometheus/counter.h>

#include "base/metrics.hpp"
#include "content/bitswap/probe.hpp"

namespace dm::bitswap::probe {

void received(std::size_t bytes, bool is_wanted) {
    static auto& total_bytes = metrics::counter("distromash_bitswap_received_bytes_total",
                                                "Bytes of blocks received over bitswap");
    static auto& blocks = metrics::counter("distromash_bitswap_received_blocks_total",
                                           "Blocks received over bitswap that were wanted");
    static auto& late =
        metrics::counter("distromash_bitswap_late_blocks_total",
                         "Blocks received over bitswap when they were not wanted any more");
    total_bytes.Increment(static_cast<double>(bytes));
    (is_wanted ? blocks : late).Increment();
}

void unasked() {
    static auto& count = metrics::counter("distromash_bitswap_unasked_blocks_total",
                                          "Blocks received over bitswap that nobody asked for");
    count.Increment();
}

void sent(std::size_t bytes, std::size_t blocks) {
    static auto& total_bytes = metrics::counter("distromash_bitswap_sent_bytes_total",
                                                "Bytes of blocks sent over bitswap");
    static auto& total_blocks =
        metrics::counter("distromash_bitswap_sent_blocks_total", "Blocks sent over bitswap");
    total_bytes.Increment(static_cast<double>(bytes));
    total_blocks.Increment(static_cast<double>(blocks));
}

}  // namespace dm::bitswap::probe
