#include "libp2p/host/memory_host.hpp"

#include <algorithm>
#include <array>

#include "aio/timeout.hpp"
#include "base/log.hpp"

namespace dm::host {

/// What the two ends of a stream share.
struct memory_host::channel_state {
    std::array<aio::byte_stream*, 2> ends{};
    std::optional<errc> broken;

    void break_off(errc why) noexcept {
        if (!broken)
            broken = why;
        for (auto* end : ends)
            if (end)
                end->close();
    }
};

namespace {

using state = memory_host::channel_state;

/// Small enough that streams share a slow link evenly.
constexpr std::size_t packet_bytes = 16 * 1024;

class memory_stream final : public stream {
  public:
    memory_stream(std::unique_ptr<aio::byte_stream> end, token_bucket& upload,
                  std::shared_ptr<state> shared, std::size_t side)
        : end_(std::move(end)), upload_(upload), shared_(std::move(shared)), side_(side) {
        shared_->ends[side_] = end_.get();
    }
    ~memory_stream() override { shared_->ends[side_] = nullptr; }

    awaitable<std::size_t> read_some(std::span<std::byte> into) override {
        const auto shared = shared_;
        check(*shared);
        const auto n = co_await end_->read_some(into);
        check(*shared);
        co_return n;
    }
    awaitable<void> write(byte_view data) override {
        co_await in_packets(data.size(), [&](std::uint64_t at, std::uint64_t length) {
            return end_->write(data.subspan(at, length));
        });
    }
    awaitable<void> send_file(int file, std::uint64_t offset, std::uint64_t length) override {
        co_await in_packets(length, [&](std::uint64_t at, std::uint64_t n) {
            return end_->send_file(file, offset + at, n);
        });
    }
    void shutdown_write() noexcept override { end_->shutdown_write(); }
    void close() noexcept override { end_->close(); }
    void reset() noexcept override { shared_->break_off(errc::stream_reset); }
    std::string peer() const override { return end_->peer(); }

  private:
    /// Calls `send(at, length)` for one packet after the other, as fast as the link takes them.
    template <class Send>
    awaitable<void> in_packets(std::uint64_t length, Send send) {
        const auto shared = shared_;
        check(*shared);
        const auto packet = upload_.bytes_per_second() == 0 ? length : packet_bytes;
        for (std::uint64_t at = 0; at < length; at += packet) {
            const auto n = std::min<std::uint64_t>(packet, length - at);
            const auto now = std::chrono::steady_clock::now();
            if (const auto when = upload_.take(now, n); when > now)
                co_await aio::sleep_for(when - now);
            check(*shared);
            try {
                co_await send(at, n);
            } catch (const failure&) {
                check(*shared);
                throw;
            }
        }
    }
    static void check(const state& shared) {
        if (shared.broken)
            raise(*shared.broken);
    }

