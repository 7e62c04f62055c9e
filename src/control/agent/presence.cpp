#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "aio/timeout.hpp"
#include "base/log.hpp"
#include "control/agent/errc.hpp"
#include "control/agent/snapshot.hpp"
#include "control/plan/key.hpp"
#include "mesh/presence/message.hpp"

/// What this node tells the other members of itself, and what it hears of them.
namespace dm::agent {
namespace {

using clock = std::chrono::steady_clock;

/// Between two looks at what there is to tell.
constexpr std::chrono::milliseconds report_spacing{100};
/// So many reports about nothing but progress the fleet has to hear in a second.
constexpr std::size_t progress_reports_per_second = 50;
/// Room on the disk that came or went is told from here on, or from a hundredth of it.
constexpr std::uint64_t disk_step_bytes = 64 << 20;
/// Holders of an image that a node connects to in order to fetch it.
constexpr std::size_t holders_met_max = 8;

bool is_news_of_disk(std::uint64_t before, std::uint64_t now) {
    const auto by = before > now ? before - now : now - before;
    return by > std::max(disk_step_bytes, before / 100);
}

wall_time in_milliseconds(wall_time t) {
    return std::chrono::floor<std::chrono::milliseconds>(t);
}

}  // namespace

std::string about_node(const multiformats::peer_id& peer) {
    return nlohmann::json{{"peer", peer.to_string()}}.dump();
}

/// News go out at once (presence keeps a distance between them), progress now and then.
awaitable<void> agent::tell_fleet() {
    std::optional<report::node_report> told;
    steady_time told_at{};
    for (;;) {
        while (!std::exchange(report_stale_, false))
            co_await report_changed_.wait();
        auto now = own_report();
        if (told && !is_news_of_disk(told->disk_free_bytes, now.disk_free_bytes))
            now.disk_free_bytes = told->disk_free_bytes;
        const auto due = told_at + progress_interval();
        if (!told ||
            (now != *told && (!report::only_progress_differs(now, *told) || clock::now() >= due))) {
            options_.tell(report::encode(now, presence::status_bytes_max));
            told = std::move(now);
            told_at = clock::now();
        } else if (now != *told) {
            report_stale_ = true;
            try {
                co_await aio::with_timeout(report_changed_.wait(), due - clock::now());
            } catch (const failure& e) {
                if (e.code() != aio::errc::timed_out)
                    throw;
            }
        }
        co_await aio::sleep_for(report_spacing);
    }
}

/// The more members there are, the less each says.
std::chrono::milliseconds agent::progress_interval() const {
    return std::max(options_.progress_interval,
                    std::chrono::milliseconds(1'000 * (catalogue_.nodes().size() + 1) /
                                              progress_reports_per_second));
}

report::node_report agent::own_report() const {
    report::node_report out;
    for (const auto& [id, s] : catalogue_.strategies()) {
        const auto number = report::strategy_number(id);
        if (!number)
            continue;
        if (s.digest && complete_.contains(*s.digest))
            out.held.push_back(report::mark_of(*s.digest));
        auto status = status_of(s);
        // What others can tell themselves is left out.
        if (status.state == image_state::paused || (status.state == image_state::not_chosen &&
                                                    !(s.digest && complete_.contains(*s.digest))))
            continue;
        if (status.next_try)
            status.next_try = in_milliseconds(*status.next_try);
        out.lines.push_back({*number, std::move(status)});
    }
    std::ranges::sort(out.lines, {}, &report::strategy_line::strategy);
    std::ranges::sort(out.held);
    const auto repeated = std::ranges::unique(out.held);
    out.held.erase(repeated.begin(), repeated.end());
    const auto self = view_of(own_record());
    out.started = in_milliseconds(started_);
    out.engine = self.engine;
    out.engine_state = self.engine_state;
    out.disk_free_bytes = disk_free_bytes_;
    return out;
}

void agent::fleet_changed(const multiformats::peer_id& peer) {
    if (peer == options_.self || !is_member(peer))
        return;
    const auto news = fleet_.update(peer);
    for (const auto number : news.moving) {
        const auto s = catalogue_.strategies().find(report::strategy_id(number));
        if (s != catalogue_.strategies().end() && s->second.digest)
            import_seen_[*s->second.digest] = clock::now();
    }
    if (news.liveness)
        for (const auto& [id, s] : catalogue_.strategies())
            notify_strategy(id);
    else
        for (const auto number : news.strategies)
            notify_strategy(report::strategy_id(number));
    if (news.liveness || news.node || news.held)
        notify("node", about_node(peer));
    if ((news.liveness || news.held) && !soon_) {
        soon_ = clock::now() + options_.fleet_delay;
        wake_.cancel();
    }
}

void agent::record_of_node_changed(const plan::record_key& key, bool is_there) {
    if (key.kind != plan::record_kind::node && key.kind != plan::record_kind::label)
        return;
    const auto peer = multiformats::parse_peer_id(key.id);
    if (!peer)
        return;
    if (*peer == options_.self) {
        // Somebody took this node for gone: it is not.
        if (key.kind == plan::record_kind::node && !is_there && !stopping_)
            announced_ = false;
    } else if (key.kind == plan::record_kind::label) {
        note_forgotten(*peer);
    } else if (key.kind == plan::record_kind::node) {
        if (is_there)
            fleet_changed(*peer);
        else
            fleet_.forget(*peer);
    }
    notify("node", about_node(*peer));
    for (const auto& [id, s] : catalogue_.strategies())
        notify_strategy(id);
}

/// Tells those who speak with peers whether this one is shunned, when that is new.
void agent::note_forgotten(const multiformats::peer_id& peer) {
    if (peer == options_.self)
        return;
    const auto* said = catalogue_.labels_of(peer);
    const bool is_forgotten = said && said->forgotten;
    if (is_forgotten == forgotten_.contains(peer))
        return;
    if (is_forgotten) {
        forgotten_.insert(peer);
        fleet_.forget(peer);
    } else {
        forgotten_.erase(peer);
    }
    if (options_.shun)
        options_.shun(peer, is_forgotten);
}

void agent::notify_strategy(const std::string& id) {
    const auto s = catalogue_.strategies().find(id);
    if (s != catalogue_.strategies().end())
        notify("strategy",
               nlohmann::json{{"id", id}, {"nametag", s->second.image.familiar()}}.dump());
}

void agent::meet_holders(const crypto::digest& image) const {
    if (!options_.meet)
        return;
    auto holders = fleet_.holders(image);
    if (holders.size() > holders_met_max) {
        // Not the same ones for everybody.
        const auto from = options_.self.bytes().back();
        std::ranges::rotate(
            holders, holders.begin() + static_cast<std::ptrdiff_t>(to_u8(from) % holders.size()));
        holders.erase(holders.begin() + holders_met_max, holders.end());
    }
    for (const auto& peer : holders)
        if (const auto node = catalogue_.nodes().find(peer.to_string());
            node != catalogue_.nodes().end())
            options_.meet(peer, node->second.addresses);
}

/// How another member is doing, from what it says.
image_status agent::status_of_other(const plan::strategy& s, const plan::placed_member& m) const {
    image_status out;
    if (!s.execute) {
        out.state = image_state::paused;
        return out;
    }
    const auto said = fleet_.report_of(m.id);
    const auto number = report::strategy_number(plan::id_of(s));
    const auto* line = said && number ? said->find(*number) : nullptr;
    const bool is_chosen = m.role == plan::role::owner || m.role == plan::role::substitute;
    if (!m.online) {
        out.state = is_chosen ? image_state::pending : image_state::not_chosen;
        if (is_chosen)
            out.reason = line && (line->status.state == image_state::loaded ||
                                  line->status.state == image_state::stored)
                             ? "the node is offline; it had the image"
                             : "the node is offline";
    } else if (line) {
        out = line->status;
    } else if (!is_chosen) {
        out.state = image_state::not_chosen;
    } else {
        out.reason =
            said ? "the node has not taken it up yet" : "the node has not said anything yet";
    }
    return out;
}

node_view agent::view_of(const plan::node_record& node) const {
    node_view v;
    v.peer = node.id.to_string();
    v.self = node.id == options_.self;
    v.platform = node.platform.to_string();
    v.version = node.version;
    v.addresses = node.addresses;
    v.labels = labels_of(node);
    auto since = started_steady_;
    if (v.self) {
        v.started = started_;
        v.disk_free_bytes = disk_free_bytes_;
        v.engine = engine_info_ ? fmt::format("{} {}", engine_info_->name, engine_info_->version)
                                : std::string("docker");
        if (!engine_present_)
            v.engine = v.engine_state = "none";
        else
            v.engine_state = engine_available_ ? "ready" : "unavailable: " + engine_trouble_;
        std::set<crypto::digest> held;  // as reports have it: an image of two strategies is one
        for (const auto& [id, s] : catalogue_.strategies())
            if (s.digest && complete_.contains(*s.digest))
                held.insert(*s.digest);
        v.images_held = held.size();
    } else if (options_.see) {
        const auto seen = fleet_.sighting_of(node.id);
        v.state = seen.state;
        since = seen.since;
    }
    v.online = v.state != presence::liveness::offline;
    v.lasted = std::chrono::duration_cast<std::chrono::seconds>(clock::now() - since);
    if (const auto said = fleet_.report_of(node.id)) {
        v.engine = said->engine;
        v.engine_state = said->engine_state;
        v.started = said->started;
        v.disk_free_bytes = said->disk_free_bytes;
        v.images_held = said->held.size();
    }
    return v;
}

std::vector<node_view> agent::nodes() const {
    std::vector<node_view> out;
    for (const auto& node : known_nodes())
        out.push_back(view_of(node));
    return out;
}

bool agent::is_member(const multiformats::peer_id& peer) const {
    const auto* given = catalogue_.labels_of(peer);
    return peer == options_.self ||
           (catalogue_.nodes().contains(peer.to_string()) && !(given && given->forgotten));
}

plan::labels agent::labels_of(const plan::node_record& node) const {
    const auto* given = catalogue_.labels_of(node.id);
    return given ? plan::effective_labels(node.labels, *given) : node.labels;
}

awaitable<void> agent::label_node(multiformats::peer_id peer,
                                  std::map<std::string, std::optional<std::string>> changes) {
    const auto* given = catalogue_.labels_of(peer);
    if (!is_member(peer) && !catalogue_.nodes().contains(peer.to_string()) && !given)
        raise(errc::unknown_node, fmt::format("{} is no member of this fleet", peer.to_string()));
    auto record = given ? *given : plan::label_record{.id = peer};
    record.updated = in_milliseconds(std::chrono::system_clock::now());
    record.forgotten = false;  // who is named is wanted
    std::set<std::string> removed(record.removed.begin(), record.removed.end());
    for (auto& [name, value] : changes) {
        record.labels.erase(name);
        removed.erase(name);
        if (value)
            record.labels.emplace(name, *std::move(value));
        else
            removed.insert(name);
    }
    record.removed.assign(removed.begin(), removed.end());
    if (record.labels.size() > plan::labels_max || record.removed.size() > plan::labels_max)
        raise(errc::too_many_labels, fmt::format("a node has at most {} labels", plan::labels_max));
    co_await catalogue_.put(record);
    log::info("node labelled", {{"peer", peer.to_string()}});
    wake();
}

awaitable<void> agent::forget_node(multiformats::peer_id peer, bool even_online) {
    if (peer == options_.self)
        raise(errc::node_is_online, "this is the node that answers: ask another one to forget it");
    if (!is_member(peer))
        raise(errc::unknown_node, fmt::format("{} is no member of this fleet", peer.to_string()));
    if (!even_online && fleet_.sighting_of(peer).state != presence::liveness::offline)
        raise(errc::node_is_online,
              fmt::format("{} is there: stop it first, it would come back", peer.to_string()));
    // Operators say over its own record that it is no member: that holds when it writes it anew.
    const auto* given = catalogue_.labels_of(peer);
    auto record = given ? *given : plan::label_record{.id = peer};
    record.forgotten = true;
    record.updated = in_milliseconds(std::chrono::system_clock::now());
    co_await catalogue_.put(record);
    log::info("node forgotten", {{"peer", peer.to_string()}});
    wake();
}

awaitable<void> agent::admit_node(multiformats::peer_id peer) {
    const auto* given = catalogue_.labels_of(peer);
    if (!given || !given->forgotten)
        raise(errc::unknown_node, fmt::format("{} has not been forgotten", peer.to_string()));
    co_await label_node(peer, {});
}

}  // namespace dm::agent
