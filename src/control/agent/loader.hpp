#pragma once

#include <functional>
#include <string>

#include "control/agent/ownership.hpp"
#include "oci/image_record.hpp"
#include "runtime/engine/image_engine.hpp"

namespace dm::agent {

struct load_request {
    std::string name;              ///< in the engine: "busybox:1.35.0"
    std::string source;            ///< "127.0.0.1:5005/ciq…@sha256:…"
    std::vector<std::string> ids;  ///< by which the engine may know the image
    bool replace = false;          ///< take the name even from an image that is not ours
};

/// Makes `name` in the engine be the image of the record: writes down that name and image are ours,
/// pulls it from our own registry unless the engine has it, tags, drops the name it was pulled by.
/// When it is cut off anywhere, what is written down leads to what is left in the engine. An image
/// that the engine has without any name, and not from us, gets the name and stays its owner's:
/// taking the name away would remove it. Throws engine failures, errc::wrong_image when the engine
/// got another image than expected, and errc::name_taken when somebody else gave the name to
/// another image meanwhile.
awaitable<void> load_image(engine::image_engine& engine, ownership& owned, load_request what,
                           engine::progress_listener listen);

/// "127.0.0.1:5005/ciq…@sha256:…": how the engine finds an image in our registry.
std::string load_source(const std::string& registry_address, const oci::image_record& record);

}  // namespace dm::agent
