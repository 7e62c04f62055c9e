#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace dm::plan {

/// The keys of our records in the fleet's state: "/dm1/<kind>/<id>/rec". The last component is
/// never an id alone, because the prototype acts on keys that end in a peer id.
enum class record_kind { node, label, image, name, strategy, operators };

/// All our keys start so; a purge of the state leaves them alone.
inline constexpr std::string_view record_prefix = "/dm1/";

struct record_key {
    record_kind kind;
    std::string
        id;  ///< peer id (of node and label), digest, canonical name or strategy id; may hold '/'

    friend bool operator==(const record_key&, const record_key&) = default;
};

/// "/dm1/strategy/": what the keys of that kind start with.
std::string key_prefix(record_kind kind);
std::string to_string(const record_key& key);
/// nullopt for keys that are not ours, or of a kind that a newer version brought.
std::optional<record_key> parse_record_key(std::string_view text);

}  // namespace dm::plan
