#include "http/server/probe.hpp"

#include <fmt/format.h>
#include <prometheus/counter.h>
#include <prometheus/gauge.h>

#include <algorithm>

#include "base/metrics.hpp"

namespace dm::server {

probe::probe(const std::string& server)
    : received_(metrics::counter("distromash_http_received_bytes_total",
                                 "bytes read from HTTP clients", {{"server", server}})),
      sent_(metrics::counter("distromash_http_sent_bytes_total", "bytes sent to HTTP clients",
                             {{"server", server}})),
      connections_(metrics::gauge("distromash_http_connections", "open HTTP connections",
                                  {{"server", server}})) {
    for (std::size_t i = 0; i < requests_.size(); ++i)
        requests_[i] = &metrics::counter(
            "distromash_http_requests_total", "HTTP requests answered, by class of status",
            {{"server", server}, {"class", fmt::format("{}xx", i + 1)}});
}

void probe::answered(int status) noexcept {
    requests_[static_cast<std::size_t>(std::clamp(status / 100, 1, 5) - 1)]->Increment();
}

void probe::received(std::uint64_t bytes) noexcept {
    received_.Increment(static_cast<double>(bytes));
}

void probe::sent(std::uint64_t bytes) noexcept {
    sent_.Increment(static_cast<double>(bytes));
}

void probe::opened() noexcept {
    connections_.Increment();
}

void probe::closed() noexcept {
    connections_.Decrement();
}

}  // namespace dm::server
