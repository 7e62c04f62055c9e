#include "http/access/guard.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/log.hpp"
#include "crypto/base64.hpp"
#include "crypto/hash.hpp"
#include "crypto/random.hpp"
#include "http/syntax/scan.hpp"

namespace dm::access {
namespace {

constexpr std::size_t salt_bytes = 16;

steady_time now() {
    return std::chrono::steady_clock::now();
}

struct credentials {
    std::string name;
    std::string secret;
    bool is_token = false;
};

/// What the Authorization header says; nullopt where that is nothing that we understand.
std::optional<credentials> credentials_in(std::string_view header) {
    const auto space = header.find(' ');
    if (space == header.npos)
        return std::nullopt;
    const auto scheme = header.substr(0, space);
    const auto rest = syntax::trim(header.substr(space));
    if (syntax::equals_ignoring_case(scheme, "Bearer"))
        return credentials{{}, std::string(rest), true};
    if (!syntax::equals_ignoring_case(scheme, "Basic"))
        return std::nullopt;
    const auto raw = crypto::base64_decode(rest);
    if (!raw)
        return std::nullopt;
    const auto text = as_chars(*raw);
    const auto colon = text.find(':');
    if (colon == text.npos)
        return std::nullopt;
    return credentials{std::string(text.substr(0, colon)), std::string(text.substr(colon + 1))};
}

}  // namespace

std::string address_of_peer(std::string_view peer) {
    auto host = peer.substr(0, std::min(peer.rfind(':'), peer.size()));
    if (host.starts_with('[') && host.ends_with(']'))
        host = host.substr(1, host.size() - 2);
    return std::string(host);
}

server::refusal ask_who(std::string_view scheme) {
    return server::refusal({make_error_code(errc::unknown_caller), {}},
                           {{"WWW-Authenticate", fmt::format("{} realm=\"distromash\"", scheme)}});
}

guard::guard(aio::pool& workers, password_list passwords, token_list tokens, guard_options o)
    : workers_(workers),
      passwords_(std::move(passwords)),
      tokens_(std::move(tokens)),
      options_(o),
      salt_(crypto::random_bytes(salt_bytes)) {}

void guard::check_address(const std::string& address) {
    const auto it = failures_.find(address);
    if (it == failures_.end())
        return;
    const auto left = it->second.since + options_.failure_window - now();
    if (left <= steady_time::duration::zero()) {
        failures_.erase(it);
        return;
    }
    if (it->second.count < failures_max)
        return;
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(left).count();
    throw server::refusal({make_error_code(errc::too_many_failures), {}},
                          {{"Retry-After", std::to_string(seconds)}});
}

void guard::refuse(const std::string& address, std::string_view name) {
    if (!failures_.contains(address) && failures_.size() >= failing_addresses_max)
        failures_.erase(std::ranges::min_element(
            failures_, {}, [](const auto& entry) { return entry.second.since; }));
    auto& f = failures_[address];
    ++f.count;
    f.since = now();
    log::warn("access refused", {{"from", address}, {"name", name}, {"failures", f.count}});
    throw ask_who(passwords_.empty() ? "Bearer" : "Basic");
}

awaitable<std::string> guard::identify(const server::request& req) {
    const auto* header = req.headers().find("Authorization");
    if (!header)
        co_return std::string();
    const auto address = address_of_peer(req.peer());
    check_address(address);
    const auto said = credentials_in(*header);
    if (!said)
        refuse(address, "");
    if (auto owner = tokens_.owner_of(said->secret); owner && !tokens_.empty())
        co_return *std::move(owner);
    if (said->is_token || !co_await is_right(said->name, said->secret))
        refuse(address, said->name);
    co_return said->name;
}

awaitable<bool> guard::is_right(std::string name, std::string password) {
    if (passwords_.empty())
        co_return false;
    auto salted = salt_;
    append(salted, std::string_view(password));
    const auto secret = crypto::sha256(salted);
    if (const auto it = logins_.find(name);
        it != logins_.end() && now() < it->second.until &&
        crypto::equal_in_constant_time(it->second.secret, secret))
        co_return true;
    if (!co_await workers_.run([&] { return passwords_.matches(name, password); }))
        co_return false;
    if (logins_.size() >= remembered_logins_max && !logins_.contains(name))
        logins_.erase(std::ranges::min_element(
            logins_, {}, [](const auto& entry) { return entry.second.until; }));
    logins_.insert_or_assign(name, login{secret, now() + options_.login_ttl});
    co_return true;
}

}  // namespace dm::access
