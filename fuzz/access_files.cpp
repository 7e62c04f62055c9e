// links: http_access
// Files of passwords, tokens and rules.
#include <span>

#include "base/bytes.hpp"
#include "http/access/files.hpp"
#include "require.hpp"

using namespace dm;
using namespace dm::access;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto text = as_chars(std::as_bytes(std::span{data, size}));
    // Passwords are not tried: their hashes are slow on purpose.
    if (const auto passwords = password_list::parse(text))
        require(passwords->empty() || text.contains(':'));
    if (const auto tokens = token_list::parse(text)) {
        require(!tokens->owner_of(""));
        require(!tokens->owner_of("short"));
    }
    if (const auto rules = rule_list::parse(text)) {
        for (const char* repository : {"team/app", "library/busybox", ""})
            if (rules->allows("", repository, role::push))
                require(rules->allows("anybody", repository, role::push));
    }
    return 0;
}
