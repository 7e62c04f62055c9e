#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/log.hpp"
#include "crypto/hash.hpp"
#include "oci/reference.hpp"
#include "oci/registry/errc.hpp"
#include "oci/registry/push_service.hpp"

/// Manifests that are pushed, and taken away.
namespace dm::registry {

using crypto::digest;
using server::header_list;
using server::request;
using server::response_writer;

namespace {

/// Warnings of an answer take no more than this.
constexpr std::size_t warning_bytes_max = 1024;

constexpr std::string_view pushed_prefix = "pushed:";

std::string pushed_pin(const digest& manifest) {
    return std::string(pushed_prefix) + manifest.to_string();
}

std::string warning(std::string_view text) {
    std::string quoted;
    for (const char c : text.substr(0, warning_bytes_max))
        quoted += c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20 ? '\'' : c;
    return fmt::format("299 - \"{}\"", quoted);
}

/// The tags that a push sets: of its path, and of "?tag=".
std::vector<std::string> asked_tags(const asked& a, const request& req) {
    std::vector<std::string> out;
    if (!a.path.selector.contains(':'))
        out.push_back(a.path.selector);
    for (const auto& [name, value] : req.where().query)
        if (name == "tag" && std::ranges::find(out, value) == out.end())
            out.push_back(value);
    if (out.size() > tags_per_push_max)
        raise(errc::manifest_invalid,
              fmt::format("{} tags at once, {} are allowed", out.size(), tags_per_push_max));
    for (const auto& tag : out)
        if (!oci::is_tag(tag))
            raise(errc::manifest_invalid, "the last part of the path is neither tag nor digest");
    return out;
}

/// What referrers show of it.
pushed_manifest describe(const digest& d, std::uint64_t size, const oci::document& what) {
    pushed_manifest out{d, oci::media_type_of(what), size, {}, {}, {}};
    std::visit(
        [&](const auto& document) {
            out.artifact_type = document.artifact_type;
            if (!document.subject)
                return;
            out.subject = document.subject->digest;
            out.annotations = document.annotations;
        },
        what);
    if (const auto* m = std::get_if<oci::manifest>(&what); m && out.artifact_type.empty())
        out.artifact_type = m->config.media_type;
    return out;
}

}  // namespace

oci::reference fleet_name(const std::string& repository, const std::string& tag) {
    return {std::string(oci::fleet_domain), repository, tag, std::nullopt};
}

awaitable<void> push_service::put_manifest(asked a, std::string repository, request& req,
                                           response_writer& out) {
    const auto tags = asked_tags(a, req);
    const bool by_digest = a.path.selector.contains(':');
    const auto expected = by_digest ? digest_in(a.path.selector) : std::nullopt;
    if (by_digest && !expected)
        raise(errc::digest_invalid, "only sha256 and sha512 digests can be checked");
    const auto raw = co_await req.body(oci::manifest_bytes_max);
    const auto d =
        crypto::hash_of(expected ? expected->algorithm() : crypto::hash_algorithm::sha256, raw);
    if (expected && d != *expected)
        raise(errc::digest_invalid, fmt::format("the manifest sent is {}", d.to_string()));
    const auto what = oci::parse_document(raw, req.headers().value("Content-Type"));
    if (!what)
        raise(errc::manifest_invalid, what.error().message());
    if (const auto* m = std::get_if<oci::manifest>(&*what))
        co_await check_blobs(repository, *m);
    else
        co_await check_depth(repository, std::get<oci::image_index>(*what), 1);

    co_await store_.put(d, raw);
    co_await keep(d, *what);
    const auto described = describe(d, raw.size(), *what);
    co_await workers_.run([&] { known_.put_manifest(repository, described, tags); });
    probe_.manifest_pushed();
    log::info("manifest pushed", {{"image", a.path.name},
                                  {"reference", a.path.selector},
                                  {"digest", d.to_string()},
                                  {"by", req.peer()}});
    header_list headers{
        {"Location", fmt::format("/v2/{}/manifests/{}", a.path.name, d.to_string())},
        {"Docker-Content-Digest", d.to_string()}};
    if (described.subject)
        headers.add("OCI-Subject", described.subject->to_string());
    for (const auto& tag : tags)
        headers.add("OCI-Tag", tag);
    if (const auto told = co_await publish(repository, tags, d, headers))
        headers.add("X-Docker-Content-ID", told->root.to_string());
    co_await out.send(201, std::move(headers), {});
}

/// An image has to be there whole. Layers that registries do not hold count for nothing.
awaitable<void> push_service::check_blobs(std::string repository, oci::manifest m) {
    for (const auto& blob : oci::stored_blobs(m)) {
        const bool linked = co_await workers_.run([&] {
            return known_.find_blob(repository, blob.digest) == repositories::presence::here;
        });
        const auto stored = linked ? co_await store_.find(blob.digest) : std::nullopt;
        if (!stored)
            raise(errc::manifest_blob_unknown,
                  fmt::format("{} has no blob {}", repository, blob.digest.to_string()));
        if (stored->size != blob.size)
            raise(errc::manifest_invalid,
                  fmt::format("the manifest says {} bytes for {}, which "
                              "has {}",
                              blob.size, blob.digest.to_string(), stored->size));
    }
}

/// Indexes may be nested, but not for ever. What they name may come later, or never.
awaitable<void> push_service::check_depth(std::string repository, oci::image_index i,
                                          std::size_t depth) {
    for (const auto& entry : i.manifests) {
        if (entry.kind() != oci::media_kind::index)
            continue;
        if (depth == oci::index_depth_max)
            raise(
                errc::manifest_invalid,
                fmt::format("more than {} indexes are nested in each other", oci::index_depth_max));
        const bool here = co_await workers_.run(
            [&] { return known_.find_manifest(repository, entry.digest).has_value(); });
        if (!here || !co_await store_.find(entry.digest))
            continue;
        const auto inner =
            oci::parse_document(co_await store_.read(entry.digest, oci::manifest_bytes_max));
        if (const auto* index = inner ? std::get_if<oci::image_index>(&*inner) : nullptr)
            co_await check_depth(repository, *index, depth + 1);
    }
}

/// The manifest and what it names stay while some repository has it. From here on the manifest
/// keeps its blobs.
awaitable<void> push_service::keep(digest d, oci::document what) {
    std::vector<digest> kept{d};
    if (const auto* m = std::get_if<oci::manifest>(&what))
        for (const auto& blob : oci::stored_blobs(*m))
            kept.push_back(blob.digest);
    co_await store_.pin(pushed_pin(d), kept, {});
    for (const auto& blob : kept)
        if (waiting_.erase(blob) > 0)
            co_await store_.unpin(waiting_pin(blob));
}

/// Makes the store keep what the repositories have, and nothing else: an earlier process may have
/// ended between the two, or the store's index was made anew.
awaitable<void> push_service::restore_pins() {
    const auto all = co_await workers_.run([&] { return known_.manifests(); });
    std::set<std::string> missing;
    for (const auto& d : all)
        missing.insert(pushed_pin(d));
    for (const auto& pin : co_await store_.pins(std::string(pushed_prefix)))
        if (missing.erase(pin.name) == 0)
            co_await store_.unpin(pin.name);
    for (const auto& d : all) {
        if (!missing.contains(pushed_pin(d)) || !co_await store_.find(d))
            continue;
        const auto what = oci::parse_document(co_await store_.read(d, oci::manifest_bytes_max));
        if (what)
            co_await keep(d, *what);
    }
}

/// A push has succeeded when the registry has it, whoever else can be told.
awaitable<std::optional<publication>> push_service::publish(std::string repository,
                                                            std::vector<std::string> tags, digest d,
                                                            header_list& headers) {
    std::optional<publication> out;
    std::string trouble;
    for (const auto& tag : tags) {
        try {
            out = co_await fleet_.publish(fleet_name(repository, tag), d);
        } catch (const failure& e) {
            trouble = fmt::format("the fleet has not been told of it: {}", e.what());
            log::warn("pushed image is not known to the fleet",
                      {{"image", repository}, {"tag", tag}, {"reason", e.what()}});
        }
    }
    if (out && !out->fleet_wide)
        trouble = "known to this node only, which is no operator of the fleet";
    if (!trouble.empty())
        headers.add("Warning", warning(trouble));
    co_return out;
}

awaitable<void> push_service::delete_manifest(asked a, std::string repository,
                                              response_writer& out) {
    const auto& selector = a.path.selector;
    const auto unknown = [&] {
        return failure({make_error_code(errc::manifest_unknown),
                        fmt::format("{} has no manifest {}", a.path.name, selector)});
    };
    if (!selector.contains(':')) {
        const auto known =
            co_await workers_.run([&] { return known_.find_tag(repository, selector); });
        if (!known)
            throw unknown();
        co_await fleet_.retract(fleet_name(repository, selector));
        co_await workers_.run([&] { known_.remove_tag(repository, selector); });
    } else {
        const auto d = digest_in(selector);
        if (!d || !co_await workers_.run([&] { return known_.find_manifest(repository, *d); }))
            throw unknown();
        for (const auto& tag :
             co_await workers_.run([&] { return known_.tags_of(repository, *d); }))
            co_await fleet_.retract(fleet_name(repository, tag));
        const bool used = co_await workers_.run([&] {
            known_.remove_manifest(repository, *d);
            return known_.is_used(*d);
        });
        if (!used) {
            co_await store_.unpin(pushed_pin(*d));
            co_await fleet_.withdraw(*d);
        }
    }
    log::info("manifest deleted", {{"image", a.path.name}, {"reference", selector}});
    co_await out.send(202, {}, {});
}

}  // namespace dm::registry
