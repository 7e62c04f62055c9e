#include "mesh/trust/policy.hpp"

namespace dm::trust {
namespace {

constexpr std::string_view node_prefix = "/dm1/node/";
constexpr std::string_view image_prefix = "/dm1/image/";
constexpr std::string_view operator_prefix = "/dm1/operator/";
constexpr std::string_view suffix = "/rec";

std::optional<peer_id> id_in(std::string_view key, std::string_view prefix) {
    if (!key.starts_with(prefix) || !key.ends_with(suffix) ||
        key.size() <= prefix.size() + suffix.size())
        return std::nullopt;
    const auto text = key.substr(prefix.size(), key.size() - prefix.size() - suffix.size());
    const auto id = multiformats::parse_peer_id(text);
    return id && id->to_string() == text ? std::optional(*id) : std::nullopt;
}

}  // namespace

writer writer_of(std::string_view key) noexcept {
    if (!key.starts_with(record_prefix) || key.starts_with(image_prefix))
        return writer::anyone;
    return key.starts_with(node_prefix) ? writer::node : writer::operators;
}

std::optional<peer_id> node_of(std::string_view key) {
    return id_in(key, node_prefix);
}

std::string operator_key(const peer_id& subject) {
    return std::string(operator_prefix) + subject.to_string() + std::string(suffix);
}

std::optional<peer_id> operator_of(std::string_view key) {
    return id_in(key, operator_prefix);
}

}  // namespace dm::trust
