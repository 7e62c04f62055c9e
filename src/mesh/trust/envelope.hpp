#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "crypto/key.hpp"
#include "mesh/trust/errc.hpp"
#include "multiformats/peer_id.hpp"

namespace dm::trust {

using multiformats::peer_id;

/// Bytes of a signed record that is read, at most.
constexpr std::size_t envelope_bytes_max = 260 * 1024;
/// No sequence number is over this; the next one has to fit, too.
constexpr std::uint64_t sequence_max = std::uint64_t{1} << 62;

/// A record as somebody has signed it.
struct envelope {
    peer_id author;
    std::uint64_t sequence = 0;  ///< of several under one key the greatest counts
    bool is_deleted = false;     ///< says that there is no such record any more
};

/// The text of a signed record: the JSON object `record` with "author" and "seq" (and "author_key",
/// the author's public key, where its id does not contain it), keys in order, no white space, then
/// "sig" as the last member. What is signed: "distromash record 1", 0x00, the length of `key` in 4
/// bytes, most significant first, `key`, and the text without "sig". Members of these names that
/// are in `record` are replaced. Error: malformed_envelope when `record` is no JSON object.
result<std::string> seal(const crypto::private_key& author, std::string_view key,
                         std::string_view record, std::uint64_t sequence);

/// The text of a record that says that the one under `key` is gone.
std::string seal_deletion(const crypto::private_key& author, std::string_view key,
                          std::uint64_t sequence);

/// Reads what seal() has written, to the byte; does not look at the signature. Error:
/// malformed_envelope.
result<envelope> read_envelope(std::string_view text);

/// The same, and checks the signature for a record under `key`. Error: malformed_envelope,
/// bad_signature.
result<envelope> open(std::string_view key, std::string_view text);

/// Whether two records say the same, whoever signed them and when.
bool says_the_same(std::string_view a, std::string_view b);

}  // namespace dm::trust
