#include "http/server/target.hpp"

#include <fmt/format.h>

#include "http/syntax/scan.hpp"
#include "http/syntax/url.hpp"

namespace dm::server {
namespace {

std::unexpected<error> refuse(std::string why) {
    return fail(errc::malformed_target, std::move(why));
}

/// Bytes of the UTF-8 sequence at the front, by its first byte; 0 when it starts none.
std::size_t sequence_size(unsigned char first) {
    if (first < 0x80)
        return 1;
    if (first >= 0xc2 && first < 0xe0)
        return 2;
    if (first >= 0xe0 && first < 0xf0)
        return 3;
    return first >= 0xf0 && first < 0xf5 ? 4 : 0;
}

/// Spec: RFC 3629; no overlong forms, no surrogates.
bool is_utf8(std::string_view text) {
    while (!text.empty()) {
        const auto at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
        const auto n = sequence_size(at(0));
        if (n == 0 || n > text.size())
            return false;
        for (std::size_t i = 1; i < n; ++i)
            if ((at(i) & 0xc0) != 0x80)
                return false;
        if (n > 2) {
            const unsigned lead = at(0) * 256U + at(1);
            if (lead < 0xe0a0 || (lead >= 0xeda0 && lead < 0xee00) ||
                (lead >= 0xf000 && lead < 0xf090) || lead >= 0xf490)
                return false;
        }
        text.remove_prefix(n);
    }
    return true;
}

result<std::string> decode_segment(std::string_view text) {
    auto out = syntax::percent_decode(text);
    if (!out)
        return refuse("the path has a '%' that is no escape");
    for (const char c : *out)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
            return refuse("the path has a control character in it");
    if (*out == "." || *out == "..")
        return refuse("the path has a \"..\" or \".\" in it");
    if (!is_utf8(*out))
        return refuse("the path is not UTF-8");
    return *std::move(out);
}

result<std::string> decode_query(std::string_view text) {
    std::string spaced(text);
    std::ranges::replace(spaced, '+', ' ');
    auto out = syntax::percent_decode(spaced);
    if (!out)
        return refuse("the query has a '%' that is no escape");
    if (out->contains('\0') || !is_utf8(*out))
        return refuse("the query is not UTF-8 text");
    return *std::move(out);
}

result<void> parse_path(std::string_view path, target& out) {
    out.path = path;
    path.remove_prefix(1);
    for (;;) {
        const auto slash = path.find('/');
        auto segment = decode_segment(path.substr(0, slash));
        if (!segment)
            return fail(std::move(segment.error()));
        if (out.segments.size() == path_segments_max)
            return refuse("the path has too many parts");
        out.segments.push_back(*std::move(segment));
        if (slash == std::string_view::npos)
            return {};
        path.remove_prefix(slash + 1);
    }
}

result<void> parse_query(std::string_view text, target& out) {
    while (!text.empty()) {
        const auto end = std::min(text.find('&'), text.size());
        const auto pair = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (pair.empty())
            continue;
        const auto equals = std::min(pair.find('='), pair.size());
        auto name = decode_query(pair.substr(0, equals));
        auto value = decode_query(pair.substr(std::min(equals + 1, pair.size())));
        if (!name || !value)
            return fail(std::move(name ? value.error() : name.error()));
        if (out.query.size() == query_parameters_max)
            return refuse("the query has too many parameters");
        out.query.emplace_back(*std::move(name), *std::move(value));
    }
    return {};
}

}  // namespace

const std::string* target::find_query(std::string_view name) const noexcept {
    for (const auto& [key, value] : query)
        if (key == name)
            return &value;
    return nullptr;
}

result<target> parse_target(std::string_view text) {
    target out;
    if (text == "*") {
        out.path = text;
        return out;
    }
    if (!text.starts_with('/')) {
        auto absolute = syntax::parse_url(text);
        if (!absolute)
            return refuse("the request target is neither a path nor a URL");
        out.authority = syntax::to_string(syntax::authority{absolute->host, absolute->port});
        auto rest = parse_target(absolute->target);
        if (rest)
            rest->authority = std::move(out.authority);
        return rest;
    }
    text = text.substr(0, text.find('#'));
    const auto question = std::min(text.find('?'), text.size());
    if (auto done = parse_path(text.substr(0, question), out); !done)
        return fail(std::move(done.error()));
    if (auto done = parse_query(text.substr(std::min(question + 1, text.size())), out); !done)
        return fail(std::move(done.error()));
    return out;
}

}  // namespace dm::server