    std::unique_ptr<aio::byte_stream> end_;
    token_bucket& upload_;
    std::shared_ptr<state> shared_;
    std::size_t side_;
};

}  // namespace

multiaddr memory_network::next_address() {
    return value_or_throw(multiformats::parse_multiaddr("/memory/" + std::to_string(++last_)));
}

memory_host::memory_host(executor ex, memory_network& network, peer_id self)
    : host(self),
      executor_(ex),
      network_(network),
      address_(network.next_address()),
      upload_(network.upload_bytes_per_second_),
      group_(std::move(ex)) {
    network_.hosts_.push_back(this);
}

memory_host::~memory_host() {
    std::erase(network_.hosts_, this);
}

awaitable<void> memory_host::stop() {
    std::erase(network_.hosts_, this);
    while (!links_.empty())
        disconnect(links_.begin()->first);
    co_await group_.stop();
}

awaitable<opened> memory_host::open(const peer_id& peer, std::vector<std::string> protocols) {
    co_await connect(peer, {});
    auto* const other = reach(peer);
    if (!other || !links_.contains(peer))
        raise(errc::connection_lost);
    const auto chosen = std::ranges::find_if(
        protocols, [&](const auto& p) { return other->handlers().contains(p); });
    if (chosen == protocols.end())
        raise(errc::protocol_refused);
    auto [mine, theirs] = aio::memory_pipe(executor_);
    const auto shared = std::make_shared<channel_state>();
    links_.at(peer).channels.push_back(shared);
    other->links_.at(self()).channels.push_back(shared);
    inbound in{std::make_unique<memory_stream>(std::move(theirs), other->upload_, shared, 1),
               *chosen, self(), address_};
    other->group_.spawn("stream",
                        other->serve(other->handlers().at(*chosen), std::move(in), shared));
    co_return opened{std::make_unique<memory_stream>(std::move(mine), upload_, shared, 0), *chosen};
}

awaitable<void> memory_host::connect(const peer_id& peer, std::vector<multiaddr> addresses) {
    if (peer == self())
        raise(errc::is_self);
    if (const auto until = banned_.find(peer);
        until != banned_.end() && until->second > std::chrono::steady_clock::now())
        raise(errc::banned);
    add_addresses(peer, addresses, recent_address);
    if (links_.contains(peer))
        co_return;
    const auto known = known_.find(peer);
    if (known == known_.end())
        raise(errc::no_address);
    auto* const other = reach(peer);
    if (!other || !known->second.contains(other->address_) || other->banned_.contains(self()))
        raise(errc::dial_failed);
    linked(*other, direction::outgoing);
    other->linked(*this, direction::incoming);
    identify(*other);
    other->identify(*this);
}

void memory_host::disconnect(const peer_id& peer) {
    auto* const other = reach(peer);
    unlink(peer);
    if (other)
        other->unlink(self());
}

void memory_host::ban(const peer_id& peer, std::string why,
                      std::chrono::steady_clock::duration duration) {
    log::debug("peer banned", {{"peer", peer.to_string()}, {"reason", why}});
    auto& until = banned_[peer];
    until = std::max(until, std::chrono::steady_clock::now() + duration);
    disconnect(peer);
}

void memory_host::add_addresses(const peer_id& peer, std::span<const multiaddr> addresses,
                                std::chrono::steady_clock::duration) {
    for (const auto& a : addresses)
        known_[peer].insert(a.without_peer());
}

std::vector<multiaddr> memory_host::addresses_of(const peer_id& peer) const {
    const auto known = known_.find(peer);
    if (known == known_.end())
        return {};
    return {known->second.begin(), known->second.end()};
}

std::vector<peer_info> memory_host::peers() const {
    std::vector<peer_info> out;
    for (const auto& [id, l] : links_)
        out.push_back(l.info);
    return out;
}

std::optional<peer_info> memory_host::find(const peer_id& peer) const {
    const auto l = links_.find(peer);
    return l == links_.end() ? std::nullopt : std::optional(l->second.info);
}

void memory_host::protocols_changed() {
    for (auto* other : network_.hosts_)
        if (links_.contains(other->self()))
            other->identify(*this);
}

memory_host* memory_host::reach(const peer_id& peer) const {
    const auto other =
        std::ranges::find_if(network_.hosts_, [&](const auto* h) { return h->self() == peer; });
    return other == network_.hosts_.end() ? nullptr : *other;
}

void memory_host::linked(memory_host& other, direction d) {
    link l{.info = {.id = other.self(),
                    .remote = other.address_,
                    .direction = d,
                    .agent = {},
                    .protocols = {},
                    .listen_addresses = {},
                    .round_trip = {}},
           .channels = {}};
    const auto [at, fresh] = links_.emplace(other.self(), std::move(l));
    if (fresh)
        tell(peer_event::kind::connected, at->second.info);
}

void memory_host::unlink(const peer_id& peer) {
    const auto l = links_.extract(peer);
    if (!l)
        return;
    for (const auto& c : l.mapped().channels)
        if (const auto shared = c.lock())
            shared->break_off(errc::connection_lost);
    tell(peer_event::kind::disconnected, l.mapped().info);
}

void memory_host::identify(const memory_host& other) {
    const auto l = links_.find(other.self());
    if (l == links_.end())
        return;
    auto& info = l->second.info;
    info.agent = "memory/1";
    info.listen_addresses = {other.address_};
    info.protocols.clear();
    for (const auto& [protocol, handler] : other.handlers())
        info.protocols.push_back(protocol);
    known_[other.self()].insert(other.address_);
    tell(peer_event::kind::identified, info);
}

void memory_host::tell(peer_event::kind what, const peer_info& who) {
    events().tell({what, who});
}

awaitable<void> memory_host::serve(stream_handler handler, inbound in,
                                   std::shared_ptr<channel_state> shared) {
    try {
        co_await handler(std::move(in));
    } catch (const std::exception& e) {
        shared->break_off(errc::stream_reset);
        log::debug("stream ended", {{"reason", e.what()}});
    }
}

}  // namespace dm::host
