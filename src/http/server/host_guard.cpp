#include "http/server/host_guard.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "http/syntax/media_type.hpp"
#include "http/syntax/scan.hpp"
#include "http/syntax/url.hpp"

namespace dm::server {

host_guard::host_guard(const std::vector<std::string>& names) {
    for (const auto& n : names)
        names_.push_back(syntax::to_lower(n));
    names_.emplace_back("docker.local");
}

bool is_unsafe(std::string_view method) noexcept {
    return method != "GET" && method != "HEAD" && method != "OPTIONS";
}

result<void> require_json(const request& req) {
    if (!req.has_body())
        return {};
    const auto type = req.headers().value("Content-Type");
    if (syntax::media_type_essence(type) == "application/json")
        return {};
    return fail(errc::unsupported_media_type,
                fmt::format("the body must have Content-Type application/json, not \"{}\"", type));
}

host_guard host_guard::of_any_name() {
    host_guard out;
    out.any_name_ = true;
    return out;
}

bool host_guard::is_ours(std::string_view host) const {
    if (host.ends_with('.'))
        host.remove_suffix(1);
    return syntax::is_loopback_host(host) || std::ranges::find(names_, host) != names_.end();
}

result<void> host_guard::check_host(const request& req) const {
    const auto host = syntax::parse_authority(req.host());
    if (host && (any_name_ || is_ours(host->host)))
        return {};
    return fail(errc::forbidden_origin,
                fmt::format("this node does not answer to the name \"{}\": use localhost, its "
                            "address, or a name that it is configured with",
                            req.host()));
}

result<void> host_guard::check_origin(const request& req) const {
    const auto refuse = [](std::string_view who) {
        return fail(errc::forbidden_origin,
                    fmt::format("requests from {} are refused: only this node's own pages may "
                                "send them",
                                who));
    };
    if (req.headers().count("Origin") > 1)
        return refuse("several origins");
    if (const auto* origin = req.headers().find("Origin")) {
        const auto from = syntax::parse_url(*origin);
        const auto to = syntax::parse_authority(req.host());
        if (!from || !(is_ours(from->host) || (any_name_ && to && to->host == from->host)))
            return refuse(fmt::format("the web page \"{}\"", *origin));
    }
    if (is_unsafe(req.method()) &&
        syntax::equals_ignoring_case(req.headers().value("Sec-Fetch-Site"), "cross-site"))
        return refuse("a web page of another site");
    return {};
}

result<void> host_guard::check_sender(const request& req) const {
    if (auto host = check_host(req); !host)
        return host;
    return check_origin(req);
}

result<void> host_guard::check(const request& req) const {
    if (auto sender = check_sender(req); !sender)
        return sender;
    return is_unsafe(req.method()) ? require_json(req) : result<void>{};
}

}  // namespace dm::server
