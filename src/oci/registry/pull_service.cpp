#include "oci/registry/pull_service.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/log.hpp"
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

std::optional<asked> pull_service::read_request(const request& req) const {
    auto path = parse_route(std::span(req.where().segments).subspan(1));
    if (!path)
        raise(errc::nothing_here);
    if (path->name.empty())
        return std::nullopt;
    const auto* ns = req.where().find_query("ns");
    auto upstream = ns ? *ns : std::string();
    return options_.as_mirror ? understand_as_mirror(*std::move(path), std::move(upstream))
                              : understand(*std::move(path), std::move(upstream));
}

namespace {

access::role role_for(std::string_view method) {
    if (method == "DELETE")
        return access::role::remove;
    return method == "GET" || method == "HEAD" ? access::role::read : access::role::push;
}

/// A proxy on this machine says for whom it asks.
bool is_on_this_machine(const request& req) {
    for (const char* header : {"X-Forwarded-For", "Forwarded", "Via"})
        if (req.headers().find(header))
            return false;
    return syntax::is_loopback_host(access::address_of_peer(req.peer()));
}

/// How rules call it.
std::string name_for_rules(const asked& a) {
    if (a.repository)
        return *a.repository;
    const auto* named = std::get_if<oci::repository_name>(&a.name);
    return named ? named->to_string() : std::get<multiformats::cid>(a.name).to_string();
}

}  // namespace

/// 401 for those who have not said who they are, else 403.
awaitable<void> pull_service::admit(const request& req, const asked* a) {
    if (!options_.access)
        co_return;
    const auto& [guard, rules] = *options_.access;
    const auto caller = co_await guard.identify(req);
    const bool is_catalog =
        !a && parse_route(std::span(req.where().segments).subspan(1))->what == route::kind::catalog;
    if (!a && !is_catalog && !caller.empty())
        co_return;  // "GET /v2/": whoever is known may log in
    const auto what = role_for(req.method());
    if (a && what == access::role::read && std::holds_alternative<multiformats::cid>(a->name) &&
        is_on_this_machine(req))
        co_return;
    if (is_catalog
            ? rules.allows(caller, "", access::role::admin) || rules.allows(caller, "*", what)
            : a && rules.allows(caller, name_for_rules(*a), what))
        co_return;
    if (caller.empty())
        throw access::ask_who("Basic");
    raise(errc::denied, "this account may not do that here");
}

awaitable<void> pull_service::handle(request& req, response_writer& out) {
    auto a = read_request(req);
    co_await admit(req, a ? &*a : nullptr);
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
    co_await admit(req, a ? &*a : nullptr);
    if (const auto* from = req.where().find_query("from");
        from && options_.access && a && a->path.what == route::kind::upload) {
        const auto caller = co_await options_.access->guard.identify(req);
        if (!options_.access->rules.allows(caller, *from, access::role::read))
            raise(errc::denied, "this account may not read what it wants to mount");
    }
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

/// What can be fetched need not be known.
awaitable<void> pull_service::require_reachable(const asked& a) {
    if (a.how != reach::upstream)
        co_await require_known(a);
}

/// In a repository that was pushed here only what is its own can be had, or what its images that
/// were pushed elsewhere consist of.
awaitable<void> pull_service::require_blob(const asked& a, const digest& d) {
    if (!a.repository || !pushed_) {
        co_await require_reachable(a);
        co_return co_await keep_apart(a, d);
    }
    using presence = repositories::presence;
    bool exists = false;
    const auto found = co_await pushed_->workers.run([&] {
        const auto there = pushed_->known.find_blob(*a.repository, d);
        exists = there != presence::unknown || pushed_->known.exists(*a.repository);
        return there;
    });
    if (found == presence::here)
        co_return;
    if (!exists) {
        co_await require_reachable(a);
        co_return co_await keep_apart(a, d);
    }
    if (found == presence::unknown)
        for (const auto& name : a.meanings())
            if (co_await names_.includes(name, d))
                co_return;
    raise(errc::blob_unknown, fmt::format("{} has no blob {}", a.path.name, d.to_string()));
}

/// What was pushed here is had by its own names only, unless another image has it too.
awaitable<void> pull_service::keep_apart(const asked& a, const digest& d) {
    if (!pushed_)
        co_return;
    const bool is_pushed = co_await pushed_->workers.run(
        [&] { return pushed_->known.repository_with(d).has_value() || pushed_->known.is_used(d); });
    if (!is_pushed)
        co_return;
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
            co_await require_reachable(a);
            throw unknown();
        }
        co_await require_blob(a, *d);
        out.digest = *d;
    } else {
        const auto found = co_await resolve(a);
        out.digest = found.digest;
        out.media_type = found.media_type;
        out.stale = found.stale;
    }
    if (!co_await read_manifest(a, out))
        throw unknown();
    if (out.media_type.empty()) {
        const auto parsed = oci::parse_document(out.raw);
        if (!parsed)
            throw unknown();  // some other blob
        out.media_type = oci::media_type_of(*parsed);
    }
    co_return out;
}

