#include "oci/registry/asked.hpp"

#include "crypto/digest.hpp"
#include "oci/reference.hpp"
#include "oci/registry/errc.hpp"

namespace dm::registry {
namespace {

/// What dockerd as a client of a mirror writes in front of Docker's own images.
constexpr std::string_view official = "library/";

std::optional<std::string> repository_of(const asked& a) {
    const auto* name = std::get_if<oci::repository_name>(&a.name);
    if (!name || !a.upstream.empty())
        return std::nullopt;
    const bool says_no_host =
        name->domain == oci::docker_hub &&
        (name->path == a.path.name || name->path == std::string(official) + a.path.name);
    auto path = name->domain == oci::fleet_domain ? name->path : a.path.name;
    if ((name->domain != oci::fleet_domain && !says_no_host) || path.starts_with(official))
        return std::nullopt;
    return path;
}

}  // namespace

std::vector<oci::name_form> asked::meanings() const {
    std::vector<oci::name_form> out;
    if (repository)
        out.push_back(oci::repository_name{std::string(oci::fleet_domain), *repository});
    if (out.empty() || out.front() != name)
        out.push_back(name);
    return out;
}

asked understand(route path, std::string upstream) {
    asked out{std::move(path), {}, std::move(upstream), {}};
    auto name = oci::parse_name_form(out.path.name, out.upstream);
    if (!name)
        raise(errc::name_invalid, name.error().message());
    out.name = *std::move(name);
    out.repository = repository_of(out);
    const auto* named = std::get_if<oci::repository_name>(&out.name);
    if (named && named->domain != oci::fleet_domain && !out.repository)
        out.how = reach::upstream;
    return out;
}

asked understand_as_mirror(route path, std::string upstream) {
    const auto first = std::string_view(path.name).substr(0, path.name.find('/'));
    const bool has_host = first.contains('.') || first.contains(':');
    if (upstream.empty() && !has_host)
        upstream = oci::docker_hub;
    return understand(std::move(path), std::move(upstream));
}

std::optional<crypto::digest> digest_in(std::string_view text) {
    auto d = crypto::parse_digest(text);
    if (d)
        return *d;
    if (d.error().code == crypto::errc::unsupported_algorithm)
        return std::nullopt;
    raise(errc::digest_invalid, d.error().message());
}

}  // namespace dm::registry
