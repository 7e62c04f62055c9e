#include "http/server/header_list.hpp"

#include <algorithm>
#include <iterator>

#include "http/syntax/scan.hpp"

namespace dm::server {

void header_list::add(header_list other) {
    std::ranges::move(other.fields_, std::back_inserter(fields_));
}

const std::string* header_list::find(std::string_view name) const noexcept {
    for (const auto& f : fields_)
        if (syntax::equals_ignoring_case(f.name, name))
            return &f.value;
    return nullptr;
}

std::string_view header_list::value(std::string_view name) const noexcept {
    const auto* found = find(name);
    return found ? std::string_view(*found) : std::string_view();
}

std::size_t header_list::count(std::string_view name) const noexcept {
    return static_cast<std::size_t>(std::ranges::count_if(
        fields_, [&](const header& f) { return syntax::equals_ignoring_case(f.name, name); }));
}

}  // namespace dm::server
