#pragma once

#include "libp2p/host/host.hpp"

namespace dm::host {

constexpr const char* ping_protocol = "/ipfs/ping/1.0.0";
constexpr std::size_t ping_bytes = 32;

/// Sends back what comes, 32 bytes at a time, until the peer ends it or says nothing for a minute.
/// Spec: libp2p ping.
awaitable<void> serve_ping(inbound in);

/// The time that 32 random bytes take to the peer and back. Throws failure: those of host::open,
/// aio::errc::timed_out, protocol_refused when something else comes back.
awaitable<std::chrono::steady_clock::duration> ping(host& via, peer_id peer);

}  // namespace dm::host
