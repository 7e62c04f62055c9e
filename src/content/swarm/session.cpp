#include "content/swarm/session.hpp"

#include <algorithm>
#include <cassert>

#include "base/varint.hpp"

namespace dm::swarm {

session::session() {
    send(hello{});
}

void session::send(const message& m) {
    assert(!std::holds_alternative<piece>(m));
    encode(control_, m);
}

void session::send_block(channel_no channel, std::uint32_t leaf, bytes data) {
    blocks_.push_back({channel, leaf, std::move(data)});
}

byte_view session::pending() {
    if (out_done_ == out_.size()) {
        out_.clear();
        out_done_ = 0;
        if (!control_.empty())
            out_.swap(control_);
        else if (!blocks_.empty())
            next_piece();
    }
    return byte_view(out_).subspan(out_done_);
}

void session::next_piece() {
    auto& b = blocks_.front();
    const auto n = std::min(piece_bytes_, b.data.size() - b.done);
    encode_head(out_, {b.channel, b.leaf, static_cast<std::uint32_t>(b.done), {}}, n);
    append(out_, byte_view(b.data).subspan(b.done, n));
    b.done += n;
    if (b.done == b.data.size()) {
        at_end_of_out_ = block_sent{b.channel, b.leaf};
        blocks_.pop_front();
    }
}

void session::sent(std::size_t n) {
    assert(n <= out_.size() - out_done_);
    out_done_ += n;
    if (out_done_ == out_.size() && at_end_of_out_)
        events_.push_back(*std::exchange(at_end_of_out_, std::nullopt));
}

result<void> session::feed(byte_view data) {
    if (!in_.empty()) {
        append(in_, data);
        data = in_;
    }
    std::size_t done = 0;
    while (done < data.size()) {
        const auto n = take_message(data.subspan(done));
        if (!n)
            return fail(n.error());
        if (*n == 0)
            break;
        done += *n;
    }
    if (in_.empty())
        in_ = to_bytes(data.subspan(done));
    else
        in_.erase(in_.begin(), in_.begin() + static_cast<std::ptrdiff_t>(done));
    return {};
}

/// Bytes of one message at the front; 0 when it is not complete.
result<std::size_t> session::take_message(byte_view data) {
    const auto length = read_varint(data);
    if (!length) {
        if (length.error() == varint_error::incomplete)
            return std::size_t{0};
        return fail(errc::malformed_message, "length of a message");
    }
    if (length->value > message_bytes_max)
        return fail(errc::too_large, "message");
    if (data.size() - length->size < length->value)
        return std::size_t{0};
    auto m = decode(data.subspan(length->size, length->value));
    if (!m)
        return fail(std::move(m.error()));
    if (*m)
        if (auto ok = accept(*std::move(*m)); !ok)
            return fail(std::move(ok.error()));
    return length->size + length->value;
}

result<void> session::accept(message m) {
    if (const auto* h = std::get_if<hello>(&m)) {
        if (std::exchange(greeted_, true))
            return fail(errc::out_of_order, "second hello");
        if (h->version < protocol_version)
            return fail(errc::unsupported_version);
        return {};
    }
    if (!greeted_)
        return fail(errc::out_of_order, "no hello");
    if (const auto* j = std::get_if<join>(&m)) {
        const auto size = j->size_known ? std::optional(j->size) : std::nullopt;
        auto& known = channels_[j->channel];
        if (incoming_ && incoming_->channel == j->channel && known != size)
            incoming_.reset();
        known = size;
    } else {
        const auto channel = std::visit(
            [](const auto& x) -> std::optional<channel_no> {
                if constexpr (requires { x.channel; })
                    return x.channel;
                else
                    return std::nullopt;
            },
            m);
        if (!channel || !channels_.contains(*channel))
            return fail(errc::out_of_order, "blob that was not joined");
        if (std::holds_alternative<leave>(m)) {
            channels_.erase(*channel);
            if (incoming_ && incoming_->channel == *channel)
                incoming_.reset();
        }
    }
    if (const auto* p = std::get_if<piece>(&m))
        return take_piece(*p);
    if (events_.size() >= events_max)
        return fail(errc::too_large, "too many messages at once");
    events_.emplace_back(std::move(m));
    return {};
}

result<void> session::take_piece(const piece& p) {
    const auto size = channels_.at(p.channel);
    if (!size || p.leaf >= leaf_count(*size))
        return fail(errc::out_of_order, "a leaf that there is not");
    const auto whole =
        std::min<std::uint64_t>(leaf_bytes, *size - std::uint64_t{p.leaf} * leaf_bytes);
    if (p.offset == 0) {
        if (incoming_)
            return fail(errc::out_of_order, "a leaf within a leaf");
        incoming_ = incoming{p.channel, p.leaf, {}};
        incoming_->data.reserve(whole);
    }
    if (!incoming_ || incoming_->channel != p.channel || incoming_->leaf != p.leaf ||
        incoming_->data.size() != p.offset || p.offset + p.data.size() > whole ||
        (p.data.empty() && whole != 0))
        return fail(errc::out_of_order, "piece");
    append(incoming_->data, p.data);
    events_.emplace_back(piece_received{p.channel, p.leaf, p.data.size()});
    if (incoming_->data.size() == whole) {
        events_.emplace_back(block_received{p.channel, p.leaf, std::move(incoming_->data)});
        incoming_.reset();
    }
    return {};
}

std::optional<session_event> session::poll() {
    if (events_.empty())
        return std::nullopt;
    auto out = std::move(events_.front());
    events_.pop_front();
    return out;
}

}  // namespace dm::swarm
