#include "oci/importer/errc.hpp"

namespace dm::importer {

const char* name_of(errc e) {
    switch (e) {
        case errc::too_large:
            return "too_large";
        case errc::nested_too_deep:
            return "nested_too_deep";
        case errc::wrong_size:
            return "wrong_size";
        case errc::not_an_image:
            return "not_an_image";
    }
    return "importer";
}

const char* message_of(errc e) {
    switch (e) {
        case errc::too_large:
            return "the image is too large";
        case errc::nested_too_deep:
            return "the index is nested too deep";
        case errc::wrong_size:
            return "the content does not have the size that its descriptor says";
        case errc::not_an_image:
            return "this is no image";
    }
    return "unknown";
}

condition condition_of(errc e) {
    switch (e) {
        case errc::too_large:
            return condition::too_large;
        case errc::nested_too_deep:
        case errc::wrong_size:
            return condition::corrupt;
        case errc::not_an_image:
            return condition::unprocessable;
    }
    return condition::internal;
}

}  // namespace dm::importer
