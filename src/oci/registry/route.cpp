#include "oci/registry/route.hpp"

#include <algorithm>

namespace dm::registry {
namespace {

/// The name, when each of its segments stands for one part of it.
std::optional<std::string> join(std::span<const std::string> segments) {
    std::string out;
    for (const auto& s : segments) {
        if (s.empty() || s.contains('/'))
            return std::nullopt;
        out += out.empty() ? s : "/" + s;
    }
    return out.empty() ? std::nullopt : std::optional(std::move(out));
}

std::optional<route> make(route::kind what, std::span<const std::string> name,
                          std::string selector) {
    auto joined = join(name);
    if (!joined)
        return std::nullopt;
    return route{what, *std::move(joined), std::move(selector)};
}

}  // namespace

std::optional<route> parse_route(std::span<const std::string> segments) {
    using enum route::kind;
    const auto n = segments.size();
    if (n == 0 || (n == 1 && segments[0].empty()))
        return route{};
    if (n == 1 && segments[0] == "_catalog")
        return route{catalog, {}, {}};
    if (n < 3)
        return std::nullopt;
    const auto& verb = segments[n - 2];
    const auto& last = segments[n - 1];
    if (n > 3 && verb == "uploads" && segments[n - 3] == "blobs")
        return make(upload, segments.first(n - 3), last);
    if (verb == "blobs" && last == "uploads")
        return make(upload, segments.first(n - 2), "");
    if (verb == "manifests" && !last.empty())
        return make(manifest, segments.first(n - 2), last);
    if (verb == "blobs" && !last.empty())
        return make(blob, segments.first(n - 2), last);
    if (verb == "tags" && last == "list")
        return make(tags, segments.first(n - 2), "");
    if (verb == "referrers" && !last.empty())
        return make(referrers, segments.first(n - 2), last);
    return std::nullopt;
}

}  // namespace dm::registry
