#include "oci/name_form.hpp"

#include <fmt/format.h>

#include <optional>

#include "multiformats/dockerize.hpp"
#include "oci/errc.hpp"
#include "oci/quote.hpp"
#include "oci/reference.hpp"

namespace dm::oci {
namespace {

std::optional<multiformats::cid> as_root(std::string_view path) {
    if (path.contains('/') || path.size() > multiformats::cid_text_max)
        return std::nullopt;
    if (auto root = multiformats::undockerize(path))
        return *root;
    if (auto root = multiformats::parse_cid(path); root && root->version() == 1)
        return *root;
    return std::nullopt;
}

}  // namespace

std::string repository_name::to_string() const {
    return fmt::format("{}/{}", domain, path);
}

result<name_form> parse_name_form(std::string_view path, std::string_view upstream) {
    const auto slash = path.find('/');
    const bool names_port =
        upstream.empty() && slash != path.npos && path.substr(0, slash).contains(':');
    const auto repository = names_port ? path.substr(slash + 1) : path;
    if (path.size() > repository_text_max || !is_repository_path(repository))
        return fail(errc::malformed_reference,
                    fmt::format("{} is not a repository path", quote(path)));
    if (upstream.empty())
        if (auto root = as_root(path))
            return *std::move(root);
    auto read = parse_reference(upstream.empty() ? std::string{path}
                                                 : fmt::format("{}/{}", upstream, path));
    if (!read)
        return fail(read.error());
    return repository_name{std::move(read->domain), std::move(read->path)};
}

}  // namespace dm::oci
