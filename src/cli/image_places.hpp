#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/command.hpp"
#include "oci/transport/image_end.hpp"
#include "oci/transport/location.hpp"
#include "oci/transport/registry_end.hpp"

/// Images that the commands themselves read and write: folders, archives, Docker, registries. For
/// .cpp files of this module only.
namespace dm::cli {

inline constexpr const char* default_registry = "127.0.0.1:5005";

/// The node's registry as --registry names it: "127.0.0.1:5005" or "https://box.lan:5005".
struct node_registry {
    std::string domain;
    upstream::options options;
};
node_registry parse_registry(const std::string& address);

oci::platform own_platform();
/// nullopt: all that there is.
std::optional<std::vector<oci::platform>> platforms_of(const std::vector<std::string>& words);

std::unique_ptr<transport::image_reader> open_source(const transport::location& from);

/// Copies with a progress line under this name. `called`: what the image is called where the place
/// itself does not say.
transport::copied copy_to(transport::image_reader& from, const transport::location& to,
                          const std::string& called, transport::copy_options options);
/// The same, into a writer.
transport::copied copy_with_progress(transport::image_reader& from, transport::image_writer& to,
                                     const std::string& name, transport::copy_options options);

/// Brings an image into the node under this name, and gives its IPFS root.
struct brought {
    transport::copied what;
    std::string root;
};
brought bring_image(node_client& node, const node_registry& registry, const oci::reference& name,
                    transport::image_reader& from, transport::copy_options options);

/// What the node has of an image.
std::unique_ptr<transport::image_reader> open_image(node_client& node,
                                                    const node_registry& registry,
                                                    const std::string& which);

void add_registry_option(CLI::App& command, std::string& into);

}  // namespace dm::cli
