#include "runtime/engine/name.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "runtime/engine/errc.hpp"

namespace dm::engine {
namespace {

constexpr std::size_t quoted_text_max = 80;

bool is_name_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("._-+/:@[]").contains(c);
}

std::unexpected<error> refuse(std::string_view text, std::string_view why) {
    std::string shown(text.substr(0, quoted_text_max));
    std::ranges::replace_if(shown, [](char c) { return c < 0x20 || c > 0x7e; }, '?');
    return fail(errc::invalid_request, fmt::format("\"{}\" is no image name: {}", shown, why));
}

bool has_odd_component(std::string_view path) {
    for (std::size_t at = 0; at <= path.size();) {
        const auto end = std::min(path.find('/', at), path.size());
        const auto part = path.substr(at, end - at);
        if (part.empty() || part == "." || part == "..")
            return true;
        at = end + 1;
    }
    return false;
}

}  // namespace

result<name_parts> split_name(std::string_view text) {
    if (text.size() > name_text_max)
        return refuse(text, fmt::format("it is longer than {} characters", name_text_max));
    if (!std::ranges::all_of(text, is_name_char))
        return refuse(text, "it has a character that names never have");
    name_parts out;
    auto rest = text;
    if (const auto at = rest.find('@'); at != std::string_view::npos) {
        out.digest = rest.substr(at + 1);
        rest = rest.substr(0, at);
        if (out.digest.empty() || out.digest.contains('@') || out.digest.contains('/'))
            return refuse(text, "its digest is unusable");
    }
    const auto slash = rest.rfind('/');
    const auto colon = rest.rfind(':');
    if (colon != std::string_view::npos && (slash == std::string_view::npos || colon > slash)) {
        out.tag = rest.substr(colon + 1);
        rest = rest.substr(0, colon);
        if (out.tag.empty())
            return refuse(text, "its tag is empty");
    }
    if (has_odd_component(rest))
        return refuse(text, "a part of its path is missing");
    out.repository = rest;
    return out;
}

result<name_parts> split_full_name(std::string_view text) {
    auto out = split_name(text);
    if (out && out->tag.empty() && out->digest.empty())
        return refuse(text, "it has neither tag nor digest");
    return out;
}

result<name_parts> split_tag_name(std::string_view text) {
    auto out = split_full_name(text);
    if (out && !out->digest.empty())
        return refuse(text, "a digest cannot be given to an image");
    return out;
}

std::string familiar_name(std::string_view name) {
    for (const std::string_view prefix : {"docker.io/library/", "docker.io/"})
        if (name.starts_with(prefix))
            return std::string(name.substr(prefix.size()));
    return std::string(name);
}

}  // namespace dm::engine
