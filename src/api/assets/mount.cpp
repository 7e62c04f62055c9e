#include "api/assets/mount.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace dm::assets {
namespace {

using server::request;
using server::response_writer;

/// swagger-ui draws its icons from data: URLs and sets styles from script, which needs no more.
constexpr const char* policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Markup may be made by Svelte from its templates only, never from a string.
constexpr const char* app_policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types svelte-trusted-html";

constexpr std::string_view named_by_content = "assets/";

server::header_list headers_for(const asset& a, const char* content_security_policy) {
    const char* caching = a.path.starts_with(named_by_content)
                              ? "public, max-age=31536000, immutable"
                              : "no-cache";  // ask again, get 304
    server::header_list out{{"ETag", std::string(a.etag)},
                            {"Cache-Control", caching},
                            {"Content-Security-Policy", content_security_policy}};
    if (a.gzip)
        out.add("Content-Encoding", "gzip");
    return out;
}

awaitable<void> answer(const asset* a, const char* content_security_policy, request* req,
                       response_writer* out) {
    auto headers = headers_for(*a, content_security_policy);
    if (req->headers().value("If-None-Match").contains(a->etag)) {
        co_await out->send(304, std::move(headers), {});
        co_return;
    }
    headers.add("Content-Type", std::string(a->type));
    co_await out->start_stream(200, std::move(headers), a->data.size());
    co_await out->write(as_bytes(a->data));
    co_await out->end();
}

const asset* find(std::span<const asset> table, std::string_view path) {
    const auto found = std::ranges::find(table, path, [](const asset& a) { return a.path; });
    return found == table.end() ? nullptr : &*found;
}

[[noreturn]] void raise_not_found(const request& req) {
    raise(server::errc::no_such_path, fmt::format("there is nothing at {}", req.where().path));
}

}  // namespace

void mount(server::router& r, const std::string& prefix, std::span<const asset> table) {
    r.add("GET", prefix, [](request& req, response_writer& out) -> awaitable<void> {
        co_await out.send(308, {{"Location", req.where().path + "/"}}, {});
    });
    r.add("GET", prefix + "/*path", [table](request& req, response_writer& out) {
        const auto& path = req.parameter("path");
        const auto* found = find(table, path.empty() ? "index.html" : path);
        if (!found)
            raise_not_found(req);
        return answer(found, policy, &req, &out);
    });
}

void mount_app(server::router& r, std::span<const asset> table,
               std::span<const std::string_view> pages) {
    const auto* start = find(table, "index.html");
    const auto serve = [&r](const std::string& pattern, const asset* a) {
        r.add("GET", pattern, [a](request& req, response_writer& out) {
            return answer(a, app_policy, &req, &out);
        });
    };
    serve("/", start);
    for (const auto page : pages) {
        serve(std::string(page), start);
        serve(std::string(page) + "/*rest", start);
    }
    for (const auto& a : table)
        serve("/" + std::string(a.path), &a);
}

}  // namespace dm::assets
