#include "http/syntax/url.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>

#include "base/hex.hpp"
#include "http/syntax/errc.hpp"
#include "http/syntax/scan.hpp"

namespace dm::syntax {
namespace {

constexpr std::uint16_t default_port(std::string_view scheme) {
    return scheme == "https" ? 443 : 80;
}

bool is_host_name(std::string_view text) {
    return !text.empty() && text.size() <= host_text_max && !text.starts_with('.') &&
           !text.contains("..") && std::ranges::all_of(text, [](char c) {
               return is_alnum(c) || c == '-' || c == '_' || c == '.';
           });
}

bool is_ipv6(std::string_view text) {
    in6_addr address{};
    return text.size() < INET6_ADDRSTRLEN &&
           inet_pton(AF_INET6, std::string{text}.c_str(), &address) == 1;
}

std::string bracketed(std::string_view host) {
    return host.contains(':') ? fmt::format("[{}]", host) : std::string{host};
}

// Spaces and control characters in a request line would let a URL smuggle in a second request.
bool is_target(std::string_view text) {
    return std::ranges::all_of(
        text, [](char c) { return static_cast<unsigned char>(c) > 0x20 && c != 0x7f; });
}

std::unexpected<error> bad_url(std::string_view why) {
    return fail(errc::malformed_url, fmt::format("not an http or https URL: {}", why));
}

}  // namespace

result<authority> parse_authority(std::string_view text) {
    authority out;
    std::string_view rest;
    if (text.starts_with('[')) {
        const auto close = text.find(']');
        if (close == std::string_view::npos || !is_ipv6(text.substr(1, close - 1)))
            return fail(errc::malformed_authority);
        out.host = to_lower(text.substr(1, close - 1));
        rest = text.substr(close + 1);
    } else {
        const auto colon = std::min(text.find(':'), text.size());
        if (!is_host_name(text.substr(0, colon)))
            return fail(errc::malformed_authority);
        out.host = to_lower(text.substr(0, colon));
        rest = text.substr(colon);
    }
    if (rest.empty())
        return out;
    const auto port = parse_decimal(rest.substr(1));
    if (rest.front() != ':' || rest.size() > 6 || !port || *port == 0 || *port > 65535)
        return fail(errc::malformed_authority);
    out.port = static_cast<std::uint16_t>(*port);
    return out;
}

std::string to_string(const authority& value) {
    return value.port ? fmt::format("{}:{}", bracketed(value.host), *value.port)
                      : bracketed(value.host);
}

bool url::is_default_port() const noexcept {
    return port == default_port(scheme);
}

std::string_view url::path() const noexcept {
    return std::string_view{target}.substr(0, target.find('?'));
}

result<url> parse_url(std::string_view text) {
    if (text.size() > url_text_max)
        return bad_url("too long");
    const auto scheme_end = text.find("://");
    if (scheme_end == std::string_view::npos)
        return bad_url("no scheme");
    url out;
    out.scheme = to_lower(text.substr(0, scheme_end));
    if (out.scheme != "http" && out.scheme != "https")
        return bad_url("other scheme");
    text.remove_prefix(scheme_end + 3);
    text = text.substr(0, text.find('#'));
    const auto authority_size = std::min(text.find_first_of("/?"), text.size());
    const auto where = text.substr(0, authority_size);
    if (where.contains('@'))
        return bad_url("it holds a user");
    const auto split = parse_authority(where);
    if (!split)
        return bad_url("bad host or port");
    out.host = split->host;
    out.port = split->port.value_or(default_port(out.scheme));
    const auto target = text.substr(authority_size);
    if (!is_target(target))
        return bad_url("it holds spaces or control characters");
    out.target = target.starts_with('/') ? std::string{target} : fmt::format("/{}", target);
    return out;
}

result<url> resolve(const url& base, std::string_view location) {
    const auto head = location.substr(0, location.find_first_of("/?#"));
    if (head.contains(':'))
        return parse_url(location);
    if (location.starts_with("//"))
        return parse_url(fmt::format("{}:{}", base.scheme, location));
    location = location.substr(0, location.find('#'));
    if (location.size() > url_text_max || !is_target(location))
        return bad_url("too long, or it holds spaces or control characters");
    auto out = base;
    if (location.empty())
        return out;
    if (location.starts_with('/')) {
        out.target = location;
    } else if (location.starts_with('?')) {
        out.target = fmt::format("{}{}", base.path(), location);
    } else {
        const auto folder = base.path().substr(0, base.path().rfind('/') + 1);
        out.target = fmt::format("{}{}", folder, location);
    }
    return out;
}

std::string to_string(const url& value) {
    if (value.is_default_port())
        return fmt::format("{}://{}{}", value.scheme, bracketed(value.host), value.target);
    return fmt::format("{}://{}:{}{}", value.scheme, bracketed(value.host), value.port,
                       value.target);
}

bool same_origin(const url& a, const url& b) noexcept {
    return a.scheme == b.scheme && a.host == b.host && a.port == b.port;
}

bool is_loopback_host(std::string_view host) noexcept {
    constexpr std::string_view local = "localhost";
    if (host.size() >= local.size() &&
        equals_ignoring_case(host.substr(host.size() - local.size()), local))
        return host.size() == local.size() || host[host.size() - local.size() - 1] == '.';
    if (host.size() >= INET6_ADDRSTRLEN)
        return false;
    std::array<char, INET6_ADDRSTRLEN> text{};
    std::ranges::copy(host, text.begin());
    in_addr v4{};
    if (inet_pton(AF_INET, text.data(), &v4) == 1)
        return (ntohl(v4.s_addr) >> 24) == 127;
    in6_addr v6{};
    return inet_pton(AF_INET6, text.data(), &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

std::string percent_encode(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (is_alnum(c) || std::string_view{"-._~"}.contains(c))
            out += c;
        else
            out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
    return out;
}

std::optional<std::string> percent_decode(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            out += text[i];
            continue;
        }
        const auto value = i + 2 < text.size() ? from_hex(text.substr(i + 1, 2)) : std::nullopt;
        if (!value)
            return std::nullopt;
        out += static_cast<char>((*value)[0]);
        i += 2;
    }
    return out;
}

}  // namespace dm::syntax
