#include "runtime/engine/image_engine.hpp"

namespace dm::engine {

std::string to_string(const platform& value) {
    auto out = value.os;
    for (const auto* part : {&value.architecture, &value.variant})
        if (!part->empty())
            out += "/" + *part;
    return out;
}

}  // namespace dm::engine
