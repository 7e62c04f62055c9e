#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "http/syntax/scan.hpp"
#include "http/syntax/url.hpp"
#include "oci/media_type.hpp"
#include "oci/registry/errc.hpp"
#include "oci/registry/pull_service.hpp"

/// Tags, repositories and referrers.
namespace dm::registry {

using server::header_list;
using server::request;
using server::response_writer;

namespace {

std::size_t page_size(const request& req) {
    const auto* n = req.where().find_query("n");
    const auto wanted = n ? syntax::parse_decimal(*n) : std::nullopt;
    return static_cast<std::size_t>(std::min<std::uint64_t>(wanted.value_or(page_max), page_max));
}

std::string last_of(const request& req) {
    const auto* last = req.where().find_query("last");
    return last ? *last : std::string();
}

/// One more than the page, where there are more, to know that.
constexpr std::size_t with_next(std::size_t n) {
    return n + 1;
}

header_list page_headers(std::string_view path, std::size_t n, const std::string& last, bool more) {
    header_list out{{"Content-Type", "application/json"}};
    if (more)
        out.add("Link", fmt::format("<{}?n={}&last={}>; rel=\"next\"", path, n,
                                    syntax::percent_encode(last)));
    return out;
}

nlohmann::ordered_json to_json(const pushed_manifest& m) {
    nlohmann::ordered_json out{
        {"mediaType", m.media_type}, {"digest", m.digest.to_string()}, {"size", m.size}};
    if (!m.artifact_type.empty())
        out["artifactType"] = m.artifact_type;
    if (!m.annotations.empty())
        out["annotations"] = m.annotations;
    return out;
}

}  // namespace

awaitable<void> pull_service::answer_tags(asked a, request& req, response_writer& out) {
    co_await require_known(a);
    const auto n = page_size(req);
    const auto last = last_of(req);
    std::vector<std::string> page;
    if (a.repository && pushed_)
        page = co_await pushed_->workers.run(
            [&] { return pushed_->known.tags(*a.repository, last, with_next(n)); });
    for (const auto& name : a.meanings())
        if (co_await names_.knows(name))
            for (auto& tag : co_await names_.tags(name))
                if (tag > last)
                    page.push_back(std::move(tag));
    // A tag is there three times at most: here, and by both its meanings where the fleet knows
    // them.
    const auto enough = std::min(page.size(), 3 * with_next(n));
    std::ranges::partial_sort(page, page.begin() + static_cast<std::ptrdiff_t>(enough));
    page.resize(enough);
    page.erase(std::ranges::unique(page).begin(), page.end());
    const bool more = n > 0 && page.size() > n;
    page.resize(std::min(page.size(), n));
    auto headers = page_headers(fmt::format("/v2/{}/tags/list", a.path.name), n,
                                more ? page.back() : "", more);
    const nlohmann::ordered_json body{{"name", a.path.name}, {"tags", page}};
    co_await out.send(200, std::move(headers), body.dump() + "\n");
}

/// The repositories that were pushed here.
awaitable<void> pull_service::answer_catalog(request& req, response_writer& out) {
    const auto n = page_size(req);
    const auto last = last_of(req);
    std::vector<std::string> page;
    if (pushed_)
        page =
            co_await pushed_->workers.run([&] { return pushed_->known.list(last, with_next(n)); });
    const bool more = n > 0 && page.size() > n;
    page.resize(std::min(page.size(), n));
    auto headers = page_headers("/v2/_catalog", n, more ? page.back() : "", more);
    const nlohmann::ordered_json body{{"repositories", page}};
    co_await out.send(200, std::move(headers), body.dump() + "\n");
}

awaitable<void> pull_service::answer_referrers(asked a, request& req, response_writer& out) {
    const auto d = digest_in(a.path.selector);
    const auto* wanted = req.where().find_query("artifactType");
    const auto type = wanted ? *wanted : std::string();
    const auto n = page_size(req);
    std::vector<pushed_manifest> found;
    if (a.repository && pushed_ && d)
        found = co_await pushed_->workers.run([&] {
            return pushed_->known.referrers(*a.repository, *d, type, last_of(req), with_next(n));
        });
    auto entries = nlohmann::ordered_json::array();
    std::size_t size = 0;
    for (const auto& m : found) {
        auto entry = to_json(m);
        size += entry.dump().size();
        if (entries.size() == n || (size > referrers_bytes_max && !entries.empty()))
            break;
        entries.push_back(std::move(entry));
    }
    const bool more = n > 0 && entries.size() < found.size();
    const auto last = more ? found[entries.size() - 1].digest.to_string() : std::string();
    auto path = fmt::format("/v2/{}/referrers/{}", a.path.name, a.path.selector);
    header_list headers{{"Content-Type", std::string(oci::media_type::oci_index)}};
    if (more)
        headers.add(
            "Link",
            fmt::format("<{}?n={}&last={}{}>; rel=\"next\"", path, n, syntax::percent_encode(last),
                        type.empty() ? "" : "&artifactType=" + syntax::percent_encode(type)));
    if (!type.empty())
        headers.add("OCI-Filters-Applied", "artifactType");
    const nlohmann::ordered_json body{{"schemaVersion", 2},
                                      {"mediaType", oci::media_type::oci_index},
                                      {"manifests", std::move(entries)}};
    co_await out.send(200, std::move(headers), body.dump() + "\n");
}

}  // namespace dm::registry
