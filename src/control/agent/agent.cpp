#include "control/agent/agent.hpp"

#include <algorithm>
#include <boost/asio/redirect_error.hpp>
#include <nlohmann/json.hpp>

#include "aio/timeout.hpp"
#include "base/log.hpp"
#include "control/agent/snapshot.hpp"
#include "control/plan/key.hpp"
#include "runtime/engine/errc.hpp"

namespace dm::agent {
namespace {

using clock = std::chrono::steady_clock;

/// A pause before the engine is looked for again.
constexpr std::chrono::seconds engine_retry_interval{2};
/// An engine that is told to stop a pull may finish what it is at.
constexpr std::chrono::seconds load_settle_time{10};

/// Names that are kept now for another reason than before, or not any more.
std::set<std::string> names_that_differ(const std::vector<plan::kept_name>& before,
                                        const std::vector<plan::kept_name>& now) {
    std::set<std::string> out;
    const auto add_missing = [&out](const auto& from, const auto& in) {
        for (const auto& k : from)
            if (std::ranges::find(in, k) == in.end())
                out.insert(k.name);
    };
    add_missing(before, now);
    add_missing(now, before);
    return out;
}

}  // namespace

std::string strategy_pin(const crypto::digest& image) {
    return std::string(strategy_pin_prefix) + image.to_string();
}

std::string import_key(const crypto::digest& image) {
    return "import " + image.to_string();
}

std::string kept_key(const crypto::digest& image) {
    return std::string(kept_prefix) + image.to_string();
}

std::string load_key(const std::string& name) {
    return "load " + name;
}

agent::agent(executor ex, state::table& shared, state::table& local, store::content_store& store,
             image_origin& origin, engine::image_engine& engine, options o)
    : executor_(ex),
      local_(local),
      store_(store),
      origin_(origin),
      engine_(engine),
      options_(std::move(o)),
      catalogue_(shared),
      owned_(local),
      fleet_(options_.see),
      importer_(ex, store),
      mirror_(ex, local, store, origin, {.tag_ttl = options_.tag_ttl}),
      tasks_(ex, {options_.retry_delay_min, options_.retry_delay_max, random_seed()},
             [this] { wake(); }),
      group_(ex),
      by_hand_(ex),
      progressed_(ex),
      record_writer_(ex, 1),
      layout_writer_(ex, 1),
      strategy_writer_(ex, 1),
      wake_(ex),
      report_changed_(ex),
      engine_doubted_(ex),
      started_(std::chrono::system_clock::now()),
      started_steady_(clock::now()) {
    catalogue_.on_change([this](const state::change& c) {
        // As the API shows keys: without the slash in front.
        const auto key = c.key.substr(c.key.starts_with('/') ? 1 : 0);
        notify("crdt", nlohmann::json{{"key", key}, {"deleted", !c.value}}.dump());
        const auto record = plan::parse_record_key(c.key);
        if (record &&
            (record->kind == plan::record_kind::image || record->kind == plan::record_kind::name))
            layout_stale_ = true;
        if (record)
            record_of_node_changed(*record, c.value.has_value());
        // What this node has of what strategies want may be another number now.
        if (record && record->kind == plan::record_kind::strategy)
            notify("node", about_node(options_.self));
        wake();
    });
    transfers_.on_change([this](const transfer_view& t) {
        if (const auto digest = crypto::parse_digest(t.digest))
            import_seen_[*digest] = clock::now();
        progressed_.notify_all();
        notify("transfer", nlohmann::json{{"id", t.id},
                                          {"image", t.image},
                                          {"bytes_done", t.bytes_done},
                                          {"bytes_total", t.bytes_total}}
                               .dump());
    });
}

agent::~agent() = default;

void agent::start() {
    for (const auto& [id, record] : catalogue_.labels())
        note_forgotten(record.id);
    group_.spawn("agent", run());
    group_.spawn("engine watcher", watch_engine());
    if (options_.tell)
        group_.spawn("reports", tell_fleet());
}

awaitable<void> agent::stop() {
    stopping_ = true;
    group_.cancel();
    by_hand_.cancel();
    co_await mirror_.stop();
    co_await tasks_.stop();
    co_await by_hand_.join();
    co_await group_.join();
}

agent::subscription agent::watch(watcher w) {
    return watchers_.add(std::move(w));
}

void agent::notify(std::string type, std::string json) {
    watchers_.tell({std::move(type), std::move(json)});
    report_stale_ = true;
    report_changed_.notify_all();
}

void agent::wake() {
    dirty_ = true;
    wake_.cancel();
}

awaitable<void> agent::run() {
    if (options_.ready)
        co_await options_.ready();
    review_ = clock::now();
    for (bool resumed = false;;) {
        if (std::exchange(dirty_, false)) {
            bool whole = false;
            soon_.reset();
            try {
                if (!std::exchange(resumed, true))
                    co_await resume_imports();
                if (!announced_)
                    announced_ = co_await announce();
                whole = co_await pass() && announced_;
            } catch (const std::exception& e) {
                if (aio::is_cancelled(e))
                    throw;
                log::warn("a look at the node failed", {{"reason", e.what()}});
            }
            review_ = clock::now() + (whole ? options_.review_interval : options_.retry_delay_min);
            continue;
        }
        wake_.expires_at(next_look());
        boost::system::error_code woken;
        co_await wake_.async_wait(asio::redirect_error(use_awaitable, woken));
        if (!woken)
            dirty_ = true;
    }
}

/// False when the shared state does not take this node's record: the node does its work all the
/// same.
awaitable<bool> agent::announce() {
    try {
        co_await catalogue_.put(own_record());
        co_return true;
    } catch (const failure& e) {
        if (aio::is_cancelled(e))
            throw;
        log::warn("this node cannot make itself known", {{"reason", e.what()}});
    }
    co_return false;
}

/// When something is due although nothing has happened on this node.
steady_time agent::next_look() const {
    auto out = std::min(review_, tasks_.next_due().value_or(review_));
    if (soon_)
        out = std::min(out, *soon_);
    for (const auto& [name, ended] : load_ended_)
        out = std::min(out, ended + load_settle_time);
    if (const auto at = plan::next_change(members(), clock::now(), options_.placement))
        out = std::min(out, *at);
    return out;
}

plan::inputs agent::inputs_of(const snapshot& s) const {
    return {.self = options_.self,
            .now = clock::now(),
            .strategies = s.strategies,
            .members = s.members,
            .images = s.images,
            .engine = s.engine,
            .placed = s.placed,
            .bytes_available = s.bytes_available,
            .bytes_unused = s.bytes_unused,
            .placement = options_.placement};
}

awaitable<bool> agent::pass() {
    tasks_.begin_round();
    const auto seen = co_await observe();
    auto out = plan::make_plan(inputs_of(seen));
    std::map<std::string, plan::strategy_status> statuses;
    for (auto& s : out.statuses)
        statuses.emplace(s.strategy, std::move(s));
    const bool changed = statuses != statuses_ || kept_ != out.kept;
    statuses_ = std::move(statuses);
    const auto kept_before = std::exchange(kept_, std::move(out.kept));

    std::set<std::string> wanted;
    for (const auto& a : out.actions)
        co_await act(a, wanted);
    tasks_.keep_only(wanted);
    co_await name_imports(seen.strategies);
    co_await write_layout_index();
    if (changed)
        for (const auto& s : seen.strategies)
            notify_strategy(plan::id_of(s));
    for (const auto& name : names_that_differ(kept_before, kept_))
        notify("image", nlohmann::json{{"name", name}}.dump());
    co_return seen.whole;
}

/// A node that is no operator and imports an image cannot say what its name means.
awaitable<void> agent::name_imports(const std::vector<plan::strategy>& strategies) {
    if (catalogue_.refusal())
        co_return;
    for (const auto& s : strategies) {
        if (!s.digest || s.image.tag.empty() || !catalogue_.image(*s.digest))
            continue;
        const auto* known = catalogue_.name(s.image);
        if (known && (known->digest == *s.digest || known->updated >= s.updated))
            continue;
        plan::name_record name;
        name.name = s.image;
        name.name.digest.reset();
        name.digest = *s.digest;
        name.updated = s.updated;
        co_await catalogue_.put(nullptr, name);
    }
}

awaitable<void> agent::act(const plan::action& a, std::set<std::string>& wanted) {
    const auto start = [&](std::string key, const std::function<awaitable<void>()>& make) {
        tasks_.run(key, make, clock::now());
        wanted.insert(std::move(key));
    };
    switch (a.kind) {
        case plan::action_kind::import_image:
        case plan::action_kind::fetch:
            meet_holders(*a.image);
            start(import_key(*a.image),
                  [&] { return import_for_strategy(*a.image, a.strategy, a.platforms); });
            co_return;
        case plan::action_kind::pin:
            co_await pin_for_strategies(*a.image);
            co_return;
        case plan::action_kind::unpin:
            co_await store_.unpin(strategy_pin(*a.image));
            co_return;
        case plan::action_kind::load:
            start(load_key(a.name), [&] { return load(a.name, *a.image, a.replace); });
            co_return;
        case plan::action_kind::untag:
            start("untag " + a.name, [&] { return take_away({a.name, a.image_id}, false); });
            co_return;
        case plan::action_kind::remove_image:
            start("remove " + a.image_id, [&] { return take_away({a.name, a.image_id}, true); });
            co_return;
        case plan::action_kind::disown:
            if (is_loading(a.name))
                co_return;
            log::info("name is not ours any more", {{"image", a.name}, {"reason", a.reason}});
            co_await owned_.remove({a.name, a.image_id});
            wake();
            co_return;
    }
}

/// A load that was called off may still bring its image: it stays known as ours for a while.
bool agent::is_loading(const std::string& name) {
    if (tasks_.is_running(load_key(name)))
        return true;
    const auto ended = load_ended_.find(name);
    if (ended == load_ended_.end())
        return false;
    if (clock::now() < ended->second + load_settle_time)
        return true;
    load_ended_.erase(ended);
    return false;
}

/// Until the engine ends it, which is thrown, too.
awaitable<void> agent::listen_to_engine() {
    co_await engine_.changes([this](const engine::event& e) {
        if (e.what == engine::event::kind::connected) {
            engine_available_ = true;
            engine_trouble_.clear();
            tasks_.forgive("load ");
            notify("node", R"({"engine":"ready"})");
        }
        if (e.what != engine::event::kind::image)
            users_.clear();
        wake();
    });
    raise(engine::errc::unavailable, "the engine closed the connection");
}

/// Its events may still be on their way from an engine that answers nothing else: it is asked anew.
awaitable<void> agent::doubt_engine() {
    while (!engine_in_doubt_)
        co_await engine_doubted_.wait();
    raise(engine::errc::unavailable, engine_trouble_);
}

awaitable<void> agent::watch_engine() {
    for (;;) {
        std::string trouble;
        try {
            engine_info_ = co_await engine_.info();
            engine_present_ = engine_info_->store != engine::image_store::none;
            engine_in_doubt_ = false;
            std::vector<awaitable<void>> both;
            both.push_back(listen_to_engine());
            both.push_back(doubt_engine());
            co_await aio::all_of(std::move(both));
        } catch (const std::exception& e) {
            if (aio::is_cancelled(e))
                throw;
            trouble = e.what();
        }
        if (engine_available_ || engine_trouble_ != trouble) {
            log::warn("engine unavailable", {{"reason", trouble}});
            notify("node", R"({"engine":"unavailable"})");
        }
        engine_available_ = false;
        engine_trouble_ = trouble;
        wake();
        co_await aio::sleep_for(engine_retry_interval);
    }
}

}  // namespace dm::agent