/// What the tag means; throws manifest_unknown or name_unknown.
awaitable<resolved_tag> pull_service::resolve(const asked& a) {
    auto why = fmt::format("no manifest {} of {} on this node", a.path.selector, a.path.name);
    try {
        if (oci::is_tag(a.path.selector))
            for (const auto& name : a.meanings())
                if (const auto found = co_await names_.resolve(name, a.path.selector, a.how))
                    co_return *found;
    } catch (const failure& e) {
        if (a.how != reach::upstream)
            throw;
        why += fmt::format(", and {}", e.what());  // a client of several mirrors asks the next
    }
    co_await require_reachable(a);
    raise(errc::manifest_unknown, std::move(why));
}

/// False when it is not here and nothing brings it.
awaitable<bool> pull_service::read_manifest(const asked& a, document& into) {
    bool waited = false;
    for (;;) {
        if (const auto stored = co_await store_.find(into.digest)) {
            if (stored->size > oci::manifest_bytes_max)
                co_return false;
            into.raw = co_await store_.read(into.digest, oci::manifest_bytes_max);
            if (waited)
                if (auto source = co_await names_.source_of(into.digest); !source.empty())
                    into.source = std::move(source);
            co_return true;
        }
        waited = true;
        if (auto coming = store_.arriving(into.digest)) {
            co_await (*coming)->ended();
            if ((*coming)->complete())
                continue;
        }
        if (!co_await is_coming(a, into.digest))
            co_return false;
    }
}

/// The store may also have got it while it was being asked.
awaitable<bool> pull_service::is_coming(const asked& a, const digest& d) {
    for (const auto& name : a.meanings())
        if (co_await names_.expect(name, d, a.how))
            co_return true;
    co_return (co_await store_.find(d)).has_value();
}

awaitable<void> pull_service::answer_manifest(asked a, request& req, response_writer& out) {
    auto found = co_await find_document(a);
    auto headers = content_headers(found.digest, std::move(found.media_type));
    headers.add(std::string(source_header), found.source);
    if (found.stale)
        headers.add("Warning",
                    "110 - \"the registry does not answer: this is what the tag meant before\"");
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
        co_await require_reachable(a);
        raise(errc::blob_unknown, fmt::format("no blob {} on this node", a.path.selector));
    }
    co_await require_blob(a, *d);
    blob_answer answer(*d, req, out, options_.waiting);
    for (std::size_t attempts = 0; !answer.done(); ++attempts) {
        if (const auto stored = co_await store_.open(*d)) {
            co_await answer.send(stored->file.get(), stored->info.size);
        } else if (auto coming = store_.arriving(*d)) {
            if (!answer.begun())
                answer.set_source(co_await names_.source_of(*d));
            co_await answer.follow(**coming);
        }
        if (answer.done() || (attempts < attempts_max && co_await is_coming(a, *d)))
            continue;
        if (!answer.begun())
            raise(errc::blob_unknown, fmt::format("no blob {} on this node", a.path.selector));
        probe_.blob_cut();
        raise(store::errc::incomplete, "the blob's import has ended before the blob was here");
    }
    probe_.sent(answer.source(), answer.sent());
    probe_.blob_served(answer.followed());
}

}  // namespace dm::registry
