#include "libp2p/host/probe.hpp"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>

#include "base/metrics.hpp"

namespace dm::host {

void note_connections(std::size_t count) {
    static auto& gauge = metrics::gauge("distromash_host_connections", "Connections to peers");
    gauge.Set(static_cast<double>(count));
}

void count_dial(const std::string& outcome) {
    metrics::counter("distromash_host_dials_total", "Attempts to reach a peer",
                     {{"outcome", outcome}})
        .Increment();
}

void count_refused(const std::string& reason) {
    metrics::counter("distromash_host_refused_total",
                     "Incoming connections that did not come to be", {{"reason", reason}})
        .Increment();
}

void count_sent(std::size_t bytes) {
    static auto& counter = metrics::counter("distromash_host_sent_bytes_total", "Bytes to peers");
    counter.Increment(static_cast<double>(bytes));
}

void count_received(std::size_t bytes) {
    static auto& counter =
        metrics::counter("distromash_host_received_bytes_total", "Bytes from peers");
    counter.Increment(static_cast<double>(bytes));
}

}  // namespace dm::host
