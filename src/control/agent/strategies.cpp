#include <fmt/format.h>

#include <algorithm>

#include "aio/timeout.hpp"
#include "base/log.hpp"
#include "control/agent/errc.hpp"
#include "control/agent/snapshot.hpp"

/// What operators ask about strategies.
namespace dm::agent {
namespace {

/// An operator who waits for an answer is told after so long that upstream does not give one.
constexpr std::chrono::seconds resolve_timeout{20};

oci::platform platform_of(const std::vector<plan::member>& all, const multiformats::peer_id& id) {
    const auto it = std::ranges::find(all, id, &plan::member::id);
    return it == all.end() ? oci::platform{} : it->platform;
}

wall_time now_in_milliseconds() {
    return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

}  // namespace

awaitable<crypto::digest> agent::digest_of(const oci::reference& image, bool anew,
                                           std::optional<crypto::digest> before) {
    // The caller may be gone by the time somebody answers.
    // NOLINTNEXTLINE(performance-unnecessary-copy-initialization)
    const auto ref = image;
    const auto* named = catalogue_.name(ref);
    std::optional<crypto::digest> known;
    if (ref.digest && catalogue_.image(*ref.digest))
        known = ref.digest;
    else if (!ref.digest && named)
        known = named->digest;
    if (known && (!anew || ref.digest))
        co_return *known;
    std::optional<error> failed;
    try {
        co_return co_await aio::with_timeout(origin_.resolve(ref), resolve_timeout);
    } catch (const failure& e) {
        failed = e.reason();
    }
    if (failed->code == aio::errc::timed_out)
        failed->detail = fmt::format("{} does not answer", ref.domain);
    if (!known && !before)
        throw failure(*failed);
    if (before)
        known = before;
    log::warn("using what the name meant before",
              {{"image", ref.familiar()}, {"reason", failed->message()}});
    co_return *known;
}

awaitable<strategy_view> agent::apply(plan::strategy_request request) {
    catalogue_.require_operator();
    const auto id = plan::id_of(request);
    const auto in_force = catalogue_.strategies().find(id);
    const bool anew = in_force != catalogue_.strategies().end();
    const auto before = anew ? in_force->second.digest : std::nullopt;
    const auto digest = co_await digest_of(request.image, anew, before);
    const auto turn = co_await strategy_writer_.acquire();
    plan::strategy s;
    static_cast<plan::strategy_request&>(s) = std::move(request);
    s.digest = digest;
    s.origin = options_.self;
    s.updated = now_in_milliseconds();
    const auto old = catalogue_.strategies().find(id);
    s.created = old == catalogue_.strategies().end() ? s.updated : old->second.created;
    import_seen_[digest] = std::chrono::steady_clock::now();
    if (!s.image.tag.empty() && catalogue_.image(digest)) {
        plan::name_record name;
        name.name = s.image;
        name.name.digest.reset();
        name.digest = digest;
        name.updated = s.updated;
        co_await catalogue_.put(nullptr, name);
    }
    co_await catalogue_.put(s);
    tasks_.forgive(import_key(digest));
    tasks_.forgive(load_key(s.image.engine_name()));
    log::info("strategy applied", {{"image", s.image.familiar()},
                                   {"type", plan::name_of(s.type)},
                                   {"digest", digest.to_string()},
                                   {"execute", s.execute ? "yes" : "no"}});
    wake();
    co_return view_of(s);
}

/// The members that a strategy in force puts the image on.
std::set<multiformats::peer_id> agent::chosen_by(const plan::strategy_request& s,
                                                 const std::optional<crypto::digest>& image,
                                                 const std::vector<plan::member>& all) const {
    std::set<multiformats::peer_id> out;
    if (!s.execute)
        return out;
    const auto placed = plan::place(s, platforms_of(image), all, options_.self,
                                    std::chrono::steady_clock::now(), options_.placement);
    for (const auto& m : placed.members)
        if (m.role == plan::role::owner || m.role == plan::role::substitute)
            out.insert(m.id);
    return out;
}

awaitable<preview> agent::dry_run(plan::strategy_request request) {
    preview out;
    out.digest = co_await digest_of(request.image, false);
    const auto& digest = *out.digest;
    const auto all = members();
    const auto placed = plan::place(request, platforms_of(digest), all, options_.self,
                                    std::chrono::steady_clock::now(), options_.placement);
    out.members = placed.members.size();
    out.desired = placed.slots;

    const auto id = plan::id_of(request);
    std::set<multiformats::peer_id> before;
    std::set<multiformats::peer_id> others;  // where another strategy wants what this one wanted
    const auto old = catalogue_.strategies().find(id);
    if (old != catalogue_.strategies().end()) {
        before = chosen_by(old->second, old->second.digest, all);
        for (const auto& [other_id, other] : catalogue_.strategies())
            if (other_id != id && other.digest == old->second.digest)
                others.merge(chosen_by(other, other.digest, all));
    }
    const auto after = chosen_by(request, digest, all);
    const auto holders = fleet_.holders(digest);
    const auto* record = catalogue_.image(digest);
    for (const auto& m : placed.members) {
        preview::line line{
            .peer = m.id.to_string(), .platform = platform_of(all, m.id), .bytes = {}};
        const bool has = m.id == options_.self ? complete_.contains(digest)
                                               : std::ranges::find(holders, m.id) != holders.end();
        line.gains = after.contains(m.id) && !has;
        // A paused strategy takes nothing away.
        line.loses = request.execute && before.contains(m.id) && !after.contains(m.id) &&
                     !others.contains(m.id);
        if (!line.gains) {
            line.bytes = 0;
        } else if (record) {
            line.bytes = 0;
            if (const auto needed = oci::needed_blobs(*record, line.platform))
                for (const auto& blob : *needed)
                    *line.bytes += blob.size;
        }
        out.nodes.push_back(std::move(line));
    }
    co_return out;
}

const plan::strategy& agent::strategy_named(std::string_view key) const {
    const auto& all = catalogue_.strategies();
    if (const auto it = all.find(std::string(key)); it != all.end())
        return it->second;
    std::vector<plan::strategy> list;
    for (const auto& [id, s] : all)
        list.push_back(s);
    if (const auto* found = plan::find_strategy(list, key))
        return all.at(plan::id_of(*found));
    const auto ref = oci::parse_reference(key);
    std::vector<const plan::strategy*> by_name;
    if (ref)
        for (const auto& [id, s] : all)
            if (name_key(s.image) == name_key(*ref))
                by_name.push_back(&s);
    if (by_name.size() > 1) {
        std::vector<std::string> ids;
        for (const auto* s : by_name)
            ids.push_back(plan::id_of(*s));
        raise(errc::ambiguous_key, fmt::format("{} strategies are for {}: say which by id, {}",
                                               by_name.size(), key, fmt::join(ids, " or ")));
    }
    if (by_name.empty())
        raise(errc::unknown_strategy, fmt::format("there is no strategy \"{}\"", key));
    return *by_name.front();
}

awaitable<strategy_view> agent::set_execute(std::string key, bool execute) {
    const auto turn = co_await strategy_writer_.acquire();
    auto s = strategy_named(key);
    s.execute = execute;
    s.updated = now_in_milliseconds();
    co_await catalogue_.put(s);
    wake();
    co_return view_of(s);
}

awaitable<void> agent::remove_strategy(std::string key) {
    const auto turn = co_await strategy_writer_.acquire();
    const auto s = strategy_named(key);
    co_await catalogue_.erase_strategy(plan::id_of(s));
    log::info("strategy removed", {{"image", s.image.familiar()}, {"id", plan::id_of(s)}});
    notify("strategy", fmt::format(R"({{"id":"{}","nametag":"{}","deleted":true}})", plan::id_of(s),
                                   s.image.familiar()));
    wake();
}

std::vector<strategy_view> agent::strategies() const {
    std::vector<strategy_view> out;
    const auto all = members();
    for (const auto& [id, s] : catalogue_.strategies())
        out.push_back(view_of(s, all));
    std::ranges::sort(out, {}, [](const strategy_view& v) { return v.record.created; });
    return out;
}

strategy_view agent::strategy(std::string_view key) const {
    return view_of(strategy_named(key));
}

std::vector<oci::platform> agent::platforms_of(const std::optional<crypto::digest>& image) const {
    std::vector<oci::platform> out;
    if (const auto* record = image ? catalogue_.image(*image) : nullptr)
        for (const auto& p : record->platforms)
            out.push_back(p.platform);
    return out;
}

strategy_view agent::view_of(const plan::strategy& s) const {
    return view_of(s, members());
}

strategy_view agent::view_of(const plan::strategy& s, const std::vector<plan::member>& all) const {
    strategy_view out;
    out.id = plan::id_of(s);
    out.record = s;
    const auto placed = plan::place(s, platforms_of(s.digest), all, options_.self,
                                    std::chrono::steady_clock::now(), options_.placement);
    out.members = placed.members.size();
    out.desired = placed.slots;
    for (const auto& id : placed.pending)
        out.pending_targets.push_back(id.to_string());
    std::set<multiformats::peer_id> counted;
    for (std::size_t i = 0; i < placed.members.size(); ++i) {
        const auto& m = placed.members[i];
        counted.insert(m.id);
        node_line line;
        line.peer = m.id.to_string();
        line.self = m.id == options_.self;
        line.online = m.online;
        line.chosen = m.role == plan::role::owner || m.role == plan::role::substitute;
        if (s.type == plan::strategy_type::percentage)
            line.rank = i;
        line.status = line.self ? status_of(s) : status_of_other(s, m);
        if (line.chosen && line.online &&
            (line.status.state == image_state::loaded || line.status.state == image_state::stored))
            ++out.actual;
        out.nodes.push_back(std::move(line));
    }
    for (const auto& m : all) {
        if (counted.contains(m.id))
            continue;
        node_line line{
            .peer = m.id.to_string(),
            .self = m.id == options_.self,
            .online = m.online || m.id == options_.self,
            .chosen = false,
            .rank = {},
            .status = {.state = s.execute ? image_state::not_chosen : image_state::paused}};
        out.nodes.push_back(std::move(line));
    }
    return out;
}

image_status agent::status_of(const plan::strategy& s) const {
    image_status out;
    const auto it = statuses_.find(plan::id_of(s));
    if (it == statuses_.end())
        return out;  // applied a moment ago: the next pass of the loop will say
    out.reason = it->second.detail;
    switch (it->second.phase) {
        case plan::phase::paused:
            out.state = image_state::paused;
            break;
        case plan::phase::unresolved:
        case plan::phase::fetching:
        case plan::phase::importing:
        case plan::phase::loading:
            out.state = image_state::pending;
            break;
        case plan::phase::not_chosen:
        case plan::phase::superseded:
            out.state = image_state::not_chosen;
            break;
        case plan::phase::wrong_platform:
        case plan::phase::blocked:
            out.state = image_state::blocked;
            break;
        case plan::phase::engine_unavailable:
            out.state = image_state::engine_unavailable;
            out.reason = engine_trouble_;
            break;
        case plan::phase::conflict:
            out.state = image_state::conflict;
            break;
        case plan::phase::done:
            out.state = engine_present_ ? image_state::loaded : image_state::stored;
            break;
    }
    if (s.digest && out.state == image_state::pending)
        overlay_work(out, *s.digest, s.image.engine_name());
    else if (s.digest && out.state == image_state::not_chosen)
        overlay_transfer(out, *s.digest, s.image.engine_name());  // it imports for others
    return out;
}

/// What is being done about the image right now; false when it is nothing.
bool agent::overlay_transfer(image_status& status, const crypto::digest& image,
                             const std::string& name) const {
    const auto digest = image.to_string();
    for (const auto& t : transfers_.all()) {
        if (t.state != transfer_state::running || t.digest != digest ||
            (t.kind == transfer_kind::load && t.image != name))
            continue;
        status.state =
            t.kind == transfer_kind::import ? image_state::importing : image_state::loading;
        status.bytes_done = t.bytes_done;
        status.bytes_total = t.bytes_total;
        status.bytes_per_second = t.bytes_per_second;
        status.from = t.from;
        return true;
    }
    return false;
}

/// The same, or what went wrong the last time.
void agent::overlay_work(image_status& status, const crypto::digest& image,
                         const std::string& name) const {
    if (overlay_transfer(status, image, name))
        return;
    for (const auto& key : {import_key(image), load_key(name)}) {
        const auto* failed = tasks_.failure_of(key);
        if (!failed)
            continue;
        const auto c = dm::condition_of(failed->why.code);
        status.state = c == condition::no_space ? image_state::blocked : image_state::failed;
        status.reason = failed->why.message();
        status.next_try = std::chrono::system_clock::now() +
                          std::chrono::duration_cast<wall_time::duration>(
                              failed->next_try - std::chrono::steady_clock::now());
        return;
    }
}

}  // namespace dm::agent
