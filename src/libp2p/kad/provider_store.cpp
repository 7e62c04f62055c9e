#include "libp2p/kad/provider_store.hpp"

#include <algorithm>

namespace dm::kad {

void provider_store::remove(records::iterator which) {
    const auto forget = [&](auto& index, const auto& at) {
        const auto it = index.find(at);
        it->second.remove(which);
        if (it->second.empty())
            index.erase(it);
    };
    forget(by_key_, which->key);
    forget(by_peer_, which->provider);
    by_age_.erase(which);
}

void provider_store::add(steady_time now, byte_view key, const peer_id& provider) {
    const std::string name(as_chars(key));
    if (const auto known = by_key_.find(name); known != by_key_.end()) {
        const auto same = std::ranges::find_if(
            known->second, [&](const auto& r) { return r->provider == provider; });
        if (same != known->second.end())
            remove(*same);
        else if (known->second.size() >= options_.records_per_key_max)
            remove(known->second.front());
    }
    if (const auto known = by_peer_.find(provider);
        known != by_peer_.end() && known->second.size() >= options_.records_per_peer_max)
        remove(known->second.front());
    if (by_age_.size() >= options_.records_max)
        remove(by_age_.begin());
    const auto which = by_age_.insert(by_age_.end(), {name, provider, now});
    by_key_[name].push_back(which);
    by_peer_[provider].push_back(which);
}

std::vector<peer_id> provider_store::providers(steady_time now, byte_view key) const {
    std::vector<peer_id> out;
    const auto known = by_key_.find(std::string(as_chars(key)));
    if (known == by_key_.end())
        return out;
    for (auto it = known->second.rbegin(); it != known->second.rend(); ++it)
        if (now - (*it)->added < options_.validity)
            out.push_back((*it)->provider);
    return out;
}

void provider_store::expire(steady_time now) {
    while (!by_age_.empty() && now - by_age_.front().added >= options_.validity)
        remove(by_age_.begin());
}

}  // namespace dm::kad
