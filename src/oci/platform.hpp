#pragma once

#include <compare>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace dm::oci {

constexpr std::size_t platform_text_max = 128;
constexpr std::size_t platforms_asked_max = 64;

/// What a machine or an image runs: os and architecture by Go's names, variant where the
/// architecture has several. Normalised unless said otherwise: arm is arm/v7, arm64/v8 is arm64,
/// amd64/v1 is amd64.
struct platform {
    std::string os;
    std::string architecture;
    std::string variant = {};

    /// "linux/arm/v7".
    std::string to_string() const;

    friend auto operator<=>(const platform&, const platform&) = default;
};

/// Other spellings ("aarch64", "x86_64", "armhf", "macos") become Go's, implied variants go.
/// Spec: containerd platforms package.
platform normalise(platform p);

/// "linux/arm/v7", "linux/amd64", or "arm64" alone for linux; the result is normalised.
result<platform> parse_platform(std::string_view text);

/// How well an image for `candidate` runs on `wanted`, both normalised: 0 is exact, more is worse,
/// nullopt is not at all. amd64 runs its lower levels and then 386; arm its lower versions down to
/// v5; arm64 its lower versions and then 32-bit arm.
std::optional<unsigned> match_rank(const platform& wanted, const platform& candidate);

/// Which platforms of an image an operator asked for.
struct platform_choice {
    bool all = false;
    std::vector<platform> listed;  ///< empty when `all`; sorted, each once

    friend bool operator==(const platform_choice&, const platform_choice&) = default;
};

/// Reads a list of "auto" (this is `host`), "all" and platforms; an empty list means "auto".
result<platform_choice> parse_platform_choice(std::span<const std::string> words,
                                              const platform& host);

}  // namespace dm::oci
