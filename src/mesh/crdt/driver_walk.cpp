#include <algorithm>
#include <deque>

#include "aio/timeout.hpp"
#include "base/log.hpp"
#include "content/bitswap/driver_fetch.hpp"
#include "mesh/crdt/driver.hpp"

/// From heads that were announced down to what is here already, over bitswap.
namespace dm::crdt {
namespace {

constexpr std::size_t together_max = 32;  // blocks of one front that are fetched at once
/// Announced heads that nobody gives are forgotten after so many failures: they are announced
/// again. What is missing in between never is.
constexpr unsigned failures_max = 10;
/// Between two lines about a member that floods.
constexpr std::chrono::seconds flood_told_interval{60};

steady_time now() {
    return std::chrono::steady_clock::now();
}

}  // namespace

struct shared_map::walk_state {
    explicit walk_state(bitswap::exchange& from) : fetcher(from) {}

    bitswap::fetcher fetcher;
    std::string author;
    std::chrono::milliseconds timeout{};
    std::deque<cid> front;
    std::set<cid> seen;
    std::vector<block> batch;
    std::size_t batch_bytes = 0;
    steady_time batch_began{};
};

awaitable<void> shared_map::keep_complete() {
    co_await note_missing();
    for (;;) {
        // A peer that is telling us everything would be asked twice.
        std::vector<cid> ready;
        auto next = steady_time::max();
        for (const auto& [id, w] : wanted_) {
            if (w.is_under_way || is_asking_)
                continue;
            const auto at = std::max(w.not_before, turn_of(w.author));
            if (at <= now())
                ready.push_back(id);
            else
                next = std::min(next, at);
        }
        if (!ready.empty() && walks_ < options_.walks_max) {
            std::vector<cid> unknown;
            {
                const auto turn = co_await one_writer_.acquire();
                unknown = co_await workers_.run([&] { return replica_.unknown(ready); });
            }
            for (const auto& id : ready)
                if (!std::ranges::count(unknown, id))
                    wanted_.erase(id);
            std::erase_if(unknown, [this](const cid& id) {
                const auto it = wanted_.find(id);
                return it == wanted_.end() || it->second.is_under_way;
            });
            if (unknown.empty() || is_asking_)
                continue;
            // Those that have failed alike go together, so that new ones do not wait for them.
            const auto attempt = wanted_.at(unknown.front()).failures;
            std::erase_if(unknown,
                          [&](const cid& id) { return wanted_.at(id).failures != attempt; });
            if (unknown.size() > together_max)
                unknown.erase(unknown.begin() + together_max, unknown.end());
            for (const auto& id : unknown)
                wanted_.at(id).is_under_way = true;
            auto author = wanted_.at(unknown.front()).author;
            ++walks_;
            group_.spawn("shared state: walk",
                         walk(std::move(unknown), std::move(author), attempt));
            continue;
        }
        try {
            if (next == steady_time::max() || !ready.empty())
                co_await work_.wait();
            else
                co_await aio::with_timeout(work_.wait(), next - now());
        } catch (const failure& e) {
            if (e.code() != aio::errc::timed_out)
                throw;
        }
    }
}

awaitable<void> shared_map::note_missing() {
    std::vector<cid> missing;
    {
        const auto turn = co_await one_writer_.acquire();
        missing = co_await workers_.run([&] { return replica_.missing(options_.wanted_max); });
    }
    for (const auto& id : missing)
        if (wanted_.size() < options_.wanted_max)
            wanted_[id].author.clear();  // wanted for good, even if it was announced as well
}

awaitable<void> shared_map::walk(std::vector<cid> from, std::string author, std::size_t attempt) {
    try {
        walk_state w(exchange_);
        w.author = std::move(author);
        w.timeout = options_.fetch_timeout;
        for (std::size_t i = 0; i < attempt && w.timeout < options_.fetch_timeout_max; ++i)
            w.timeout = std::min(w.timeout * 2, options_.fetch_timeout_max);
        w.front.assign(from.begin(), from.end());
        w.seen.insert(from.begin(), from.end());
        while (!w.front.empty()) {
            co_await fetch_front(w);
            if (w.front.empty() || w.batch.size() >= options_.batch_blocks ||
                w.batch_bytes >= options_.batch_bytes ||
                (!w.batch.empty() && now() - w.batch_began >= options_.batch_time))
                co_await merge_batch(w);
        }
    } catch (const std::exception& e) {
        if (aio::is_cancelled(e))
            throw;
        log::warn("walk of the shared state ended early", {{"reason", e.what()}});
    }
    // What it could not get is missing now, or still wanted.
    for (const auto& id : from)
        if (const auto it = wanted_.find(id); it != wanted_.end() && it->second.is_under_way)
            failed(id);
    --walks_;
    co_await note_missing();
    work_.notify_all();
}

/// Fetches some of the front, and puts what they link to in their place.
awaitable<void> shared_map::fetch_front(walk_state& w) {
    const auto count = static_cast<std::ptrdiff_t>(std::min(w.front.size(), together_max));
    const std::vector<cid> ids(w.front.begin(), w.front.begin() + count);
    w.front.erase(w.front.begin(), w.front.begin() + count);
    co_await w.fetcher.get_ahead(ids);
    std::vector<cid> links;
    for (const auto& id : ids) {
        std::shared_ptr<const bytes> data;
        try {
            data = co_await aio::with_timeout(w.fetcher.get(id), w.timeout);
        } catch (const failure& e) {
            if (aio::is_cancelled(e))
                throw;
            log::debug("block of the shared state not found",
                       {{"cid", id.to_string()}, {"reason", e.what()}});
            failed(id);
            continue;
        }
        if (w.batch.empty())
            w.batch_began = now();
        w.batch_bytes += data->size();
        w.batch.push_back({id, *data});
        if (const auto n = decode_node(*data))
            for (const auto& link : n->links)
                if (w.seen.insert(link).second)
                    links.push_back(link);
    }
    if (links.empty())
        co_return;
    const auto turn = co_await one_writer_.acquire();
    const auto unknown = co_await workers_.run([&] { return replica_.unknown(links); });
    w.front.insert(w.front.end(), unknown.begin(), unknown.end());
}

awaitable<void> shared_map::merge_batch(walk_state& w) {
    if (w.batch.empty())
        co_return;
    auto batch = std::exchange(w.batch, {});
    w.batch_bytes = 0;
    std::vector<cid> ids;
    for (const auto& b : batch) {
        ids.push_back(b.id);
        const auto by = announced_by_.find(b.id);
        charge(by == announced_by_.end() ? w.author : by->second, b.data.size());
    }
    // One that is refused (full, malformed) is not asked for again either.
    co_await merge(std::move(batch), w.author);
    for (const auto& id : ids)
        wanted_.erase(id);
    announcer_.changed(now());
    co_await pace(w.author);
}

shared_map::author_pace& shared_map::pace_of(const std::string& author) {
    if (paces_.size() >= options_.authors_max && !paces_.contains(author))
        paces_.erase(
            std::ranges::min_element(paces_, {}, [](const auto& p) { return p.second.last; }));
    return paces_
        .try_emplace(author, author_pace{.bucket = token_bucket(options_.author_cost_per_second,
                                                                options_.author_burst)})
        .first->second;
}

/// From when on more of somebody's changes may be fetched.
steady_time shared_map::turn_of(const std::string& author) {
    const auto it = paces_.find(author);
    return it == paces_.end() ? steady_time{} : it->second.bucket.take(now(), 0);
}

void shared_map::charge(const std::string& author, std::size_t size) {
    if (author.empty())
        return;  // missing from an earlier walk
    auto& p = pace_of(author);
    p.last = now();
    ++p.changes;
    p.bucket.take(now(), size + change_cost);
}

/// Until when one waits who writes more than is sensible; such a one is named in the log.
steady_time shared_map::slowed_until(const std::string& author) {
    auto& p = pace_of(author);
    const auto next = p.bucket.take(now(), 0);
    if (next > now() && (p.told == steady_time{} || now() >= p.told + flood_told_interval)) {
        p.told = now();
        log::warn("a member floods the shared state and is slowed down",
                  {{"peer", author}, {"changes", p.changes}});
    }
    return next;
}

/// One who writes more than is sensible waits for what it has written, others do not.
awaitable<void> shared_map::pace(std::string author) {
    if (author.empty())
        co_return;
    const auto next = slowed_until(author);
    if (next <= now())
        co_return;
    --walks_;  // it holds nobody else up
    work_.notify_all();
    try {
        co_await aio::sleep_for(std::chrono::ceil<std::chrono::milliseconds>(next - now()));
    } catch (...) {
        ++walks_;
        throw;
    }
    ++walks_;
}

void shared_map::failed(const cid& id) {
    const auto it = wanted_.find(id);
    if (it == wanted_.end())
        return;
    auto& w = it->second;
    w.is_under_way = false;
    ++w.failures;
    if (w.failures >= failures_max && !w.author.empty()) {
        wanted_.erase(it);
        return;
    }
    const auto shift = std::min(w.failures - 1, 20u);
    w.not_before = now() + std::min<std::chrono::milliseconds>(options_.retry_first * (1u << shift),
                                                               options_.retry_max);
}

}  // namespace dm::crdt
