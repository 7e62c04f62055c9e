#include "daemon/config.hpp"

#include <charconv>

#include <fmt/format.h>

#include <cstdlib>

#include "base/format.hpp"
#include "daemon/errc.hpp"
#include "http/syntax/scan.hpp"

namespace dm::daemon {
namespace {

using asio::ip::tcp;

constexpr std::string_view default_docker_host = "unix:///var/run/docker.sock";

std::unexpected<error> wrong(std::string_view option, std::string_view why) {
    return fail(errc::bad_option, fmt::format("{}: {}", option, why));
}

/// The addresses in `texts`. Other machines may reach them where `missing` names no option that
/// is still needed for that.
result<listening> parse_listening(std::string_view option, const std::vector<std::string>& texts,
                                  std::uint16_t default_port, const std::string& missing) {
    listening out;
    if (texts.empty()) {
        out.by_default = true;
        out.at = {{asio::ip::address_v4::loopback(), default_port},
                  {asio::ip::address_v6::loopback(), default_port}};
        return out;
    }
    for (const auto& text : texts) {
        const auto where = aio::parse_endpoint(text);
        if (!where)
            return wrong(option, where.error().message());
        if (!where->address().is_loopback() && !missing.empty())
            return fail(errc::not_loopback,
                        fmt::format("{} {} can be reached by other machines: it needs {}, or use "
                                    "a loopback address and `ssh -L`",
                                    option, text, missing));
        out.at.push_back(*where);
    }
    return out;
}

/// What a server still needs before other machines may reach it; empty: nothing.
std::string missing_for(const guarding& g, bool insecure_http, std::string_view tls_options,
                        std::string_view caller_options) {
    std::string out;
    if (g.cert.empty() && !insecure_http)
        out = fmt::format("{} (or --insecure-http behind a proxy of your own)", tls_options);
    if (!g.knows_callers())
        out += fmt::format("{}{}", out.empty() ? "" : " and ", caller_options);
    return out;
}

result<guarding> parse_guarding(guarding g, std::string_view prefix) {
    if (g.cert.empty() != g.key.empty())
        return wrong(fmt::format("--{0}-cert, --{0}-key", prefix),
                     "one is of no use without the other");
    if (!g.access.empty() && !g.knows_callers())
        return wrong("--registry-access", "it needs --registry-htpasswd or --registry-token-file");
    return g;
}

result<std::chrono::seconds> parse_seconds(std::string_view option, std::string_view text,
                                           std::chrono::seconds otherwise) {
    if (text.empty())
        return otherwise;
    std::uint64_t factor = 1;
    const auto unit = text.back();
    if (unit == 's' || unit == 'm' || unit == 'h')
        text.remove_suffix(1);
    if (unit == 'm')
        factor = 60;
    if (unit == 'h')
        factor = 3600;
    const auto n = syntax::parse_decimal(text);
    if (!n || *n > 1'000'000)
        return wrong(option, "it is no time: write 30s, 5m or 1h");
    return std::chrono::seconds(*n * factor);
}

result<std::vector<multiformats::multiaddr>> parse_p2p(const std::vector<std::string>& texts) {
    std::vector<multiformats::multiaddr> out;
    for (const auto& text : texts) {
        auto address = multiformats::parse_multiaddr(text);
        if (!address)
            return wrong("--p2p",
                         fmt::format("\"{}\" is no multiaddress: write /ip4/127.0.0.1/tcp/{}", text,
                                     p2p_port));
        out.push_back(*std::move(address));
    }
    return out;
}

result<std::vector<host::known_peer>> parse_bootstrap(const std::vector<std::string>& texts) {
    std::vector<host::known_peer> out;
    for (const auto& text : texts) {
        auto peer = host::parse_known_peer(text);
        if (!peer)
            return wrong("--bootstrap", peer.error().message());
        out.push_back(*std::move(peer));
    }
    return out;
}

result<plan::labels> parse_labels(const std::vector<std::string>& texts) {
    plan::labels out;
    for (const auto& text : texts) {
        auto label = plan::parse_label(text);
        if (!label)
            return wrong("--label", label.error().message());
        out.insert_or_assign(std::move(label->first), std::move(label->second));
    }
    if (out.size() > plan::labels_max)
        return wrong("--label", fmt::format("more than {} labels", plan::labels_max));
    return out;
}

result<upstream::mapping> parse_upstreams(const std::vector<std::string>& texts) {
    upstream::mapping out;
    for (const auto& text : texts) {
        auto entry = upstream::parse_mapping(text);
        if (!entry)
            return wrong("--upstream", entry.error().message());
        out.insert_or_assign(std::move(entry->first), std::move(entry->second));
    }
    return out;
}

result<std::uint64_t> parse_store_limit(const std::string& text) {
    if (text.empty())
        return 0;
    const auto limit = parse_size(text);
    if (!limit || *limit == 0)
        return wrong(
            "--store-limit",
            fmt::format("\"{}\" is no size: write 500MB, 20GiB or a number of bytes", text));
    return *limit;
}

/// "90s", "15m", "2h".
result<std::chrono::seconds> parse_grace(const std::string& text) {
    constexpr std::chrono::seconds grace_max = std::chrono::hours(24 * 365);
    if (text.empty())
        return config{}.offline_grace;
    std::int64_t number = 0;
    const auto* end = text.data() + text.size();
    const auto [rest, failed] = std::from_chars(text.data(), end, number);
    const std::string_view unit{rest, end};
    const auto scale = unit == "s" ? 1 : unit == "m" ? 60 : unit == "h" ? 3600 : 0;
    if (failed != std::errc{} || scale == 0 || number < 1 || number > grace_max.count() / scale)
        return wrong("--offline-grace",
                     fmt::format("\"{}\" is no time: write 90s, 15m or 2h", text));
    return std::chrono::seconds(number * scale);
}

result<std::uint64_t> parse_rate(std::string_view option, const std::string& text) {
    if (text.empty())
        return 0;
    const auto rate = parse_size(text);
    if (!rate)
        return wrong(option, fmt::format("\"{}\" is no rate: write 500KB, 10MB or a number of "
                                         "bytes a second, 0 for no limit",
                                         text));
    return *rate;
}

result<log_level> parse_level(std::string_view text) {
    using enum log_level;
    for (const auto& [name, level] :
         {std::pair{"trace", trace}, std::pair{"debug", debug}, std::pair{"info", info},
          std::pair{"warn", warn}, std::pair{"error", error}, std::pair{"off", off}})
        if (text == name)
            return level;
    return wrong("--log-level",
                 fmt::format("\"{}\" is none of trace, debug, info, warn, error, off", text));
}

std::string docker_host(const raw_config& raw) {
    if (!raw.docker_host.empty())
        return raw.docker_host;
    const char* of_docker = std::getenv("DOCKER_HOST");
    return of_docker && *of_docker ? of_docker : std::string(default_docker_host);
}

/// Puts the value of a step into its place, or passes its error on.
template <class T>
bool take(result<T> from, T& into, std::optional<error>& failed) {
    if (!from) {
        failed = std::move(from.error());
        return false;
    }
    into = *std::move(from);
    return true;
}

}  // namespace

result<config> parse_config(const raw_config& raw) {
    config out;
    std::optional<error> failed;
    if (raw.data_dir.empty())
        return wrong("--data-dir", "it is empty");
    out.data_dir = raw.data_dir;
    if (!take(parse_guarding({raw.api_cert, raw.api_key, {}, raw.api_token_file, {}}, "api"),
              out.api_guard, failed) ||
        !take(parse_guarding({raw.registry_cert, raw.registry_key, raw.registry_htpasswd,
                              raw.registry_token_file, raw.registry_access},
                             "registry"),
              out.registry_guard, failed))
        return fail(*std::move(failed));
    const auto api_needs = missing_for(out.api_guard, raw.insecure_http, "--api-cert and --api-key",
                                       "--api-token-file");
    const auto registry_needs =
        missing_for(out.registry_guard, raw.insecure_http, "--registry-cert and --registry-key",
                    "--registry-htpasswd or --registry-token-file");
    if (!take(parse_listening("--api", raw.api, api_port, api_needs), out.api, failed) ||
        !take(parse_listening("--registry", raw.registry, registry_port, registry_needs),
              out.registry, failed) ||
        (!raw.mirror.empty() &&
         !take(parse_listening("--mirror", raw.mirror, 0,
                               "access control, which a mirror does not have"),
               out.mirror, failed)) ||
        !take(parse_seconds("--tag-ttl", raw.tag_ttl, out.tag_ttl), out.tag_ttl, failed) ||
        !take(parse_p2p(raw.p2p), out.p2p, failed) ||
        !take(parse_bootstrap(raw.bootstrap), out.bootstrap, failed) ||
        !take(parse_labels(raw.labels), out.labels, failed) ||
        !take(parse_upstreams(raw.upstreams), out.upstreams, failed) ||
        !take(parse_store_limit(raw.store_limit), out.store_limit_bytes, failed) ||
        !take(parse_grace(raw.offline_grace), out.offline_grace, failed) ||
        !take(parse_rate("--upload-limit", raw.upload_limit), out.upload_limit, failed) ||
        !take(parse_rate("--download-limit", raw.download_limit), out.download_limit, failed) ||
        !take(parse_level(raw.log_level), out.level, failed))
        return fail(*std::move(failed));
    if (raw.engine != "docker" && raw.engine != "none")
        return wrong("--engine", fmt::format("\"{}\" is neither docker nor none", raw.engine));
    out.engine = raw.engine == "docker" ? engine_kind::docker : engine_kind::none;
    if (raw.log_format != "text" && raw.log_format != "json")
        return wrong("--log-format",
                     fmt::format("\"{}\" is neither text nor json", raw.log_format));
    out.format = raw.log_format == "text" ? log_format::text : log_format::json;
    out.docker_host = docker_host(raw);
    out.open_mesh = raw.open_mesh;
    out.open_operators = raw.open_operators;
    out.mdns = !raw.no_mdns;
    out.upstream_ca = raw.upstream_ca;
    out.registry_auth_file = raw.registry_auth_file;
    return out;
}

}  // namespace dm::daemon
