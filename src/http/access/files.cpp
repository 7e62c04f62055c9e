#include "http/access/files.hpp"

#include <crypt.h>
#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "crypto/hash.hpp"
#include "crypto/random.hpp"
#include "http/syntax/scan.hpp"

namespace dm::access {
namespace {

std::unexpected<error> bad(std::size_t line, std::string_view why) {
    return fail(errc::bad_file, fmt::format("line {}: {}", line, why));
}

/// Calls `take(number, line)` for each line that says something, until one is refused.
template <class Take>
std::optional<error> each_line(std::string_view text, Take take) {
    for (std::size_t number = 1; !text.empty(); ++number) {
        const auto end = text.find('\n');
        auto line = syntax::trim(text.substr(0, end));
        if (line.ends_with('\r'))
            line = syntax::trim(line.substr(0, line.size() - 1));
        text = end == text.npos ? std::string_view() : text.substr(end + 1);
        if (number > access_lines_max)
            return bad(number, "the file is too long").error();
        if (line.size() > access_line_bytes_max)
            return bad(number, "it is too long").error();
        if (line.empty() || line.starts_with('#'))
            continue;
        if (std::ranges::any_of(line, [](char c) { return c == '\0'; }))
            return bad(number, "it is no text").error();
        if (std::optional<error> refused = take(number, line))
            return refused;
    }
    return std::nullopt;
}

std::vector<std::string_view> words_of(std::string_view line) {
    std::vector<std::string_view> out;
    while (!line.empty()) {
        const auto end = std::min(line.find_first_of(" \t"), line.size());
        out.push_back(line.substr(0, end));
        line = syntax::trim(line.substr(end));
    }
    return out;
}

bool is_strong(std::string_view hash) {
    for (const char* kind : {"$2a$", "$2b$", "$2y$", "$5$", "$6$", "$y$"})
        if (hash.starts_with(kind))
            return true;
    return false;
}

bool same(std::string_view a, std::string_view b) {
    return crypto::equal_in_constant_time(as_bytes(a), as_bytes(b));
}

/// Whether the password has this hash.
bool check(const std::string& password, const std::string& hash) {
    const auto data = std::make_unique<crypt_data>();
    const char* const found = ::crypt_r(password.c_str(), hash.c_str(), data.get());
    return found && !password.contains('\0') && same(found, hash);
}

std::optional<unsigned> roles_of(std::string_view text) {
    unsigned out = 0;
    while (!text.empty()) {
        const auto end = std::min(text.find(','), text.size());
        const auto word = text.substr(0, end);
        text = end == text.size() ? std::string_view() : text.substr(end + 1);
        if (word == "read")
            out |= static_cast<unsigned>(role::read);
        else if (word == "push")
            out |= static_cast<unsigned>(role::push);
        else if (word == "delete")
            out |= static_cast<unsigned>(role::remove);
        else if (word == "admin")
            out |= 15;
        else
            return std::nullopt;
    }
    return out;
}

bool matches_pattern(std::string_view pattern, std::string_view repository) {
    if (pattern == "*")
        return true;
    if (pattern.ends_with("/*"))
        return repository.starts_with(pattern.substr(0, pattern.size() - 1));
    return pattern == repository;
}

}  // namespace

result<password_list> password_list::parse(std::string_view text) {
    password_list out;
    const auto refused =
        each_line(text, [&](std::size_t number, std::string_view line) -> std::optional<error> {
            const auto colon = line.find(':');
            if (colon == line.npos || colon == 0)
                return bad(number, "it is not of the form NAME:HASH").error();
            const auto hash = line.substr(colon + 1);
            if (!is_strong(hash))
                return bad(number, "the password is not hashed by bcrypt: use htpasswd -B").error();
            if (!out.hashes_.emplace(line.substr(0, colon), hash).second)
                return bad(number, "the name stands there twice").error();
            out.decoy_ = hash;
            return std::nullopt;
        });
    return refused ? result<password_list>(fail(*refused)) : out;
}

bool password_list::matches(const std::string& name, const std::string& password) const {
    if (hashes_.empty())
        return false;
    const auto it = hashes_.find(name);
    const bool right = check(password, it == hashes_.end() ? decoy_ : it->second);
    return right && it != hashes_.end();
}

result<token_list> token_list::parse(std::string_view text) {
    token_list out;
    const auto refused =
        each_line(text, [&](std::size_t number, std::string_view line) -> std::optional<error> {
            const auto words = words_of(line);
            if (words.size() != 2)
                return bad(number, "it is not of the form NAME TOKEN").error();
            if (words[1].size() < token_bytes_min)
                return bad(number,
                           fmt::format("the token has fewer than {} characters", token_bytes_min))
                    .error();
            out.tokens_.push_back({std::string(words[0]), crypto::sha256(as_bytes(words[1]))});
            return std::nullopt;
        });
    return refused ? result<token_list>(fail(*refused)) : out;
}

std::optional<std::string> token_list::owner_of(std::string_view token) const {
    const auto hash = crypto::sha256(as_bytes(token));
    const entry* found = nullptr;
    for (const auto& e : tokens_)
        if (crypto::equal_in_constant_time(e.hash, hash))
            found = &e;
    return found ? std::optional(found->owner) : std::nullopt;
}

result<rule_list> rule_list::parse(std::string_view text) {
    rule_list out;
    out.rules_.emplace();
    const auto refused =
        each_line(text, [&](std::size_t number, std::string_view line) -> std::optional<error> {
            const auto words = words_of(line);
            const auto roles = words.size() == 3 ? roles_of(words[2]) : std::nullopt;
            if (!roles)
                return bad(number,
                           "it is not of the form WHO REPOSITORIES ROLES, with the roles read, "
                           "push, delete and admin")
                    .error();
            if (words[1].substr(0, words[1].size() - 1).contains('*'))
                return bad(number, "only the end of a pattern may be a *").error();
            out.rules_->push_back({std::string(words[0]), std::string(words[1]), *roles});
            return std::nullopt;
        });
    return refused ? result<rule_list>(fail(*refused)) : out;
}

bool rule_list::allows(std::string_view caller, std::string_view repository, role what) const {
    if (!rules_)
        return !caller.empty() && what != role::admin;
    return std::ranges::any_of(*rules_, [&](const rule& r) {
        return (r.roles & static_cast<unsigned>(what)) != 0 && (r.who == "*" || r.who == caller) &&
               matches_pattern(r.pattern, repository);
    });
}

}  // namespace dm::access
