#include "oci/registry/pull_service.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/log.hpp"
#include "http/syntax/scan.hpp"
#include "http/syntax/url.hpp"
#include "oci/manifest.hpp"
#include "oci/reference.hpp"
#include "oci/registry/blob_answer.hpp"
#include "oci/registry/errc.hpp"
#include "oci/registry/error_body.hpp"

namespace dm::registry {

using crypto::digest;
using server::header_list;
using server::request;
using server::response_writer;

/// A request that has been understood.
struct pull_service::asked {
    route path;
    oci::name_form name;
    std::string upstream;  ///< "?ns=" of a mirror client
};

namespace {

/// A digest as it stands in a path. One of an algorithm that we do not have is a digest all the
/// same: nullopt.
std::optional<digest> digest_in(std::string_view text) {
    auto d = crypto::parse_digest(text);
    if (d)
        return *d;
    if (d.error().code == crypto::errc::unsupported_algorithm)
        return std::nullopt;
    raise(errc::digest_invalid, d.error().message());
}

std::size_t page_size(const request& req) {
    const auto* n = req.where().find_query("n");
    const auto wanted = n ? syntax::parse_decimal(*n) : std::nullopt;
    return static_cast<std::size_t>(
        std::min<std::uint64_t>(wanted.value_or(tags_page_max), tags_page_max));
}

}  // namespace

server::options pull_service::server_options() {
    server::options o;
    o.name = "registry";
    o.describe = error_body;
    o.common_headers = {{"Docker-Distribution-API-Version", "registry/2.0"}};
    return o;
}

void pull_service::mount(server::router& r) {
    const auto answer = [this](request& req, response_writer& out) { return handle(req, out); };
    const auto refuse = [](request&, response_writer&) -> awaitable<void> {
        throw server::refusal({make_error_code(server::errc::method_not_allowed),
                               "this registry can be pulled from, not pushed to"},
                              {{"Allow", "GET, HEAD"}});
        co_return;
    };
    for (const char* pattern : {"/v2", "/v2/*path"}) {
        r.add("GET", pattern, answer);
        for (const char* method : {"POST", "PUT", "PATCH", "DELETE"})
            r.add(method, pattern, refuse);
    }
    r.add("GET", "/health", [](request&, response_writer& out) -> awaitable<void> {
        co_await out.send(200, {{"Content-Type", "text/plain"}}, "OK\n");
    });
}

awaitable<void> pull_service::handle(request& req, response_writer& out) {
    auto path = parse_route(std::span(req.where().segments).subspan(1));
    if (!path)
        raise(errc::nothing_here);
    if (path->what == route::kind::base) {
        co_await out.send(200, {{"Content-Type", "application/json"}}, "{}");
        co_return;
    }
    const auto* upstream = req.where().find_query("ns");
    asked a{*std::move(path), {}, upstream ? *upstream : std::string()};
    auto name = oci::parse_name_form(a.path.name, a.upstream);
    if (!name)
        raise(errc::name_invalid, name.error().message());
    a.name = *std::move(name);
    switch (a.path.what) {
        case route::kind::manifest:
            co_return co_await answer_manifest(std::move(a), req, out);
        case route::kind::blob:
            co_return co_await answer_blob(std::move(a), req, out);
        case route::kind::tags:
            co_return co_await answer_tags(std::move(a), req, out);
        case route::kind::upload:
            raise(errc::upload_unknown);
        case route::kind::referrers:
        case route::kind::base:
            raise(errc::nothing_here);
    }
}

awaitable<void> pull_service::require_known(asked a) {
    if (!co_await names_.knows(a.name))
        raise(errc::name_unknown, fmt::format("no image {} on this node", a.path.name));
}

awaitable<pull_service::document> pull_service::find_document(asked a) {
    document out;
    const auto& selector = a.path.selector;
    const auto unknown = [&] {
        return failure({make_error_code(errc::manifest_unknown),
                        fmt::format("no manifest {} of {} on this node", selector, a.path.name)});
    };
    if (selector.contains(':')) {
        co_await require_known(a);
        const auto d = digest_in(selector);
        if (!d)
            throw unknown();
        out.digest = *d;
    } else {
        const auto found = oci::is_tag(selector) ? co_await names_.resolve(a.name, selector)
                                                 : std::optional<resolved_tag>();
        if (!found) {
            co_await require_known(a);
            throw unknown();
        }
        out.digest = found->digest;
        out.media_type = found->media_type;
    }
    auto raw = co_await read_manifest(out.digest);
    if (!raw)
        throw unknown();
    out.raw = *std::move(raw);
    if (out.media_type.empty()) {
        const auto parsed = oci::parse_document(out.raw);
        if (!parsed)
            throw unknown();  // some other blob
        out.media_type = oci::media_type_of(*parsed);
    }
    co_return out;
}

awaitable<std::optional<bytes>> pull_service::read_manifest(digest d) {
    for (;;) {
        if (const auto stored = co_await store_.find(d)) {
            if (stored->size > oci::manifest_bytes_max)
                co_return std::nullopt;
            co_return co_await store_.read(d, oci::manifest_bytes_max);
        }
        if (auto coming = store_.arriving(d)) {
            co_await (*coming)->ended();
            if ((*coming)->complete())
                continue;
        }
        if (!co_await is_coming(d))
            co_return std::nullopt;
    }
}

/// The store may also have got it while it was being asked.
awaitable<bool> pull_service::is_coming(digest d) {
    if (co_await names_.expect(d))
        co_return true;
    co_return (co_await store_.find(d)).has_value();
}

awaitable<void> pull_service::answer_manifest(asked a, request& req, response_writer& out) {
    auto found = co_await find_document(a);
    auto headers = content_headers(found.digest, std::move(found.media_type));
    if (!a.upstream.empty())
        headers.add("OCI-Namespace", a.upstream);
    if (has_already(req, found.digest)) {
        co_await out.send(304, std::move(headers), {});
        co_return;
    }
    co_await out.send(200, std::move(headers), std::string(as_chars(found.raw)));
    if (req.method() == "HEAD")
        co_return;
    probe_.manifest_served();
    log::info("manifest served", {{"image", a.path.name},
                                  {"reference", a.path.selector},
                                  {"digest", found.digest.to_string()},
                                  {"to", req.peer()}});
}

awaitable<void> pull_service::answer_tags(asked a, request& req, response_writer& out) {
    co_await require_known(a);
    auto all = co_await names_.tags(a.name);
    std::ranges::sort(all);
    all.erase(std::ranges::unique(all).begin(), all.end());
    const auto* last = req.where().find_query("last");
    auto from = last ? std::ranges::upper_bound(all, *last) : all.begin();
    const auto rest = static_cast<std::size_t>(all.end() - from);
    const auto n = std::min(page_size(req), rest);
    header_list headers{{"Content-Type", "application/json"}};
    const std::vector<std::string> page(from, from + static_cast<std::ptrdiff_t>(n));
    if (n > 0 && n < rest)
        headers.add("Link", fmt::format("</v2/{}/tags/list?n={}&last={}>; rel=\"next\"",
                                        a.path.name, n, syntax::percent_encode(page.back())));
    const nlohmann::ordered_json body{{"name", a.path.name}, {"tags", page}};
    co_await out.send(200, std::move(headers), body.dump() + "\n");
}

awaitable<void> pull_service::answer_blob(asked a, request& req, response_writer& out) {
    co_await require_known(a);
    const auto d = digest_in(a.path.selector);
    if (!d)
        raise(errc::blob_unknown, fmt::format("no blob {} on this node", a.path.selector));
    blob_answer answer(*d, req, out);
    while (!answer.done()) {
        if (const auto stored = co_await store_.open(*d))
            co_await answer.send(stored->file.get(), stored->info.size);
        else if (auto coming = store_.arriving(*d))
            co_await answer.follow(**coming);
        if (answer.done() || co_await is_coming(*d))
            continue;
        if (!answer.begun())
            raise(errc::blob_unknown, fmt::format("no blob {} on this node", a.path.selector));
        probe_.blob_cut();
        raise(store::errc::incomplete, "the blob's import has ended before the blob was here");
    }
    probe_.blob_served(answer.followed());
}

}  // namespace dm::registry
