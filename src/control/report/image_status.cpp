#include "control/report/image_status.hpp"

namespace dm::report {

const char* name_of(image_state s) noexcept {
    switch (s) {
        case image_state::not_chosen:
            return "not_chosen";
        case image_state::pending:
            return "pending";
        case image_state::importing:
            return "importing";
        case image_state::loading:
            return "loading";
        case image_state::stored:
            return "stored";
        case image_state::loaded:
            return "loaded";
        case image_state::removing:
            return "removing";
        case image_state::kept:
            return "kept";
        case image_state::conflict:
            return "conflict";
        case image_state::blocked:
            return "blocked";
        case image_state::engine_unavailable:
            return "engine_unavailable";
        case image_state::failed:
            return "failed";
        case image_state::paused:
            return "paused";
        case image_state::absent:
            return "absent";
    }
    return "unknown";
}

}  // namespace dm::report
