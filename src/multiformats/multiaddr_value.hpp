#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "multiformats/multiaddr.hpp"

namespace dm::multiformats {

/// How the value of a protocol is spelled.
enum class value_kind : std::uint8_t { none, ip4, ip6, number, host, path, http_path, peer, hash };

/// A row of the protocol table.
struct protocol_entry {
    std::string_view name;
    protocol code;
    value_kind kind;
    std::size_t size;  ///< bytes of the value; any_size is prefixed with its length
};
constexpr std::size_t any_size = SIZE_MAX;

/// nullptr when the table has no such row. "ipfs" is another name of p2p.
const protocol_entry* find_protocol(std::string_view name) noexcept;
const protocol_entry* find_protocol(std::uint64_t code) noexcept;

/// Whether bytes of the right size are a value of the protocol.
bool is_valid_value(const protocol_entry& entry, byte_view value);
/// nullopt when the text is none.
std::optional<bytes> value_from_text(const protocol_entry& entry, std::string_view text);
/// Of a valid value.
std::string value_to_text(const protocol_entry& entry, byte_view value);

}  // namespace dm::multiformats
