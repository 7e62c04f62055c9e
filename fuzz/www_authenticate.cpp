// links: http_syntax
// WWW-Authenticate: bounded, and a challenge that is written out plainly reads back the same.
#include <fmt/format.h>

#include <span>

#include "base/bytes.hpp"
#include "http/syntax/challenge.hpp"
#include "require.hpp"

using namespace dm;
using namespace dm::syntax;

namespace {

std::string quoted(std::string_view text) {
    std::string out = "\"";
    for (const char c : text)
        out += c == '"' || c == '\\' ? fmt::format("\\{}", c) : std::string(1, c);
    return out + "\"";
}

std::string written(const challenge& c) {
    auto out = c.scheme;
    if (!c.token.empty())
        out += " " + c.token;
    for (std::size_t i = 0; i < c.parameters.size(); ++i)
        out += fmt::format("{}{}={}", i == 0 ? " " : ",", c.parameters[i].first,
                           quoted(c.parameters[i].second));
    return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto all = parse_challenges(as_chars(std::as_bytes(std::span{data, size})));
    if (!all)
        return 0;
    require(all->size() <= challenges_max);
    for (const auto& c : *all) {
        require(!c.scheme.empty() && c.parameters.size() <= challenge_parameters_max);
        const auto text = written(c);
        if (text.size() > challenge_text_max)
            continue;
        const auto again = parse_challenges(text);
        require(again && again->size() == 1);
        require(again->front().scheme == c.scheme && again->front().parameters == c.parameters &&
                again->front().token == c.token);
    }
    return 0;
}
