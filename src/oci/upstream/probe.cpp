#include "oci/upstream/probe.hpp"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>

#include "base/metrics.hpp"

namespace dm::upstream {
namespace {

const char* text_of(exchange_kind kind) {
    switch (kind) {
        case exchange_kind::manifest:
            return "manifest";
        case exchange_kind::blob:
            return "blob";
        case exchange_kind::token:
            return "token";
    }
    return "";
}

void count(exchange_kind kind, const std::string& outcome) {
    metrics::counter("distromash_upstream_requests_total",
                     "Exchanges with upstream registries and their token servers",
                     {{"kind", text_of(kind)}, {"outcome", outcome}})
        .Increment();
}

const char* outcome_of(int status) {
    if (status < 400)
        return "ok";
    switch (status) {
        case 401:
            return name_of(errc::unauthorized);
        case 403:
            return name_of(errc::denied);
        case 404:
            return name_of(errc::not_found);
        case 429:
            return name_of(errc::rate_limited);
        default:
            return name_of(errc::unavailable);
    }
}

}  // namespace

void count_exchange(exchange_kind kind, int status) {
    count(kind, outcome_of(status));
}

void count_exchange(exchange_kind kind, const exchange_failed& why) {
    const auto& code = why.reason().code;
    const bool ours = code.category() == make_error_code(errc::corrupt).category();
    count(kind, ours ? name_of(static_cast<errc>(code.value())) : "failed");
}

void count_received(std::uint64_t bytes) {
    static auto& counter = metrics::counter("distromash_upstream_received_bytes_total",
                                            "Bytes of blobs received from upstream registries");
    counter.Increment(static_cast<double>(bytes));
}

void note_rate_limit(std::uint64_t remaining) {
    static auto& gauge = metrics::gauge("distromash_upstream_rate_limit_remaining",
                                        "Requests that an upstream registry still allows");
    gauge.Set(static_cast<double>(remaining));
}

}  // namespace dm::upstream
