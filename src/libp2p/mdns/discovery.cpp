#include "libp2p/mdns/discovery.hpp"

#include <algorithm>

namespace dm::mdns {
namespace {

constexpr std::string_view address_prefix = "dnsaddr=";
constexpr std::size_t instance_characters = 40;
constexpr std::uint32_t ttl_seconds = 120;

std::string random_name(rng& random) {
    constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyz0123456789";
    std::string out;
    while (out.size() < instance_characters)
        out += letters[random() % letters.size()];
    return out;
}

}  // namespace

discovery::discovery(peer_id self, rng random, discovery_options o)
    : self_(self),
      random_(std::move(random)),
      options_(o),
      instance_(random_name(random_) + "." + service_name),
      query_wait_(o.query_first) {}

void discovery::start(steady_time now) {
    next_query_ = now;
    tick(now);
}

void discovery::set_addresses(steady_time now, std::vector<multiaddr> addresses) {
    if (addresses == addresses_)
        return;
    addresses_ = std::move(addresses);
    if (!addresses_.empty())
        answer_at_ = now;
}

void discovery::received(steady_time now, byte_view data) {
    const auto p = decode_packet(data);
    if (!p)
        return;
    if (p->is_answer) {
        take_answer(now, *p);
        return;
    }
    const bool is_for_us = std::ranges::any_of(p->questions, [](const question& q) {
        return (q.type == record_type::ptr || q.type == record_type::any) &&
               (q.name == service_name || q.name == all_services_name);
    });
    if (!is_for_us || addresses_.empty() || answer_at_)
        return;
    const auto delay = std::chrono::milliseconds(
        random_() % static_cast<std::uint64_t>(options_.answer_delay_max.count() + 1));
    answer_at_ = now + delay;
    if (answered_)
        answer_at_ = std::max(*answer_at_, *answered_ + options_.answer_interval);
}

void discovery::take_answer(steady_time now, const packet& p) {
    std::map<peer_id, std::vector<multiaddr>> peers;
    for (const auto& r : p.records) {
        if (r.type != record_type::txt || !r.name.ends_with(service_name) || r.name == instance_)
            continue;
        for (const std::string_view text : r.texts) {
            if (!text.starts_with(address_prefix))
                continue;
            const auto a = multiformats::parse_multiaddr(text.substr(address_prefix.size()));
            const auto id = a ? a->peer() : std::nullopt;
            if (!id || *id == self_)
                continue;
            auto& all = peers[*id];
            if (all.size() < options_.addresses_max)
                all.push_back(a->without_peer());
        }
    }
    for (auto& [id, addresses] : peers)
        note(now, {id, std::move(addresses)});
}

void discovery::note(steady_time now, found_peer peer) {
    const auto known = seen_.find(peer.id);
    if (known != seen_.end() && known->second.addresses == peer.addresses &&
        now - known->second.told < options_.renewal)
        return;
    if (known == seen_.end() && seen_.size() >= options_.peers_max)
        seen_.erase(
            std::ranges::min_element(seen_, {}, [](const auto& item) { return item.second.told; }));
    seen_.insert_or_assign(peer.id, seen{peer.addresses, now});
    if (found_.size() < options_.peers_max)
        found_.push_back(std::move(peer));
}

packet discovery::answer() const {
    packet p{.is_answer = true};
    p.records.push_back({.name = service_name,
                         .type = record_type::ptr,
                         .ttl_seconds = ttl_seconds,
                         .target = instance_});
    resource texts{.name = instance_, .type = record_type::txt, .ttl_seconds = ttl_seconds};
    std::size_t size = 0;
    for (const auto& a : addresses_) {
        auto text = std::string(address_prefix) + a.with_peer(self_).to_string();
        if (text.size() > 255 || size + text.size() + 1 > options_.answer_bytes_max - 200)
            continue;
        size += text.size() + 1;
        texts.texts.push_back(std::move(text));
    }
    p.records.push_back(std::move(texts));
    return p;
}

void discovery::tick(steady_time now) {
    if (next_query_ && now >= *next_query_) {
        packets_.push_back(encode_packet({.questions = {{service_name, record_type::ptr}}}));
        next_query_ = now + query_wait_;
        query_wait_ = std::min(query_wait_ * 2, options_.query_interval);
    }
    if (answer_at_ && now >= *answer_at_) {
        answer_at_.reset();
        answered_ = now;
        packets_.push_back(encode_packet(answer()));
    }
}

std::optional<bytes> discovery::poll_packet() {
    if (packets_.empty())
        return std::nullopt;
    auto out = std::move(packets_.front());
    packets_.pop_front();
    return out;
}

std::optional<found_peer> discovery::poll_peer() {
    if (found_.empty())
        return std::nullopt;
    auto out = std::move(found_.front());
    found_.pop_front();
    return out;
}

std::optional<steady_time> discovery::deadline() const {
    if (next_query_ && answer_at_)
        return std::min(*next_query_, *answer_at_);
    return next_query_ ? next_query_ : answer_at_;
}

}  // namespace dm::mdns
