#pragma once

#include <exception>
#include <string>

namespace dm::aio {

/// What an exception says, without the source locations that Asio's put there: for people.
std::string reason_of(const std::exception& e);

}  // namespace dm::aio
