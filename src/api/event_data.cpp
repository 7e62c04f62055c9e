#include "api/event_data.hpp"

#include "api/answer.hpp"
#include "base/json/read.hpp"

namespace dm::api {
namespace {

std::optional<crypto::digest> digest_from(const std::string& text) {
    const auto digest = crypto::parse_digest(text);
    return digest ? std::optional(*digest) : std::nullopt;
}

const agent::transfer_view* transfer_of(const agent::agent& node, const nlohmann::json& notice) {
    const auto* id = dm::json::string_member(notice, "id");
    return id ? node.moving().find(*id) : nullptr;
}

}  // namespace

std::optional<json> event_data::node_state(const nlohmann::json& notice) {
    if (!nodes_) {
        nodes_.emplace();
        for (auto& n : node_.nodes()) {
            if (n.self)
                nodes_->emplace("", n);
            auto peer = n.peer;
            nodes_->emplace(std::move(peer), std::move(n));
        }
    }
    const auto* peer = dm::json::string_member(notice, "peer");
    const auto found = nodes_->find(peer ? *peer : "");
    return found == nodes_->end() ? std::nullopt : std::optional(to_json(found->second));
}

std::optional<json> event_data::state_of(const std::string& type, const nlohmann::json& notice) {
    if (type == "strategy") {
        const auto* id = dm::json::string_member(notice, "id");
        if (id && node_.records().strategies().contains(*id))
            return to_json(node_.strategy(*id), false);
    } else if (type == "image") {
        const auto* text = dm::json::string_member(notice, "digest");
        const auto digest = text ? digest_from(*text) : std::nullopt;
        if (digest && node_.records().image(*digest))
            return to_json(node_.image(*text), false);
    } else if (type == "transfer") {
        if (const auto* t = transfer_of(node_, notice))
            return to_json(*t);
    } else if (type == "node") {
        return node_state(notice);
    }
    return std::nullopt;
}

std::string event_data::with_state(const std::string& type, const std::string& notice) {
    const auto read = dm::json::read(notice);
    if (!read || !read->is_object())
        return notice;
    auto state = state_of(type, *read);
    if (!state)
        return notice;
    json out = *read;
    out[type] = *std::move(state);
    return out.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::vector<std::string> strategies_moved_by(const agent::agent& node, const std::string& notice) {
    std::vector<std::string> out;
    const auto read = dm::json::read(notice);
    const auto* t = read ? transfer_of(node, *read) : nullptr;
    const auto digest = t ? digest_from(t->digest) : std::nullopt;
    if (digest)
        for (const auto& [id, s] : node.records().strategies())
            if (s.digest == *digest)
                out.push_back(id);
    return out;
}

}  // namespace dm::api
