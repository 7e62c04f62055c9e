#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "control/plan/strategy.hpp"
#include "oci/platform.hpp"

/// The JSON of our records (`/dm1/…`), all of the shape {"v":1, …, "author", "sig"}. Encoding the
/// same record gives the same text. Decoding checks everything, since peers write these, and fails
/// with malformed_record; members that it does not know are kept in `unknown` and written back.
namespace dm::plan {

constexpr std::size_t record_bytes_max = 256 * 1024;
constexpr std::size_t node_addresses_max = 32;
constexpr std::size_t node_text_max = 256;  ///< of an address, and of a version

std::string encode(const strategy& s);
/// The times are cut to whole milliseconds.
result<strategy> decode_strategy(std::string_view text);

/// What a tag means in this fleet.
struct name_record {
    oci::reference name;  ///< with a tag, without a digest
    crypto::digest digest;
    wall_time updated{};    ///< whole milliseconds
    std::string author;     ///< as in strategy
    std::string signature;  ///< as in strategy
    std::string unknown;    ///< as in strategy

    friend bool operator==(const name_record&, const name_record&) = default;
};

std::string encode(const name_record& r);
result<name_record> decode_name_record(std::string_view text);

/// A member of the fleet, as it describes itself.
struct node_record {
    multiformats::peer_id id;
    std::vector<std::string> addresses = {};  ///< multiaddresses
    oci::platform platform = {};
    dm::plan::labels labels = {};
    std::uint64_t capacity_bytes = 0;  ///< what the store may take
    std::string engine = {};           ///< "docker", "none"
    std::string version = {};          ///< of the program
    std::string author = {};           ///< as in strategy
    std::string signature = {};        ///< as in strategy
    std::string unknown = {};          ///< as in strategy

    friend bool operator==(const node_record&, const node_record&) = default;
};

std::string encode(const node_record& r);
result<node_record> decode_node_record(std::string_view text);

/// What an operator calls a node, over what it calls itself.
struct label_record {
    multiformats::peer_id id;
    dm::plan::labels labels = {};           ///< given to it
    std::vector<std::string> removed = {};  ///< taken from it; sorted, each once
    bool forgotten = false;                 ///< it will not come back: it is no member
    wall_time updated{};                    ///< whole milliseconds
    std::string author = {};                ///< as in strategy
    std::string signature = {};             ///< as in strategy
    std::string unknown = {};               ///< as in strategy

    friend bool operator==(const label_record&, const label_record&) = default;
};

std::string encode(const label_record& r);
result<label_record> decode_label_record(std::string_view text);

/// The labels of a node that says `own` of itself; at most labels_max of them count.
labels effective_labels(labels own, const label_record& r);

}  // namespace dm::plan
