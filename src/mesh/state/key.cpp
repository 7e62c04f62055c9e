#include "mesh/state/key.hpp"

#include <algorithm>
#include <vector>

namespace dm::state {

std::string clean_key(std::string_view key) {
    std::vector<std::string_view> parts;
    while (!key.empty()) {
        const auto end = std::min(key.find('/'), key.size());
        const auto part = key.substr(0, end);
        key.remove_prefix(std::min(end + 1, key.size()));
        if (part == ".." && !parts.empty())
            parts.pop_back();
        else if (!part.empty() && part != "." && part != "..")
            parts.push_back(part);
    }
    std::string out;
    for (const auto part : parts) {
        out += '/';
        out += part;
    }
    return out.empty() ? "/" : out;
}

}  // namespace dm::state
