#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "multiformats/codes.hpp"
#include "multiformats/multibase.hpp"
#include "multiformats/multihash.hpp"

namespace dm::multiformats {

/// Longest CID text that is parsed.
constexpr std::size_t cid_text_max = positional_text_max;

/// A content identifier: the multihash of a block, and how to read the block. A value of 64 bytes,
/// hashable and ordered. Two CIDs with equal hash() name the same stored bytes. Default: the
/// identity CID of no bytes, `bafkqaaa`.
/// Spec: multiformats cid.
class cid {
  public:
    cid() = default;
    /// Version 1.
    cid(codec c, multihash hash) : hash_(std::move(hash)), codec_(c) {}
    /// Version 0, which is always dag-pb; `hash` is a full SHA2-256.
    static cid v0(multihash hash);
    /// Version 1, SHA2-256 of the block's bytes.
    static cid of(codec c, byte_view block) { return {c, multihash::sha2_256(block)}; }

    int version() const noexcept { return version_; }
    multiformats::codec codec() const noexcept { return codec_; }
    const multihash& hash() const noexcept { return hash_; }
    /// The same block named by version 1.
    cid to_v1() const { return {codec_, hash_}; }

    bytes to_bytes() const;
    void append_to(bytes& out) const;
    /// Bytes that append_to writes.
    std::size_t encoded_size() const noexcept;
    /// `Qm…` for version 0; otherwise in the given base.
    std::string to_string(multibase base = multibase::base32) const;

    friend bool operator==(const cid&, const cid&) = default;
    friend auto operator<=>(const cid&, const cid&) = default;

  private:
    multihash hash_;
    multiformats::codec codec_ = multiformats::codec::raw;
    std::uint8_t version_ = 1;
};

/// Reads a binary CID from the front. Errors: truncated, malformed_cid, malformed_varint,
/// unsupported_hash, too_long.
result<decoded<cid>> read_cid(byte_view data);
/// The whole of `data`; bytes left over are malformed_cid.
result<cid> parse_cid(byte_view data);
/// Any multibase, or a `Qm…`; no `/ipfs/` prefix, no white space.
result<cid> parse_cid(std::string_view text);

/// The block that an identity CID carries itself, as a view into the CID: nobody needs to be asked
/// for it.
std::optional<byte_view> inlined_block(const cid& c) noexcept;
std::optional<byte_view> inlined_block(cid&&) = delete;

}  // namespace dm::multiformats

template <>
struct std::hash<dm::multiformats::cid> {
    std::size_t operator()(const dm::multiformats::cid& c) const noexcept {
        return std::hash<dm::multiformats::multihash>{}(c.hash());
    }
};
