#pragma once

#include <string>
#include <vector>

#include "aio/awaitable.hpp"
#include "daemon/commands.hpp"
#include "daemon/config.hpp"

namespace dm::daemon {

enum class health { good, warning, bad };

/// One line of the doctor: what was looked at, how it is, and what to do about it.
struct finding {
    health how = health::good;
    std::string what;    ///< "clock"
    std::string is;      ///< "not synchronised"
    std::string remedy;  ///< empty where nothing has to be done
};

/// Looks at what a node with these options needs: its folder, keys, ports, clock, disk, engine, and
/// the peers it begins with. Changes nothing; a node that runs is left alone.
awaitable<std::vector<finding>> examine(config c);

/// "ok    clock      …", and the remedy on a line of its own.
std::string to_text(const std::vector<finding>& all);
bool is_healthy(const std::vector<finding>& all);

/// `distromash doctor`: prints the findings; exit code 1 when one is bad.
void add_doctor(CLI::App& app, action& chosen);

}  // namespace dm::daemon
