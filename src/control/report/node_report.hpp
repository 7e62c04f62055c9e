#pragma once

#include <array>
#include <compare>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "control/report/image_status.hpp"
#include "crypto/digest.hpp"

/// What a node tells the others of itself, in presence's status.
namespace dm::report {

constexpr std::size_t lines_max = 2'000;
constexpr std::size_t held_max = 2'000;
/// Bytes of each text; longer ones are cut when they are written.
constexpr std::size_t text_max = 200;

/// A strategy's id as a number: 16 hex digits. nullopt for anything else.
std::optional<std::uint64_t> strategy_number(std::string_view id);
std::string strategy_id(std::uint64_t number);

/// The first half of an image's digest: enough to tell what a node has from what it has not.
struct image_mark {
    std::array<std::byte, 16> value{};

    friend auto operator<=>(const image_mark&, const image_mark&) = default;
};

image_mark mark_of(const crypto::digest& image) noexcept;

/// How a node is doing with a strategy.
struct strategy_line {
    std::uint64_t strategy = 0;
    image_status status{};

    friend bool operator==(const strategy_line&, const strategy_line&) = default;
};

struct node_report {
    wall_time started{};                 ///< whole milliseconds, by the node's own clock
    std::string engine{};                ///< "docker 20.10.24", "none"
    std::string engine_state{};          ///< "ready", "unavailable: …", "none"
    std::uint64_t disk_free_bytes = 0;   ///< where the store is
    std::vector<strategy_line> lines{};  ///< where there is something to say; by strategy
    std::vector<image_mark> held{};      ///< what it has complete of what strategies want; sorted

    const strategy_line* find(std::uint64_t strategy) const noexcept;
    bool holds(const crypto::digest& image) const noexcept;

    friend bool operator==(const node_report&, const node_report&) = default;
};

/// Protobuf: 1 started (ms since 1970), 2 engine, 3 engine_state, 4 disk_free_bytes, 5 repeated
/// line {1 strategy, 2 state, 3 reason, 4 done, 5 total, 6 rate, 7 from, 8 next_try (ms)},
/// 6 held marks, one after the other. Where that is over `bytes_max` the texts of lines go first,
/// then lines; `bytes_max` is not less than held_max marks and 1 KiB.
std::string encode(const node_report& r, std::size_t bytes_max);
/// nullopt for what is none, or breaks a bound; unknown fields and states are left out.
std::optional<node_report> decode(std::string_view data);

/// Whether two reports differ only in how far something is: bytes, rates, room on the disk.
bool only_progress_differs(const node_report& a, const node_report& b);

}  // namespace dm::report
