#include "oci/platform.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "http/syntax/scan.hpp"
#include "oci/errc.hpp"
#include "oci/quote.hpp"

namespace dm::oci {
namespace {

constexpr unsigned version_max = 99;

// "v7" → 7, "v8.2" → 8 and 2; nullopt for anything else.
struct variant_version {
    unsigned major = 0;
    unsigned minor = 0;
};

std::optional<variant_version> parse_variant(std::string_view text) {
    if (!text.starts_with('v'))
        return std::nullopt;
    text.remove_prefix(1);
    const auto dot = text.find('.');
    const auto major = syntax::parse_decimal(text.substr(0, dot));
    const auto minor = dot == std::string_view::npos ? std::optional<std::uint64_t>{0}
                                                     : syntax::parse_decimal(text.substr(dot + 1));
    if (!major || !minor || *major > version_max || *minor > version_max)
        return std::nullopt;
    return variant_version{static_cast<unsigned>(*major), static_cast<unsigned>(*minor)};
}

struct spelling {
    std::string_view alias;
    std::string_view architecture;
    std::string_view variant;  // empty: as given
};

constexpr std::array<spelling, 6> spellings{{
    {"i386", "386", ""},
    {"x86_64", "amd64", ""},
    {"x86-64", "amd64", ""},
    {"aarch64", "arm64", ""},
    {"armhf", "arm", "v7"},
    {"armel", "arm", "v6"},
}};

constexpr std::array<std::string_view, 12> architectures{
    "386",    "amd64",    "arm",    "arm64",   "loong64", "mips",
    "mips64", "mips64le", "mipsle", "ppc64le", "riscv64", "s390x"};

bool is_word(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) {
        return syntax::is_alnum(c) || c == '_' || c == '-' || c == '.';
    });
}

std::unexpected<error> refuse(std::string_view text) {
    return fail(errc::malformed_platform,
                fmt::format("{} is not a platform (expected os/architecture, such as linux/arm64)",
                            quote(text)));
}

// arm64 v9.n contains v8.(n+5); one number orders both.
unsigned arm64_level(const variant_version& v) {
    return v.major >= 9 ? 100 * v.major + v.minor : v.minor;
}

std::optional<unsigned> rank_below(unsigned have, unsigned candidate) {
    return candidate <= have ? std::optional(have - candidate) : std::nullopt;
}

constexpr unsigned other_architecture = 10'000;  // worse than any variant of the same one

std::optional<unsigned> arm64_rank(const platform& wanted, const platform& candidate) {
    const auto have = parse_variant(wanted.variant.empty() ? "v8" : wanted.variant);
    const auto other = parse_variant(candidate.variant.empty() ? "v8" : candidate.variant);
    if (!have || !other)
        return std::nullopt;
    if (candidate.architecture == "arm") {
        if (other->major < 5 || other->major > 8)
            return std::nullopt;
        return other_architecture + (8 - other->major);
    }
    if (have->major >= 9 && other->major == 8)
        return other->minor <= have->minor + 5
                   ? std::optional(1000 + have->minor + 5 - other->minor)
                   : std::nullopt;
    return rank_below(arm64_level(*have), arm64_level(*other));
}

std::optional<unsigned> versioned_rank(const platform& wanted, const platform& candidate,
                                       std::string_view implied, unsigned lowest) {
    const auto have = parse_variant(wanted.variant.empty() ? implied : wanted.variant);
    const auto other = parse_variant(candidate.variant.empty() ? implied : candidate.variant);
    if (!have || !other || other->major < lowest)
        return std::nullopt;
    return rank_below(have->major, other->major);
}

}  // namespace

std::string platform::to_string() const {
    return variant.empty() ? fmt::format("{}/{}", os, architecture)
                           : fmt::format("{}/{}/{}", os, architecture, variant);
}

platform normalise(platform p) {
    p.os = syntax::to_lower(p.os);
    p.architecture = syntax::to_lower(p.architecture);
    p.variant = syntax::to_lower(p.variant);
    if (p.os == "macos")
        p.os = "darwin";
    for (const auto& s : spellings) {
        if (p.architecture != s.alias)
            continue;
        p.architecture = s.architecture;
        if (!s.variant.empty())
            p.variant = s.variant;
    }
    if (!p.variant.empty() && syntax::is_digit(p.variant.front()))
        p.variant.insert(p.variant.begin(), 'v');
    while (p.variant.ends_with(".0"))
        p.variant.resize(p.variant.size() - 2);
    if (p.architecture == "arm" && p.variant.empty())
        p.variant = "v7";
    if ((p.architecture == "arm64" && p.variant == "v8") ||
        (p.architecture == "amd64" && p.variant == "v1"))
        p.variant.clear();
    return p;
}

result<platform> parse_platform(std::string_view text) {
    if (text.size() > platform_text_max)
        return refuse(text);
    std::array<std::string_view, 3> parts;
    std::size_t count = 0;
    for (auto rest = text;; ++count) {
        const auto slash = rest.find('/');
        if (count == parts.size() || !is_word(rest.substr(0, slash)))
            return refuse(text);
        parts[count] = rest.substr(0, slash);
        if (slash == std::string_view::npos)
            break;
        rest.remove_prefix(slash + 1);
    }
    if (count > 0) {
        auto out = normalise({std::string{parts[0]}, std::string{parts[1]}, std::string{parts[2]}});
        if (out.to_string().size() > platform_text_max)  // normalising can lengthen it
            return refuse(text);
        return out;
    }
    auto alone = normalise({"linux", std::string{parts[0]}, ""});
    if (std::ranges::find(architectures, alone.architecture) == architectures.end())
        return refuse(text);
    return alone;
}

std::optional<unsigned> match_rank(const platform& wanted, const platform& candidate) {
    if (wanted == candidate)
        return 0;
    if (wanted.os != candidate.os)
        return std::nullopt;
    const auto& have = wanted.architecture;
    const auto& other = candidate.architecture;
    if (have == "arm64" && (other == "arm64" || other == "arm"))
        return arm64_rank(wanted, candidate);
    if (have == "amd64" && other == "386")
        return other_architecture;
    if (have != other)
        return std::nullopt;
    if (have == "amd64")
        return versioned_rank(wanted, candidate, "v1", 1);
    if (have == "arm")
        return versioned_rank(wanted, candidate, "v7", 5);
    return std::nullopt;
}

result<platform_choice> parse_platform_choice(std::span<const std::string> words,
                                              const platform& host) {
    if (words.size() > platforms_asked_max)
        return fail(errc::malformed_platform,
                    fmt::format("more than {} platforms", platforms_asked_max));
    platform_choice out;
    for (const auto& word : words) {
        if (word == "all") {
            out.all = true;
        } else if (word == "auto") {
            out.listed.push_back(normalise(host));
        } else {
            auto p = parse_platform(word);
            if (!p)
                return fail(p.error());
            out.listed.push_back(*std::move(p));
        }
    }
    if (words.empty())
        out.listed.push_back(normalise(host));
    if (out.all)
        out.listed.clear();
    std::ranges::sort(out.listed);
    const auto repeated = std::ranges::unique(out.listed);
    out.listed.erase(repeated.begin(), repeated.end());
    return out;
}

}  // namespace dm::oci
