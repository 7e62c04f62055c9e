#include "base/format.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>

namespace dm {

std::string to_size_text(std::uint64_t bytes) {
    constexpr std::array units{"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    if (bytes < 1024)
        return fmt::format("{} B", bytes);
    auto value = static_cast<double>(bytes);
    std::size_t unit = 0;
    while (value >= 1024 && unit + 1 < units.size()) {
        value /= 1024;
        ++unit;
    }
    return value < 10 ? fmt::format("{:.1f} {}", value, units[unit])
                      : fmt::format("{:.0f} {}", value, units[unit]);
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
    double value = 0;
    const auto [end, ec] =
        std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
    if (ec != std::errc{} || value < 0)
        return std::nullopt;
    auto unit = text.substr(static_cast<std::size_t>(end - text.data()));
    while (!unit.empty() && unit.front() == ' ')
        unit.remove_prefix(1);
    constexpr std::string_view letters = "KMGT";
    double factor = 1;
    if (!unit.empty() && unit != "B") {
        const auto power = letters.find(unit.front() == 'k' ? 'K' : unit.front());
        if (power == std::string_view::npos)
            return std::nullopt;
        const auto rest = unit.substr(1);
        if (rest == "iB" || rest.empty() || rest == "i")
            factor = std::pow(1024.0, static_cast<double>(power + 1));
        else if (rest == "B")
            factor = std::pow(1000.0, static_cast<double>(power + 1));
        else
            return std::nullopt;
    }
    if (value * factor > 9e18)
        return std::nullopt;
    return static_cast<std::uint64_t>(std::llround(value * factor));
}

}  // namespace dm
