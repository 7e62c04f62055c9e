#include "libp2p/host/wire.hpp"

#include <algorithm>

#include "crypto/random.hpp"
#include "libp2p/host/probe.hpp"

namespace dm::host {
namespace {

/// What both sides say first. Spec: multistream-select 1.0.
constexpr std::string_view multistream_header = "\x13/multistream/1.0.0\n";

}  // namespace

awaitable<void> wire::protect(pnet::swarm_key key) {
    pnet::nonce_bytes mine;
    crypto::fill_random(mine);
    co_await carrier_->write(mine);  // at once: the other side may wait for it
    pnet::nonce_bytes theirs;
    co_await read_exactly(theirs);
    protector_ = std::make_unique<pnet::protector>(key, mine, theirs);
}

awaitable<void> wire::protect_with_either(pnet::swarm_key key, pnet::swarm_key other) {
    pnet::nonce_bytes mine;
    crypto::fill_random(mine);
    co_await carrier_->write(mine);
    pnet::nonce_bytes theirs;
    co_await read_exactly(theirs);
    bytes first(multistream_header.size());
    co_await read_exactly(first);
    for (const auto& k : {key, other}) {
        auto candidate = std::make_unique<pnet::protector>(k, mine, theirs);
        auto plain = first;
        candidate->incoming(plain);
        if (as_chars(byte_view(plain)) != multistream_header)
            continue;
        protector_ = std::move(candidate);
        recognised_ = plain.size();
        early_ = std::move(plain);
        co_return;
    }
    raise(pnet::errc::other_network);
}

awaitable<std::size_t> wire::read_some(std::span<std::byte> into) {
    if (!early_.empty()) {
        const auto n = std::min(early_.size(), into.size());
        std::copy_n(early_.begin(), n, into.begin());
        early_.erase(early_.begin(), early_.begin() + static_cast<std::ptrdiff_t>(n));
        co_return n;
    }
    const auto n = co_await carrier_->read_some(into);
    received_ += n;
    count_received(n);
    if (protector_) {
        protector_->incoming(into.first(n));
        for (std::size_t i = 0; i < n && recognised_ < multistream_header.size(); ++i)
            if (static_cast<char>(into[i]) != multistream_header[recognised_++])
                raise(pnet::errc::other_network);
    }
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
