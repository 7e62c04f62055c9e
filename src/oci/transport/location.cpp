#include "oci/transport/location.hpp"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "oci/transport/errc.hpp"

namespace dm::transport {
namespace {

constexpr std::array<std::pair<std::string_view, form>, 5> prefixes{{
    {"docker://", form::registry},
    {"oci:", form::oci},
    {"oci-archive:", form::oci_archive},
    {"docker-archive:", form::docker_archive},
    {"docker-daemon:", form::docker_daemon},
}};

const std::pair<std::string_view, form>* prefix_of(std::string_view text) noexcept {
    for (const auto& p : prefixes)
        if (text.starts_with(p.first))
            return &p;
    return nullptr;
}

}  // namespace

bool has_transport(std::string_view text) noexcept {
    return prefix_of(text) != nullptr;
}

result<location> parse_location(std::string_view text) {
    location out;
    auto rest = text;
    if (const auto* p = prefix_of(text)) {
        out.what = p->second;
        rest.remove_prefix(p->first.size());
    }
    if (out.what == form::registry || out.what == form::docker_daemon) {
        out.name = rest;
    } else {
        const auto colon = rest.find(':');
        out.path = rest.substr(0, colon);
        if (colon != std::string_view::npos)
            out.name = rest.substr(colon + 1);
    }
    const bool is_named = out.path.empty() ? !out.name.empty() : true;
    const bool needs_path = out.what != form::registry && out.what != form::docker_daemon;
    if (!is_named || (needs_path && out.path.empty()) || text.contains('\0'))
        return fail(errc::malformed_location,
                    fmt::format("\"{}\" is no place of an image: write oci:DIR, oci-archive:TAR, "
                                "docker-archive:TAR, docker-daemon:REF or docker://REF",
                                text));
    return out;
}

}  // namespace dm::transport
