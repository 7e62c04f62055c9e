#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"

namespace dm::syntax {

constexpr std::size_t challenge_text_max = 8192;
constexpr std::size_t challenges_max = 8;
constexpr std::size_t challenge_parameters_max = 16;

/// One way of authenticating that a server offers.
struct challenge {
    std::string scheme;  ///< lower case: "bearer", "basic"
    /// Names in lower case, quotes and escapes undone; at most `challenge_parameters_max`.
    std::vector<std::pair<std::string, std::string>> parameters;
    std::string token;  ///< what follows the scheme where that is not parameters (token68)

    /// The first parameter of that lower-case name; nullptr when there is none.
    const std::string* find(std::string_view name) const noexcept;
};

/// Reads one WWW-Authenticate value, which may hold several challenges; of several header lines
/// each is read alone. Unquoted values may hold any character but comma and space, since
/// registries send bare URLs.
/// Spec: RFC 9110 §11.6.1.
result<std::vector<challenge>> parse_challenges(std::string_view text);

}  // namespace dm::syntax
