#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "multiformats/errc.hpp"
#include "multiformats/peer_id.hpp"

namespace dm::multiformats {

constexpr std::size_t multiaddr_bytes_max = 2048;
constexpr std::size_t multiaddr_text_max = 4096;

/// The protocols that a multiaddress may have here, by multicodec.
/// Spec: multiaddr protocols.csv.
enum class protocol : std::uint32_t {
    ip4 = 4,
    tcp = 6,
    ip6 = 41,
    ip6zone = 42,
    ipcidr = 43,
    dns = 53,
    dns4 = 54,
    dns6 = 55,
    dnsaddr = 56,
    udp = 273,
    webrtc_direct = 280,
    webrtc = 281,
    p2p_circuit = 290,
    unix_path = 400,
    p2p = 421,
    https = 443,
    tls = 448,
    sni = 449,
    noise = 454,
    quic = 460,
    quic_v1 = 461,
    webtransport = 465,
    certhash = 466,
    ws = 477,
    wss = 478,
    http = 480,
    http_path = 481,
    memory = 777,
};

/// One step of a multiaddress; `value` points into it and has the form that the protocol asks for.
struct multiaddr_component {
    protocol code;
    byte_view value;

    /// The value as text ("127.0.0.1", "4001", a peer id); empty for protocols without one.
    std::string text() const;
};

/// A network address that says how to get there, as `/ip4/127.0.0.1/tcp/4001/p2p/12D3…`. Holds the
/// valid binary form; may be empty. Compared by bytes, so `/ipfs/ID` equals `/p2p/ID`.
/// Spec: multiaddr.
class multiaddr {
  public:
    multiaddr() = default;

    byte_view bytes() const noexcept { return bytes_; }
    bool empty() const noexcept { return bytes_.empty(); }
    /// Views into this object: valid while it lives and does not change.
    std::vector<multiaddr_component> components() const;
    /// Empty for an empty address.
    std::string to_string() const;

    /// The peer of a trailing `/p2p/ID`.
    std::optional<peer_id> peer() const;
    /// Without a trailing `/p2p/ID`.
    multiaddr without_peer() const;
    /// With `/p2p/ID` at the end, in place of one that is there.
    multiaddr with_peer(const peer_id& id) const;

    friend bool operator==(const multiaddr&, const multiaddr&) = default;
    friend auto operator<=>(const multiaddr&, const multiaddr&) = default;

  private:
    friend result<multiaddr> parse_multiaddr(byte_view);
    friend result<multiaddr> parse_multiaddr(std::string_view);
    explicit multiaddr(dm::bytes valid) : bytes_(std::move(valid)) {}

    dm::bytes bytes_;
};

/// Errors: malformed_multiaddr; unknown_protocol (skip this one address: its length is not known);
/// too_long.
result<multiaddr> parse_multiaddr(byte_view data);
result<multiaddr> parse_multiaddr(std::string_view text);

}  // namespace dm::multiformats

template <>
struct std::hash<dm::multiformats::multiaddr> {
    std::size_t operator()(const dm::multiformats::multiaddr& a) const noexcept {
        return std::hash<std::string_view>{}(dm::as_chars(a.bytes()));
    }
};
