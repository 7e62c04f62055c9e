#include "oci/reference.hpp"

#include <fmt/format.h>

#include "http/syntax/scan.hpp"
#include "http/syntax/url.hpp"
#include "oci/errc.hpp"
#include "oci/quote.hpp"

namespace dm::oci {
namespace {

using syntax::is_alnum;
using syntax::is_digit;
using syntax::is_lower;
using syntax::is_upper;

constexpr std::string_view official = "library/";

bool is_word(char c) {
    return is_lower(c) || is_digit(c);
}

bool is_component(std::string_view text) {
    if (text.empty() || !is_word(text.front()) || !is_word(text.back()))
        return false;
    for (std::size_t i = 0; i < text.size();) {
        if (is_word(text[i])) {
            ++i;
            continue;
        }
        const auto end = std::min(text.find_first_not_of(text[i], i), text.size());
        const auto length = end - i;
        const bool allowed =
            text[i] == '-' || (text[i] == '.' && length == 1) || (text[i] == '_' && length <= 2);
        if (!allowed || !is_word(text[end]))
            return false;
        i = end;
    }
    return true;
}

// Only what can be no path component is taken for a host, as Docker does; and our own.
bool looks_like_host(std::string_view component) {
    return component == "localhost" || component == fleet_domain || component.contains('.') ||
           component.contains(':');
}

std::unexpected<error> refuse(std::string_view text, std::string_view why) {
    return fail(errc::malformed_reference,
                fmt::format("{} is not an image name: {}", quote(text), why));
}

std::optional<error> refuse_at_sight(std::string_view text) {
    if (text.empty())
        return error{errc::malformed_reference, "the image name is empty"};
    if (text.size() > reference_text_max)
        return error{errc::malformed_reference,
                     fmt::format("the image name is {} characters long, {} are allowed",
                                 text.size(), reference_text_max)};
    const auto is_bad = [](char c) { return c <= ' ' || c >= 0x7f; };
    if (std::ranges::any_of(text, is_bad))
        return refuse(text, "it contains a space or a special character").error();
    if (text.contains("://"))
        return refuse(text, "it starts with a scheme, leave that out").error();
    return std::nullopt;
}

// Splits host and path, and applies Docker Hub's defaults.
std::optional<error> take_repository(std::string_view whole, std::string_view name,
                                     reference& out) {
    const auto slash = name.find('/');
    auto path = name;
    out.domain = docker_hub;
    if (slash != std::string_view::npos && looks_like_host(name.substr(0, slash))) {
        const auto host = name.substr(0, slash);
        const auto authority = syntax::parse_authority(host);
        if (!authority)
            return refuse(whole, fmt::format("{} is not a registry host", quote(host))).error();
        out.domain = to_string(*authority);
        if (out.domain == "index.docker.io")
            out.domain = docker_hub;
        path = name.substr(slash + 1);
    }
    if (std::ranges::any_of(path, is_upper))
        return refuse(whole, "repository names are lower case").error();
    if (!is_repository_path(path))
        return refuse(whole, path.empty() ? "the repository is missing"
                                          : fmt::format("{} is not a repository path", quote(path)))
            .error();
    const bool is_official = out.domain == docker_hub && !path.contains('/');
    out.path = is_official ? fmt::format("{}{}", official, path) : std::string{path};
    const auto length = out.repository().size();
    if (length > repository_text_max)
        return error{errc::malformed_reference,
                     fmt::format("the image name is {} characters long, {} are allowed", length,
                                 repository_text_max)};
    return std::nullopt;
}

bool is_image_id(std::string_view text) {
    return text.size() == 64 &&
           std::ranges::all_of(text, [](char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); });
}

std::string with_selectors(std::string name, const reference& r) {
    if (!r.tag.empty())
        name += ":" + r.tag;
    if (r.digest)
        name += "@" + r.digest->to_string();
    return name;
}

std::string familiar_repository(const reference& r) {
    if (r.domain != docker_hub)
        return r.repository();
    const std::string_view path{r.path};
    if (path.starts_with(official) && !path.substr(official.size()).contains('/'))
        return std::string{path.substr(official.size())};
    // "docker.io/localhost/x" cannot be shortened: it would read as another host.
    return looks_like_host(path.substr(0, path.find('/'))) ? r.repository() : r.path;
}

}  // namespace

bool is_repository_path(std::string_view text) noexcept {
    while (true) {
        const auto slash = text.find('/');
        if (!is_component(text.substr(0, slash)))
            return false;
        if (slash == std::string_view::npos)
            return true;
        text.remove_prefix(slash + 1);
    }
}

bool is_tag(std::string_view text) noexcept {
    const auto is_tag_char = [](char c) { return is_alnum(c) || c == '_' || c == '.' || c == '-'; };
    return !text.empty() && text.size() <= tag_text_max && std::ranges::all_of(text, is_tag_char) &&
           text.front() != '.' && text.front() != '-';
}

result<reference> parse_reference(std::string_view text) {
    if (auto refused = refuse_at_sight(text))
        return fail(*std::move(refused));
    if (is_image_id(text))
        return refuse(text, "64 hex digits are an image id");
    reference out;
    auto name = text;
    if (const auto at = name.find('@'); at != std::string_view::npos) {
        auto digest = crypto::parse_digest(name.substr(at + 1));
        if (!digest)
            return fail(error{
                digest.error().code,
                fmt::format("{} is not an image name: {}", quote(text), digest.error().message())});
        out.digest = *digest;
        name = name.substr(0, at);
    }
    // A colon before the last slash belongs to the host's port.
    const auto colon = name.rfind(':');
    if (colon != std::string_view::npos && !name.substr(colon).contains('/')) {
        out.tag = name.substr(colon + 1);
        name = name.substr(0, colon);
        if (!is_tag(out.tag))
            return refuse(text, fmt::format("{} is not a tag", quote(out.tag)));
    }
    if (auto refused = take_repository(text, name, out))
        return fail(*std::move(refused));
    if (out.tag.empty() && !out.digest)
        out.tag = "latest";
    return out;
}

std::string reference::repository() const {
    return fmt::format("{}/{}", domain, path);
}

std::string reference::canonical() const {
    return with_selectors(repository(), *this);
}

std::string reference::familiar() const {
    return with_selectors(familiar_repository(*this), *this);
}

std::string reference::manifest_selector() const {
    return digest ? digest->to_string() : tag;
}

std::string reference::engine_name() const {
    const auto name = familiar_repository(*this);
    if (!tag.empty() || !digest)
        return fmt::format("{}:{}", name, tag);
    return fmt::format("{}:{}-{}", name, crypto::name_of(digest->algorithm()),
                       digest->hex().substr(0, 12));
}

}  // namespace dm::oci
