#pragma once

#include <deque>
#include <string>
#include <vector>

#include "control/agent/agent.hpp"

namespace dm::agent {

/// The world as one pass of the loop saw it; owns what plan::inputs refers to.
struct agent::snapshot {
    std::vector<plan::strategy> strategies;
    std::vector<plan::member> members;
    std::deque<oci::image_record> records;  ///< addresses stay
    std::vector<plan::image_view> images;
    plan::engine_view engine;
    std::vector<plan::placed_name> placed;
    std::uint64_t bytes_available = 0;
    std::uint64_t bytes_unused = 0;
    bool whole = true;  ///< false when the engine could not say what it has
};

/// An image to be imported: by the digest that its name was resolved to.
struct agent::import_order {
    oci::reference image;
    crypto::digest digest;
    oci::platform_choice platforms;
    std::string pin;        ///< keeps what has come while the rest is missing
    std::string keep_as{};  ///< the pin that takes it all over at the end; else it stays `pin`
    std::optional<multiformats::cid> tree{};  ///< the IPFS tree it comes from; else its origin
};

/// Pin of the images that strategies want here.
std::string strategy_pin(const crypto::digest& image);
inline constexpr std::string_view strategy_pin_prefix = "strategy:";

/// Local key of the images that an operator imported by hand; its value is where from, and all
/// platforms that were.
inline constexpr std::string_view kept_prefix = "kept/";
std::string kept_key(const crypto::digest& image);

/// Local key of an import by hand that has not ended; its value is what was asked for.
inline constexpr std::string_view importing_prefix = "importing/";
/// Pin of what an import by hand, or a push, has brought before all of it is here.
inline constexpr std::string_view arriving_pin_prefix = "arriving:";

/// Whether everything that `old` says was imported is imported in `now` too.
bool covers(const oci::image_record& now, const oci::image_record& old);

/// The notice that a node is not as it was.
std::string about_node(const multiformats::peer_id& peer);

std::string import_key(const crypto::digest& image);
std::string load_key(const std::string& name);

}  // namespace dm::agent
