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

server::options pull_service::server_options() {
    server::options o;
    o.name = "registry";
    o.describe = error_body;
    o.common_headers = {{"Docker-Distribution-API-Version", "registry/2.0"}};
    return o;
}

void pull_service::mount(server::router& r) {
    const auto answer = [this](request& req, response_writer& out) { return handle(req, out); };
    const auto write = [this](request& req, response_writer& out) { return change(req, out); };
    for (const char* pattern : {"/v2", "/v2/*path"}) {
        r.add("GET", pattern, answer);
        for (const char* method : {"POST", "PUT", "PATCH", "DELETE"})
            r.add(method, pattern, write);
    }
    r.add("GET", "/health", [](request&, response_writer& out) -> awaitable<void> {
        co_await out.send(200, {{"Content-Type", "text/plain"}}, "OK\n");
    });
}

namespace {

std::optional<asked> read_request(const request& req) {
    auto path = parse_route(std::span(req.where().segments).subspan(1));
    if (!path)
        raise(errc::nothing_here);
    if (path->name.empty())
        return std::nullopt;
    const auto* upstream = req.where().find_query("ns");
    return understand(*std::move(path), upstream ? *upstream : std::string());
}

}  // namespace

awaitable<void> pull_service::handle(request& req, response_writer& out) {
    auto a = read_request(req);
    if (!a) {
        if (parse_route(std::span(req.where().segments).subspan(1))->what == route::kind::catalog)
            co_return co_await answer_catalog(req, out);
        co_await out.send(200, {{"Content-Type", "application/json"}}, "{}");
        co_return;
    }
    switch (a->path.what) {
        case route::kind::manifest:
            co_return co_await answer_manifest(*std::move(a), req, out);
        case route::kind::blob:
            co_return co_await answer_blob(*std::move(a), req, out);
        case route::kind::tags:
            co_return co_await answer_tags(*std::move(a), req, out);
        case route::kind::referrers:
            co_return co_await answer_referrers(*std::move(a), req, out);
        case route::kind::upload:
            if (pushed_ && !a->path.selector.empty())
                co_return co_await pushed_->service.handle(*std::move(a), req, out);
            raise(errc::upload_unknown);
        case route::kind::base:
        case route::kind::catalog:
            raise(errc::nothing_here);
    }
}

/// Whatever is no GET.
awaitable<void> pull_service::change(request& req, response_writer& out) {
    if (!pushed_)
        throw server::refusal({make_error_code(server::errc::method_not_allowed),
                               "this registry can be pulled from, not pushed to"},
                              {{"Allow", "GET, HEAD"}});
    value_or_throw(guard_.check_sender(req));
    auto a = read_request(req);
    if (!a)
        throw server::refusal({make_error_code(server::errc::method_not_allowed), {}},
                              {{"Allow", "GET, HEAD"}});
    co_await pushed_->service.handle(*std::move(a), req, out);
}

awaitable<void> pull_service::require_known(const asked& a) {
    if (a.repository && pushed_) {
        if (co_await pushed_->workers.run([&] { return pushed_->known.exists(*a.repository); }))
            co_return;
    }
    for (const auto& name : a.meanings())
        if (co_await names_.knows(name))
            co_return;
    raise(errc::name_unknown, fmt::format("no image {} on this node", a.path.name));
}

/// In a repository that was pushed here only what is its own can be had, or what its images that
/// were pushed elsewhere consist of.
awaitable<void> pull_service::require_blob(const asked& a, const digest& d) {
    if (!a.repository || !pushed_)
        co_return co_await require_known(a);
    using presence = repositories::presence;
    bool exists = false;
    const auto found = co_await pushed_->workers.run([&] {
        const auto there = pushed_->known.find_blob(*a.repository, d);
        exists = there != presence::unknown || pushed_->known.exists(*a.repository);
        return there;
    });
    if (found == presence::here)
        co_return;
    if (!exists)
        co_return co_await require_known(a);
    if (found == presence::unknown)
        for (const auto& name : a.meanings())
            if (co_await names_.includes(name, d))
                co_return;
    raise(errc::blob_unknown, fmt::format("{} has no blob {}", a.path.name, d.to_string()));
}

awaitable<std::optional<pushed_manifest>> pull_service::find_pushed(const asked& a) {
    if (!a.repository || !pushed_)
        co_return std::nullopt;
    const auto& selector = a.path.selector;
    const auto d = selector.contains(':') ? digest_in(selector) : std::nullopt;
    if (!d && selector.contains(':'))
        co_return std::nullopt;
    co_return co_await pushed_->workers.run([&] {
        return d ? pushed_->known.find_manifest(*a.repository, *d)
                 : pushed_->known.find_tag(*a.repository, selector);
    });
}

awaitable<pull_service::document> pull_service::find_document(asked a) {
    document out;
    const auto& selector = a.path.selector;
    const auto unknown = [&] {
        return failure({make_error_code(errc::manifest_unknown),
                        fmt::format("no manifest {} of {} on this node", selector, a.path.name)});
    };
    if (const auto pushed = co_await find_pushed(a)) {
        out.digest = pushed->digest;
        out.media_type = pushed->media_type;
    } else if (selector.contains(':')) {
        const auto d = digest_in(selector);
        if (!d) {
            co_await require_known(a);
            throw unknown();
        }
        co_await require_blob(a, *d);
        out.digest = *d;
    } else {
        std::optional<resolved_tag> found;
        for (const auto& name : a.meanings())
            if (!found && oci::is_tag(selector))
                found = co_await names_.resolve(name, selector);
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

awaitable<void> pull_service::answer_blob(asked a, request& req, response_writer& out) {
    const auto d = digest_in(a.path.selector);
    if (!d) {
        co_await require_known(a);
        raise(errc::blob_unknown, fmt::format("no blob {} on this node", a.path.selector));
    }
    co_await require_blob(a, *d);
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
