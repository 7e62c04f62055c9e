#include "libp2p/host/wire.hpp"

#include "crypto/random.hpp"
#include "libp2p/host/probe.hpp"

namespace dm::host {

awaitable<void> wire::protect(const pnet::swarm_key& key) {
    pnet::nonce_bytes mine;
    crypto::fill_random(mine);
    co_await carrier_->write(mine);  // at once: the other side may wait for it
    pnet::nonce_bytes theirs;
    co_await read_exactly(theirs);
    protector_ = std::make_unique<pnet::protector>(key, mine, theirs);
}

awaitable<std::size_t> wire::read_some(std::span<std::byte> into) {
    const auto n = co_await carrier_->read_some(into);
    received_ += n;
    count_received(n);
    if (protector_)
        protector_->incoming(into.first(n));
    co_return n;
}

awaitable<void> wire::read_exactly(std::span<std::byte> into) {
    while (!into.empty()) {
        const auto n = co_await read_some(into);
        if (n == 0)
            raise(aio::errc::end_of_stream);
        into = into.subspan(n);
    }
}

awaitable<void> wire::write(std::span<std::byte> data) {
    if (protector_)
        protector_->outgoing(data);
    co_await carrier_->write(data);
    sent_ += data.size();
    count_sent(data.size());
}

}  // namespace dm::host
