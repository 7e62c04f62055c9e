#include "mesh/trust/authority.hpp"

#include <algorithm>

namespace dm::trust {

authority::authority(std::vector<peer_id> roots) : roots_(std::move(roots)) {
    if (roots_.size() > operators_max)
        roots_.resize(operators_max, roots_.front());
    compute();
}

bool authority::may_remove(const peer_id& author, const peer_id& subject) const {
    const auto by = operators_.find(author);
    const auto whom = operators_.find(subject);
    return by != operators_.end() && whom != operators_.end() &&
           by->second.level < whom->second.level;
}

bool authority::take(const statement& s) {
    if (s.author == s.subject || !is_operator(s.author))
        return false;
    auto& words = about_[s.subject];
    const auto it = words.find(s.author);
    if (it == words.end()) {
        auto& count = statements_of_[s.author];
        if (count >= statements_of_operator_max) {
            if (words.empty())
                about_.erase(s.subject);
            return false;
        }
        ++count;
        words.emplace(s.author, word{s.is_operator, s.sequence});
    } else {
        // Of two at the same time the removal counts.
        if (s.sequence < it->second.sequence ||
            (s.sequence == it->second.sequence && (s.is_operator || !it->second.is_operator)))
            return false;
        it->second = {s.is_operator, s.sequence};
    }
    std::vector<peer_id> before;
    for (const auto& [id, rank] : operators_)
        before.push_back(id);
    compute();
    if (std::ranges::equal(before, operators_, {}, {}, [](const auto& o) { return o.first; }))
        return false;
    forget_former(before);
    return true;
}

void authority::forget_former(const std::vector<peer_id>& before) {
    for (const auto& id : before) {
        if (is_operator(id))
            continue;
        statements_of_.erase(id);
        for (auto& [subject, words] : about_)
            words.erase(id);
    }
    std::erase_if(about_, [](const auto& s) { return s.second.empty(); });
}

void authority::compute() {
    operators_.clear();
    for (const auto& root : roots_)
        operators_.emplace(root, rank_of_operator{});
    for (unsigned level = 0; level < operators_max; ++level) {
        std::map<peer_id, rank_of_operator> next;
        for (const auto& [subject, words] : about_) {
            if (operators_.contains(subject))
                continue;
            std::optional<std::uint64_t> removed;  // by one of this level or above
            for (const auto& [author, w] : words)
                if (!w.is_operator && operators_.contains(author))
                    removed = std::max(removed.value_or(0), w.sequence);
            for (const auto& [author, w] : words) {
                const auto by = operators_.find(author);
                if (w.is_operator && by != operators_.end() && by->second.level == level &&
                    (!removed || w.sequence > *removed)) {
                    next.emplace(subject, rank_of_operator{level + 1, author});
                    break;
                }
            }
        }
        if (next.empty())
            return;
        for (auto& [id, rank] : next)
            if (operators_.size() < operators_max)
                operators_.emplace(id, rank);
    }
}

}  // namespace dm::trust
