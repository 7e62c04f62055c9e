#include "oci/upstream/endpoint.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "oci/reference.hpp"
#include "oci/upstream/errc.hpp"

namespace dm::upstream {
namespace {

constexpr std::string_view hub_api_host = "registry-1.docker.io";

syntax::url without_trailing_slash(syntax::url u) {
    while (u.target.ends_with('/'))
        u.target.pop_back();
    return u;
}

std::string_view parent_of(std::string_view host) {
    const auto dot = host.find('.');
    return dot == std::string_view::npos ? std::string_view{} : host.substr(dot + 1);
}

bool is_address(std::string_view host) {
    return host.contains(':') ||
           std::ranges::all_of(host, [](char c) { return (c >= '0' && c <= '9') || c == '.'; });
}

// "com", "co.uk", "com.au": everybody can have a name under these.
bool is_public_suffix(std::string_view domain) {
    const auto dot = domain.find('.');
    if (dot == std::string_view::npos)
        return true;
    const auto country = domain.substr(dot + 1);
    return dot <= 3 && country.size() == 2;
}

bool are_siblings(std::string_view registry, std::string_view realm) {
    if (is_address(registry) || is_address(realm))
        return false;
    const auto parent = parent_of(registry);
    if (is_public_suffix(parent))
        return false;
    return realm == parent || (realm.size() > parent.size() && realm.ends_with(parent) &&
                               realm[realm.size() - parent.size() - 1] == '.');
}

}  // namespace

result<std::pair<std::string, syntax::url>> parse_mapping(std::string_view text) {
    const auto equals = text.find('=');
    if (equals == std::string_view::npos)
        return fail(
            errc::bad_mapping,
            fmt::format("\"{}\" is not HOST=URL, as in docker.io=http://127.0.0.1:5000", text));
    const auto host = syntax::parse_authority(text.substr(0, equals));
    if (!host)
        return fail(errc::bad_mapping,
                    fmt::format("\"{}\" is no registry host", text.substr(0, equals)));
    auto url = syntax::parse_url(text.substr(equals + 1));
    if (!url || url->target.contains('?'))
        return fail(errc::bad_mapping, fmt::format("\"{}\" is no http or https URL of a registry",
                                                   text.substr(equals + 1)));
    return std::pair{syntax::to_string(*host), without_trailing_slash(*std::move(url))};
}

std::string endpoint::host_text() const {
    return syntax::to_string(syntax::authority{
        base.host, base.is_default_port() ? std::nullopt : std::optional{base.port}});
}

std::string endpoint::url(std::string_view path, std::string_view rest) const {
    auto full = base;
    full.target = fmt::format("{}/v2/{}/{}", base.target, path, rest);
    return syntax::to_string(full);
}

result<endpoint> endpoint_of(const std::string& domain, const mapping& upstreams) {
    endpoint out{.domain = domain, .base = {}};
    if (const auto found = upstreams.find(domain); found != upstreams.end()) {
        out.base = without_trailing_slash(found->second);
        out.mapped = true;
        return out;
    }
    const auto side = syntax::parse_authority(domain == oci::docker_hub ? hub_api_host
                                                                        : std::string_view(domain));
    if (!side)
        return fail(errc::bad_mapping, fmt::format("\"{}\" is no registry host", domain));
    out.base.scheme = syntax::is_loopback_host(side->host) ? "http" : "https";
    out.base.host = side->host;
    out.base.port = side->port.value_or(out.is_plain() ? 80 : 443);
    out.base.target.clear();
    return out;
}

bool may_ask_for_token(const endpoint& where, const syntax::url& realm) {
    if (realm.scheme == "https")
        return true;
    return where.is_plain() &&
           (realm.host == where.base.host ||
            (syntax::is_loopback_host(realm.host) && syntax::is_loopback_host(where.base.host)));
}

bool may_send_credentials(const endpoint& where, const syntax::url& realm,
                          const std::vector<std::string>& trusted) {
    if (!may_ask_for_token(where, realm))
        return false;
    return realm.host == where.base.host || are_siblings(where.base.host, realm.host) ||
           std::ranges::find(trusted, realm.host) != trusted.end();
}

}  // namespace dm::upstream
