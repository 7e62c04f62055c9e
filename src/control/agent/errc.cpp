#include "control/agent/errc.hpp"

namespace dm::agent {

const char* name_of(errc e) {
    switch (e) {
        case errc::unknown_strategy:
            return "unknown_strategy";
        case errc::unknown_image:
            return "unknown_image";
        case errc::unknown_content:
            return "unknown_content";
        case errc::image_in_use:
            return "image_in_use";
        case errc::ambiguous_key:
            return "ambiguous_key";
        case errc::wrong_image:
            return "wrong_image";
        case errc::name_taken:
            return "name_taken";
        case errc::stopping:
            return "stopping";
        case errc::unknown_node:
            return "unknown_node";
        case errc::node_is_online:
            return "node_is_online";
        case errc::too_many_labels:
            return "too_many_labels";
    }
    return "agent";
}

const char* message_of(errc e) {
    switch (e) {
        case errc::unknown_strategy:
            return "there is no such strategy";
        case errc::unknown_image:
            return "there is no such image";
        case errc::unknown_content:
            return "this node does not have that content";
        case errc::image_in_use:
            return "a strategy wants the image";
        case errc::ambiguous_key:
            return "several strategies go by that key";
        case errc::wrong_image:
            return "the engine has another image than expected";
        case errc::name_taken:
            return "the name is another image that DistroMash did not place";
        case errc::stopping:
            return "the node is stopping";
        case errc::unknown_node:
            return "there is no such member";
        case errc::node_is_online:
            return "the node is there";
        case errc::too_many_labels:
            return "too many labels";
    }
    return "unknown";
}

condition condition_of(errc e) {
    switch (e) {
        case errc::unknown_strategy:
        case errc::unknown_image:
        case errc::unknown_content:
        case errc::unknown_node:
            return condition::not_found;
        case errc::image_in_use:
        case errc::ambiguous_key:
        case errc::name_taken:
        case errc::node_is_online:
            return condition::conflict;
        case errc::too_many_labels:
            return condition::invalid;
        case errc::wrong_image:
            return condition::corrupt;
        case errc::stopping:
            return condition::unavailable;
    }
    return condition::internal;
}

}  // namespace dm::agent
