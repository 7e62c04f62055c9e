#include "control/plan/record_json.hpp"

namespace dm::plan::record_json {
namespace {

constexpr json::read_limits record_limits{
    .bytes_max = record_bytes_max, .depth_max = 16, .values_max = 10'000};

}  // namespace

std::unexpected<error> damaged(std::string_view member) {
    return fail(errc::malformed_record, fmt::format("the record is damaged: {}", member));
}

result<nlohmann::json> read_record(std::string_view text) {
    auto record = json::read(text, record_limits);
    if (!record || !record->is_object())
        return damaged("no JSON object, or too large");
    if (json::unsigned_member(*record, "v") != 1u)
        return damaged("its version is not 1");
    return *std::move(record);
}

result<crypto::digest> digest_member(const nlohmann::json& record, std::string_view key) {
    const auto* text = json::string_member(record, key);
    if (text == nullptr)
        return damaged(key);
    auto digest = crypto::parse_digest(*text);
    return digest ? digest : damaged(key);
}

result<multiformats::peer_id> peer_member(const nlohmann::json& record, std::string_view key) {
    const auto* text = json::string_member(record, key);
    if (text == nullptr)
        return damaged(key);
    auto id = multiformats::parse_peer_id(*text);
    return id ? id : damaged(key);
}

result<oci::reference> reference_member(const nlohmann::json& record, std::string_view key) {
    const auto* text = json::string_member(record, key);
    if (text == nullptr)
        return damaged(key);
    auto image = oci::parse_reference(*text);
    return image ? image : damaged(key);
}

std::optional<wall_time> time_member(const nlohmann::json& record, std::string_view key) {
    // Nanoseconds since 1970 have to fit in 63 bits.
    constexpr std::uint64_t milliseconds_max = std::numeric_limits<std::int64_t>::max() / 1'000'000;
    const auto value = json::unsigned_member(record, key);
    if (!value || *value > milliseconds_max)
        return std::nullopt;
    return wall_time{std::chrono::milliseconds{*value}};
}

std::uint64_t to_milliseconds(wall_time t) {
    const auto count = std::chrono::floor<std::chrono::milliseconds>(t.time_since_epoch()).count();
    return count < 0 ? 0 : static_cast<std::uint64_t>(count);
}

nlohmann::json unknown_to_json(const std::string& unknown) {
    if (!unknown.empty())
        if (auto value = json::read(unknown, record_limits); value && value->is_object())
            return *std::move(value);
    return nlohmann::json::object();
}

std::string unknown_of(nlohmann::json record, std::initializer_list<const char*> known) {
    for (const char* key : {"v", "author", "author_key", "seq", "sig"})
        record.erase(key);
    for (const char* key : known)
        record.erase(key);
    return record.empty() ? std::string{} : json::write(record);
}

}  // namespace dm::plan::record_json
