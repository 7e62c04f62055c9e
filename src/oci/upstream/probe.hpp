#pragma once

#include <cstdint>

#include "oci/upstream/exchange.hpp"

namespace dm::upstream {

enum class exchange_kind { manifest, blob, token };

/// distromash_upstream_requests_total{kind,outcome}; the outcome is "ok" or an errc's name.
void count_exchange(exchange_kind kind, int status);
void count_exchange(exchange_kind kind, const exchange_failed& why);

/// distromash_upstream_received_bytes_total: blob bytes that were handed on.
void count_received(std::uint64_t bytes);

/// distromash_upstream_rate_limit_remaining: what the registry that last said so still allows.
void note_rate_limit(std::uint64_t remaining);

}  // namespace dm::upstream
