#include "http/server/router.hpp"

#include <fmt/format.h>

#include <cassert>

namespace dm::server {
namespace {

using captures = std::vector<std::pair<std::string, std::string>>;

std::optional<captures> match(const std::vector<std::string>& pattern,
                              const std::vector<std::string>& path) {
    captures out;
    for (std::size_t i = 0; i < pattern.size(); ++i) {
        const std::string_view want = pattern[i];
        if (i >= path.size())
            return std::nullopt;
        if (want.starts_with('*')) {
            auto rest = path[i];
            for (auto j = i + 1; j < path.size(); ++j)
                rest += "/" + path[j];
            out.emplace_back(want.substr(1), std::move(rest));
            return out;
        }
        if (!want.starts_with(':')) {
            if (path[i] != want)
                return std::nullopt;
        } else if (path[i].empty()) {
            return std::nullopt;
        } else {
            out.emplace_back(want.substr(1), path[i]);
        }
    }
    if (path.size() != pattern.size())
        return std::nullopt;
    return out;
}

bool answers(std::string_view route_method, std::string_view method) {
    return route_method == method || (route_method == "GET" && method == "HEAD");
}

void allow(std::string& list, std::string_view method) {
    if (fmt::format(", {},", list).contains(fmt::format(", {},", method)))
        return;
    list += list.empty() ? "" : ", ";
    list += method;
}

}  // namespace

void router::add(std::string method, std::string_view pattern, handler h) {
    assert(pattern.starts_with('/'));
    route r{std::move(method), {}, std::move(h)};
    for (pattern.remove_prefix(1);;) {
        const auto slash = pattern.find('/');
        r.pattern.emplace_back(pattern.substr(0, slash));
        if (slash == std::string_view::npos)
            break;
        pattern.remove_prefix(slash + 1);
    }
    routes_.push_back(std::move(r));
}

const router::route* router::find(request& req, std::string& allowed) const {
    for (const auto& r : routes_) {
        auto found = match(r.pattern, req.where().segments);
        if (!found)
            continue;
        if (answers(r.method, req.method())) {
            for (auto& [name, value] : *found)
                req.set_parameter(std::move(name), std::move(value));
            return &r;
        }
        allow(allowed, r.method);
        if (r.method == "GET")
            allow(allowed, "HEAD");
    }
    return nullptr;
}

awaitable<void> router::handle(request& req, response_writer& out) const {
    for (const auto& g : guards_)
        value_or_throw(g(req));
    std::string allowed;
    if (const auto* r = find(req, allowed)) {
        co_await r->run(req, out);
        co_return;
    }
    if (allowed.empty())
        raise(errc::no_such_path, fmt::format("there is nothing at {}", req.where().path));
    throw refusal({make_error_code(errc::method_not_allowed),
                   fmt::format("{} is not allowed here (allowed: {})", req.method(), allowed)},
                  {{"Allow", allowed}});
}

handler router::as_handler() const {
    return [this](request& req, response_writer& out) { return handle(req, out); };
}

}  // namespace dm::server
