#include "mesh/crdt/announcer.hpp"

#include <algorithm>

namespace dm::crdt {
namespace {

constexpr std::size_t named_max = 10'000;

}  // namespace

announcer::announcer(steady_time now, std::uint64_t seed, announcer_options o)
    : options_(o), random_(seed), interval_(o.interval_min), last_hurry_(now - o.interval_min) {
    plan(now);
}

/// The interval, 30 % more or less, so that not all nodes speak at once.
void announcer::plan(steady_time now) {
    const auto permille = 700 + static_cast<std::int64_t>(random_() % 601);
    next_ = now + interval_ * permille / 1000;
}

void announcer::heard(const std::vector<cid>& heads) {
    for (const auto& head : heads)
        if (named_.size() < named_max)
            named_.insert(head);
}

void announcer::changed(steady_time now) {
    interval_ = options_.interval_min;
    const auto before = next_;
    plan(now);
    next_ = std::min(next_, before);
}

void announcer::newcomer(steady_time now) {
    named_.clear();
    const auto permille = 1000 + static_cast<std::int64_t>(random_() % 1001);
    const auto soon = std::max(now, last_hurry_ + options_.interval_min) +
                      options_.newcomer_delay * permille / 1000;
    if (soon >= next_)
        return;
    last_hurry_ = soon;
    next_ = soon;
}

std::vector<cid> announcer::due(steady_time now, const std::vector<cid>& heads) {
    std::vector<cid> out;
    if (now < next_)
        return out;
    std::ranges::copy_if(heads, std::back_inserter(out),
                         [this](const cid& head) { return !named_.contains(head); });
    named_.clear();
    interval_ = std::min(interval_ * 2, options_.interval_max);
    plan(now);
    return out;
}

}  // namespace dm::crdt
