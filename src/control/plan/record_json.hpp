#pragma once

#include <fmt/format.h>

#include <initializer_list>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/json/read.hpp"
#include "control/plan/errc.hpp"
#include "control/plan/record.hpp"

/// What the codecs of our records share. For .cpp files of this module only.
namespace dm::plan::record_json {

std::unexpected<error> damaged(std::string_view member);

/// The JSON object of a record of version 1.
result<nlohmann::json> read_record(std::string_view text);

result<crypto::digest> digest_member(const nlohmann::json& record, std::string_view key);
result<multiformats::peer_id> peer_member(const nlohmann::json& record, std::string_view key);
result<oci::reference> reference_member(const nlohmann::json& record, std::string_view key);

/// Milliseconds since 1970, as far as a wall_time reaches.
std::optional<wall_time> time_member(const nlohmann::json& record, std::string_view key);
std::uint64_t to_milliseconds(wall_time t);

/// `unknown` as an object; empty where it is none.
nlohmann::json unknown_to_json(const std::string& unknown);
/// What is left of a record without `known` and the members that all records have.
std::string unknown_of(nlohmann::json record, std::initializer_list<const char*> known);

/// The members that all records have, over those that we do not know.
template <class Record>
nlohmann::json started(const Record& r) {
    auto out = unknown_to_json(r.unknown);
    out["v"] = 1;
    if (!r.author.empty())
        out["author"] = r.author;
    if (!r.signature.empty())
        out["sig"] = r.signature;
    return out;
}

template <class Record>
void finish(nlohmann::json record, Record& out, std::initializer_list<const char*> known) {
    if (const auto* author = json::string_member(record, "author"))
        out.author = *author;
    if (const auto* signature = json::string_member(record, "sig"))
        out.signature = *signature;
    out.unknown = unknown_of(std::move(record), known);
}

}  // namespace dm::plan::record_json
