#pragma once

#include <array>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/access/errc.hpp"

/// Who may do what, as files say it. Empty lines and those that begin with '#' say nothing. Errors
/// are bad_file and name the line.
namespace dm::access {

constexpr std::size_t access_lines_max = 10'000;
constexpr std::size_t access_line_bytes_max = 1024;
constexpr std::size_t token_bytes_min = 16;

/// Names and password hashes, as `htpasswd -B` writes them. Hashes that crypt(3) knows: bcrypt,
/// yescrypt, SHA-2; nothing weaker.
class password_list {
  public:
    /// "alice:$2y$05$…", one a line.
    static result<password_list> parse(std::string_view text);

    bool empty() const noexcept { return hashes_.empty(); }
    /// Takes as long for a name that is not there. Blocks for as long as the hash is made to take.
    bool matches(const std::string& name, const std::string& password) const;

  private:
    std::map<std::string, std::string, std::less<>> hashes_;
    std::string decoy_;  ///< a hash that is checked where there is none
};

/// Bearer tokens; what is kept is their hashes.
class token_list {
  public:
    /// "ci 0f8fad5bd9cb…", a name and a token of token_bytes_min characters at least, one a line.
    static result<token_list> parse(std::string_view text);

    bool empty() const noexcept { return tokens_.empty(); }
    /// Whose it is. Takes as long whichever it is.
    std::optional<std::string> owner_of(std::string_view token) const;

  private:
    struct entry {
        std::string owner;
        std::array<std::byte, 32> hash;
    };
    std::vector<entry> tokens_;
};

enum class role : unsigned { read = 1, push = 2, remove = 4, admin = 8 };

/// Which roles callers have in which repositories.
class rule_list {
  public:
    /// Everybody who is known may do everything but admin.
    rule_list() = default;
    /// "alice team/* read,push": who ("*" is everybody, also those who do not say who they are),
    /// which repositories ("*", "team/*", "team/app"), roles (read, push, delete, admin; admin is
    /// all of them), one a line.
    static result<rule_list> parse(std::string_view text);

    /// `caller` is empty for those who do not say who they are; `repository` for what concerns
    /// all of them.
    bool allows(std::string_view caller, std::string_view repository, role what) const;

  private:
    struct rule {
        std::string who;
        std::string pattern;
        unsigned roles = 0;
    };
    std::optional<std::vector<rule>> rules_;
};

}  // namespace dm::access
