#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cli/json.hpp"

namespace dm::cli {

enum class output_format { table, json };

/// Text from elsewhere as it may go to a terminal: control characters become '?'.
std::string printable(std::string_view text);

/// Rows under headings, columns aligned.
class table {
  public:
    explicit table(std::vector<std::string> headings) { row(std::move(headings)); }
    /// As many cells as there are headings.
    void row(std::vector<std::string> cells);
    std::string text() const;

  private:
    std::vector<std::vector<std::string>> rows_;
};

/// Writes to standard output; throws cannot_write.
void print(std::string_view text);
void print(const table& t);
/// Indented, with a line break at the end.
void print_json(const json& value);

/// "sha256:4b6ad3a4c2f1".
std::string short_digest(std::string_view digest);
/// "42 % of 700 MiB, 11 MiB/s, from docker.io"; empty where nothing moves.
std::string progress_text(const json& status);

/// One line that is overwritten as things go on; says nothing unless standard error is a terminal.
class progress_line {
  public:
    progress_line();
    progress_line(const progress_line&) = delete;
    ~progress_line() { clear(); }

    bool shown() const noexcept { return shown_; }
    void show(std::string_view what, std::uint64_t done, std::uint64_t total,
              std::uint64_t per_second);
    void clear();

  private:
    bool shown_;
    bool dirty_ = false;
};

}  // namespace dm::cli
