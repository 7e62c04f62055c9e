#include "api/view_json.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "multiformats/dockerize.hpp"

namespace dm::api {
namespace {

/// How much a state deserves to stand for the whole strategy: the least finished one does.
int weight(agent::image_state s) {
    using enum agent::image_state;
    switch (s) {
        case failed:
            return 12;
        case conflict:
            return 11;
        case blocked:
            return 10;
        case engine_unavailable:
            return 9;
        case importing:
            return 8;
        case loading:
            return 7;
        case pending:
            return 6;
        case removing:
            return 5;
        case kept:
            return 4;
        case paused:
            return 3;
        case stored:
            return 2;
        case loaded:
            return 1;
        case not_chosen:
        case absent:
            return 0;
    }
    return 0;
}

void add_status(json& out, const agent::image_status& s) {
    out["state"] = agent::name_of(s.state);
    if (!s.reason.empty())
        out["reason"] = s.reason;
    if (s.bytes_total > 0) {
        out["bytes_done"] = s.bytes_done;
        out["bytes_total"] = s.bytes_total;
    }
    if (s.bytes_per_second > 0)
        out["bytes_per_second"] = s.bytes_per_second;
    if (!s.from.empty())
        out["from"] = s.from;
    if (s.next_try)
        out["next_try"] = to_rfc3339(*s.next_try);
}

/// The state of the strategy as a whole.
agent::image_status summary(const agent::strategy_view& s) {
    agent::image_status out;
    if (!s.record.execute) {
        out.state = agent::image_state::paused;
        return out;
    }
    const agent::node_line* worst = nullptr;
    for (const auto& n : s.nodes)
        if (n.chosen && (!worst || weight(n.status.state) > weight(worst->status.state)))
            worst = &n;
    if (worst && (s.pending_targets.empty() ||
                  weight(worst->status.state) > weight(agent::image_state::pending)))
        return worst->status;
    out.state = agent::image_state::pending;
    if (!s.pending_targets.empty())
        out.reason = fmt::format("{} is no member of this fleet yet", s.pending_targets.front());
    else
        out.reason = "no node is chosen: no member matches";
    return out;
}

json labels_json(const plan::labels& all) {
    auto out = json::object();
    for (const auto& [key, value] : all)
        out[key] = value;
    return out;
}

json line_json(const agent::node_line& n) {
    json out{{"peer", n.peer}, {"self", n.self}, {"online", n.online}, {"chosen", n.chosen}};
    if (n.rank)
        out["rank"] = *n.rank;
    add_status(out, n.status);
    return out;
}

std::string joined(const std::vector<multiformats::peer_id>& targets) {
    std::string out;
    for (const auto& t : targets)
        out += (out.empty() ? "" : ",") + t.to_string();
    return out;
}

const char* name_of(agent::transfer_kind k) {
    return k == agent::transfer_kind::import ? "import" : "load";
}

const char* name_of(agent::transfer_state s) {
    switch (s) {
        case agent::transfer_state::running:
            return "running";
        case agent::transfer_state::done:
            return "done";
        case agent::transfer_state::failed:
            return "failed";
    }
    return "failed";
}

std::string why(const agent::strategy_view& s, const agent::node_line& n) {
    if (s.record.type == plan::strategy_type::target)
        return n.chosen ? "named as a target" : "not named as a target";
    if (!n.rank)
        return "not counted: its labels or its platform do not match";
    return fmt::format("rank {} of {} member{}, of which the first {} {} it", *n.rank + 1,
                       s.members, s.members == 1 ? "" : "s", s.desired,
                       s.desired == 1 ? "gets" : "get");
}

}  // namespace

json to_json(const agent::strategy_view& s, bool with_nodes) {
    const auto& r = s.record;
    json out{{"type", plan::name_of(r.type)}, {"nametag", r.image.familiar()},
             {"percentage", r.percentage},    {"target", joined(r.targets)},
             {"execute", r.execute},          {"id", s.id},
             {"key", plan::prototype_key(r)}, {"selector", labels_json(r.selector)},
             {"replace", r.replace}};
    if (r.digest)
        out["digest"] = r.digest->to_string();
    if (r.origin)
        out["origin"] = r.origin->to_string();
    out["created"] = to_rfc3339(r.created);
    out["updated"] = to_rfc3339(r.updated);
    out["members"] = s.members;
    out["desired"] = s.desired;
    out["actual"] = s.actual;
    add_status(out, summary(s));
    if (with_nodes) {
        auto nodes = json::array();
        for (const auto& n : s.nodes)
            nodes.push_back(line_json(n));
        out["nodes"] = std::move(nodes);
    }
    out["missing_targets"] = s.pending_targets;
    return out;
}

json explanation(const agent::strategy_view& s) {
    auto lines = json::array();
    for (const auto& n : s.nodes) {
        auto line = line_json(n);
        line["why"] = why(s, n);
        lines.push_back(std::move(line));
    }
    for (const auto& peer : s.pending_targets)
        lines.push_back({{"peer", peer},
                         {"self", false},
                         {"online", false},
                         {"chosen", true},
                         {"state", agent::name_of(agent::image_state::pending)},
                         {"why", "named as a target, but no member of this fleet yet"}});
    return {{"strategy", to_json(s)}, {"nodes", std::move(lines)}};
}

json lines_of(const std::vector<agent::strategy_view>& strategies, const std::string& peer) {
    auto out = json::array();
    for (const auto& s : strategies) {
        const auto n = std::ranges::find(s.nodes, peer, &agent::node_line::peer);
        if (n == s.nodes.end())
            continue;
        json line{{"id", s.id}, {"nametag", s.record.image.familiar()}};
        line.update(line_json(*n));
        line["why"] = why(s, *n);
        out.push_back(std::move(line));
    }
    return out;
}

json to_json(const agent::image_view& image, bool with_blobs) {
    const auto& r = image.record;
    std::uint64_t size = 0;
    for (const auto& b : r.blobs)
        size += b.size;
    json out{{"name", image.names.empty() ? "" : image.names.front()},
             {"names", image.names},
             {"digest", r.digest.to_string()},
             {"root", r.root.to_string()}};
    if (auto ciq = multiformats::dockerize(r.root))
        out["repository"] = *std::move(ciq);
    out["media_type"] = r.media_type;
    out["size"] = size;
    auto platforms = json::array();
    for (const auto& p : r.platforms)
        platforms.push_back({{"platform", p.platform.to_string()},
                             {"manifest", p.manifest.to_string()},
                             {"imported", p.is_imported()}});
    out["platforms"] = std::move(platforms);
    out["complete"] = image.complete;
    out["keep"] = image.kept;
    out["strategies"] = image.strategies;
    add_status(out, image.status);
    if (with_blobs) {
        auto blobs = json::array();
        for (const auto& b : r.blobs)
            blobs.push_back(
                {{"digest", b.digest.to_string()}, {"cid", b.cid.to_string()}, {"size", b.size}});
        out["blobs"] = std::move(blobs);
    }
    return out;
}

json to_json(const agent::transfer_view& t) {
    json out{{"id", t.id},
             {"kind", name_of(t.kind)},
             {"state", name_of(t.state)},
             {"image", t.image},
             {"from", t.from}};
    if (!t.digest.empty())
        out["digest"] = t.digest;
    if (!t.root.empty())
        out["root"] = t.root;
    if (!t.phase.empty())
        out["phase"] = t.phase;
    out["bytes_done"] = t.bytes_done;
    out["bytes_total"] = t.bytes_total;
    out["bytes_from_source"] = t.bytes_from_source;
    out["bytes_per_second"] = t.bytes_per_second;
    if (!t.missing.empty()) {
        auto missing = json::array();
        for (const auto& p : t.missing)
            missing.push_back(p.to_string());
        out["missing_platforms"] = std::move(missing);
    }
    out["started"] = to_rfc3339(t.started);
    if (t.ended)
        out["ended"] = to_rfc3339(*t.ended);
    if (t.failure) {
        out["msg"] = t.failure->message();
        out["code"] = t.failure->name();
    }
    return out;
}

json to_json(const agent::node_view& n) {
    json out{{"peer", n.peer},
             {"self", n.self},
             {"online", n.online},
             {"state", presence::name_of(n.state)},
             {"state_seconds", n.lasted.count()},
             {"platform", n.platform},
             {"version", n.version},
             {"engine", n.engine},
             {"engine_state", n.engine_state},
             {"addresses", n.addresses},
             {"labels", labels_json(n.labels)},
             {"images_held", n.images_held}};
    if (n.started)
        out["started"] = to_rfc3339(*n.started);
    if (n.disk_free_bytes)
        out["disk_free_bytes"] = *n.disk_free_bytes;
    return out;
}

json to_json(const agent::preview& p) {
    json out = json::object();
    if (p.digest)
        out["digest"] = p.digest->to_string();
    out["members"] = p.members;
    out["desired"] = p.desired;
    auto nodes = json::array();
    for (const auto& n : p.nodes)
        nodes.push_back({{"peer", n.peer},
                         {"platform", n.platform.to_string()},
                         {"gains", n.gains},
                         {"loses", n.loses},
                         {"bytes", n.bytes.value_or(0)},
                         {"bytes_known", n.bytes.has_value()}});
    out["nodes"] = std::move(nodes);
    return out;
}

}  // namespace dm::api
