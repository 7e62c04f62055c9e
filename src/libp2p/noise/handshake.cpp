#include "libp2p/noise/handshake.hpp"

#include <algorithm>

namespace dm::noise {
namespace {

constexpr std::size_t length_size = 2;

std::size_t read_length(byte_view data) {
    return static_cast<std::size_t>(to_u8(data[0]) << 8 | to_u8(data[1]));
}

}  // namespace

handshake::handshake(role r, const local_party& local, crypto::x25519_key ephemeral,
                     std::optional<multiformats::peer_id> expected)
    : local_(local),
      expected_(std::move(expected)),
      role_(r),
      xx_(r, local.static_key, std::move(ephemeral)) {
    if (xx_.may_write())
        say();
}

std::size_t handshake::wanted() const noexcept {
    if (done())
        return 0;
    if (in_.size() < length_size)
        return length_size - in_.size();
    return length_size + read_length(in_) - in_.size();
}

result<std::size_t> handshake::feed(byte_view data) {
    std::size_t taken = 0;
    while (!done() && taken < data.size()) {
        const auto n = std::min(wanted(), data.size() - taken);
        append(in_, data.subspan(taken, n));
        taken += n;
        if (in_.size() < length_size)
            continue;
        if (read_length(in_) > handshake_bytes_max)
            return fail(errc::too_long);
        if (in_.size() < length_size + read_length(in_))
            continue;
        const auto message = std::move(in_);
        in_.clear();
        if (const auto ok = hear(byte_view(message).subspan(length_size)); !ok)
            return fail(ok.error());
        if (xx_.may_write())
            say();
    }
    return taken;
}

std::optional<std::string> handshake::muxer() const {
    const auto& proposed = role_ == role::initiator ? local_.muxers : remote_->muxers;
    const auto& known = role_ == role::initiator ? remote_->muxers : local_.muxers;
    const auto match = std::ranges::find_first_of(proposed, known);
    return match == proposed.end() ? std::nullopt : std::optional(*match);
}

void handshake::say() {
    const bool first = role_ == role::initiator && !remote_;
    const auto message = xx_.write(
        first ? bytes{}
              : encode_payload(local_.identity, local_.static_key.public_bytes(), local_.muxers));
    out_.push_back(static_cast<std::byte>(message.size() >> 8));
    out_.push_back(static_cast<std::byte>(message.size()));
    append(out_, message);
}

result<void> handshake::hear(byte_view message) {
    const bool first = role_ == role::responder && out_.empty();
    const auto data = xx_.read(message);
    if (!data)
        return fail(data.error());
    if (first)
        return {};  // nothing in message 1 can be trusted
    auto p = decode_payload(*data);
    if (!p)
        return fail(std::move(p.error()));
    if (!is_signed(*p, xx_.remote_static()))
        return fail(errc::wrong_signature);
    if (expected_ && !expected_->matches(p->identity))
        return fail(errc::wrong_peer, "another peer answers there, " +
                                          multiformats::peer_id(p->identity).to_string());
    remote_ = *std::move(p);
    return {};
}

}  // namespace dm::noise
