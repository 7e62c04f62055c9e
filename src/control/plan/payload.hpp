#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "control/plan/strategy.hpp"

namespace dm::plan {

/// Longest strategy payload that is read; one with strategy_targets_max targets fits.
constexpr std::size_t payload_bytes_max = 256 * 1024;

/// A refusal, and which member of the payload it is about: the UI shows it there.
struct field_error {
    std::string field;  ///< "percentage"; empty: the payload as a whole
    error reason;       ///< one sentence
};

/// Reads `{"type","nametag","percentage","target","execute"}`, the prototype's payload, and our
/// optional "selector" (object of strings) and "replace". "percentage" is looked at for type
/// percentage only (a JSON number, 1 to 100), "target" for type target only (peer ids, separated
/// by commas). "execute" is true where it is missing. Other members are ignored.
std::expected<strategy_request, field_error> parse_strategy_payload(std::string_view text);

}  // namespace dm::plan
