#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "libp2p/mdns/errc.hpp"

namespace dm::mdns {

/// Bytes of a packet, at most. Spec: RFC 6762 section 17.
constexpr std::size_t packet_bytes_max = 9000;
/// Questions and records of one packet that are read, at most.
constexpr std::size_t entries_max = 256;
/// Characters of a name.
constexpr std::size_t name_bytes_max = 255;

enum class record_type : std::uint16_t {
    a = 1,
    ptr = 12,
    txt = 16,
    aaaa = 28,
    srv = 33,
    any = 255
};

/// Names are lower-case, without the final dot: "_p2p._udp.local".
struct question {
    std::string name;
    record_type type = record_type::ptr;

    friend bool operator==(const question&, const question&) = default;
};

struct resource {
    std::string name;
    record_type type = record_type::txt;
    std::uint32_t ttl_seconds = 0;
    std::string target{};              ///< of PTR
    std::vector<std::string> texts{};  ///< of TXT

    friend bool operator==(const resource&, const resource&) = default;
};

/// A DNS message as multicast DNS uses it. Records of other types than PTR and TXT are read over.
/// Spec: RFC 1035, RFC 6762.
struct packet {
    std::uint16_t id = 0;
    bool is_answer = false;
    std::vector<question> questions{};
    std::vector<resource> records{};  ///< answers, authority and additional ones

    friend bool operator==(const packet&, const packet&) = default;
};

/// Error: malformed_packet.
result<packet> decode_packet(byte_view data);
/// All records are written as answers. Texts over 255 bytes are left out.
bytes encode_packet(const packet& p);

}  // namespace dm::mdns
