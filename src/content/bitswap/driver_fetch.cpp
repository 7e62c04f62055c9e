#include "content/bitswap/driver_fetch.hpp"

namespace dm::bitswap {
namespace {

steady_time now() {
    return std::chrono::steady_clock::now();
}

}  // namespace

/// Who waits for a block counts, so that one that two wait for is kept for both.
class fetcher::waiter {
  public:
    waiter(fetcher& owner, const cid& id) : owner_(owner), id_(id) {
        ++owner_.slots_.at(id_).waiting;
    }
    waiter(const waiter&) = delete;
    waiter& operator=(const waiter&) = delete;
    ~waiter() {
        const auto it = owner_.slots_.find(id_);
        if (--it->second.waiting > 0)
            return;
        owner_.slots_.erase(it);
        owner_.session_.cancel(id_);
        owner_.carry_out();
    }

  private:
    fetcher& owner_;
    cid id_;
};

fetcher::fetcher(exchange& from, session_options o)
    : exchange_(from), session_(o), changed_(from.get_executor()) {
    exchange_.add(*this);
}

fetcher::~fetcher() {
    exchange_.remove(*this);
}

awaitable<std::shared_ptr<const bytes>> fetcher::get(cid id) {
    if (const auto inlined = multiformats::inlined_block(id))
        co_return std::make_shared<const bytes>(to_bytes(*inlined));
    // Kubo does not send it, and nobody needs it to.
    if (id.hash() == multiformats::multihash::sha2_256({}))
        co_return std::make_shared<const bytes>();
    if (!slots_.contains(id)) {
        if (auto here = co_await exchange_.store().block(id))
            co_return std::make_shared<const bytes>(*std::move(here));
        if (!is_exchangeable(id))
            raise(errc::not_found, id.to_string() + " cannot be asked for");
    }
    const bool is_new = slots_.try_emplace(id).second;
    const waiter keep(*this, id);
    if (is_new) {
        session_.want(now(), {id});
        carry_out();
    }
    for (;;) {
        const auto& s = slots_.at(id);
        if (s.data)
            co_return s.data;
        if (s.is_given_up)
            raise(errc::not_found, "nobody who can be reached has " + id.to_string());
        co_await changed_.wait();
    }
}

awaitable<void> fetcher::get_ahead(std::vector<cid> ids) {
    std::erase_if(ids, [&](const cid& id) { return slots_.contains(id) || !is_exchangeable(id); });
    if (slots_.size() >= fetched_ahead_max)
        co_return;
    if (ids.size() > fetched_ahead_max - slots_.size())
        ids.resize(fetched_ahead_max - slots_.size());
    if (ids.empty())
        co_return;
    const auto here = co_await exchange_.store().sizes(ids);
    std::vector<cid> absent;
    for (std::size_t i = 0; i < ids.size(); ++i)
        if (!here[i] && slots_.try_emplace(ids[i]).second)
            absent.push_back(ids[i]);
    session_.want(now(), absent);
    carry_out();
}

void fetcher::carry_out() {
    while (const auto a = session_.poll()) {
        using enum session_action::kind;
        switch (a->what) {
            case ask_block:
                exchange_.ask(*this, *a->peer, a->id, want_type::block);
                break;
            case ask_have:
                exchange_.ask(*this, *a->peer, a->id, want_type::have);
                break;
            case cancel:
                exchange_.cancel(*this, *a->peer, a->id);
                break;
            case search:
                exchange_.search(*this, a->id);
                break;
            case give_up:
                if (const auto it = slots_.find(a->id); it != slots_.end()) {
                    if (it->second.waiting == 0)
                        slots_.erase(it);
                    else
                        it->second.is_given_up = true;
                }
                changed_.notify_all();
                break;
        }
    }
}

void fetcher::on_peer(const peer_id& peer, bool is_there, bool has_presence) {
    if (is_there) {
        peers_[peer] = has_presence;
        session_.peer_there(now(), peer, has_presence, providers_.contains(peer));
    } else {
        peers_.erase(peer);
        session_.peer_gone(now(), peer);
    }
    carry_out();
}

void fetcher::on_have(const peer_id& peer, const cid& id) {
    session_.have(now(), peer, id);
    carry_out();
}

void fetcher::on_dont_have(const peer_id& peer, const cid& id, bool is_silence) {
    session_.dont_have(now(), peer, id, is_silence);
    carry_out();
}

void fetcher::on_block(const peer_id& peer, const cid& id,
                       const std::shared_ptr<const bytes>& data) {
    if (session_.block(now(), peer, id)) {
        received_bytes_ += data->size();
        sources_.insert(peer);
        if (const auto it = slots_.find(id); it != slots_.end())
            it->second.data = data;
        changed_.notify_all();
    }
    carry_out();
}

void fetcher::on_tick(steady_time t) {
    session_.tick(t);
    carry_out();
}

void fetcher::on_provider(const peer_id& peer) {
    providers_.insert(peer);
    if (const auto it = peers_.find(peer); it != peers_.end())
        session_.peer_there(now(), peer, it->second, true);
    carry_out();
}

void fetcher::on_searched() {
    session_.searched(now());
    carry_out();
}

}  // namespace dm::bitswap
