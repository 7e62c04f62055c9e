#include "content/swarm/session.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>

#include "base/varint.hpp"

namespace dm::swarm {

session::session(leaf_buffers* spare) : spare_(spare) {
    send(hello{});
}

void session::send(const message& m) {
    assert(!std::holds_alternative<piece>(m));
    encode(control_, m);
}

void session::send_block(channel_no channel, std::uint32_t leaf, leaf_buffer data) {
    blocks_.push_back({channel, leaf, std::move(data)});
}

byte_view session::pending() {
    if (out_done_ < out_.size())
        return byte_view(out_).subspan(out_done_);
    if (!piece_.empty())
        return piece_;
    out_.clear();
    out_done_ = 0;
    if (!control_.empty()) {
        out_.swap(control_);
        return out_;
    }
    if (!blocks_.empty())
        next_piece();
    return piece_;
}

/// The head is written over what was sent before.
void session::next_piece() {
    auto& b = blocks_.front();
    const auto n = std::min(piece_bytes_, b.data.size() - b.done);
    bytes head;
    encode_head(head, {b.channel, b.leaf, static_cast<std::uint32_t>(b.done), {}}, n);
    piece_ = b.data.put_before(b.done, head, n);
    b.done += n;
}

void session::sent(std::size_t n) {
    if (out_done_ < out_.size()) {
        assert(n <= out_.size() - out_done_);
        out_done_ += n;
        return;
    }
    assert(n <= piece_.size());
    piece_ = piece_.subspan(n);
    if (n == 0 || !piece_.empty())
        return;
    if (const auto& b = blocks_.front(); b.done == b.data.size()) {
        events_.emplace_back(block_sent{b.channel, b.leaf});
        blocks_.pop_front();
    }
}

std::span<std::byte> session::room() {
    if (piece_left_ > 0)
        return incoming_->data.data().subspan(incoming_->have, piece_left_);
    if (head_room_.empty())
        head_room_.resize(head_room_bytes);
    return head_room_;
}

result<void> session::filled(std::size_t n) {
    if (piece_left_ == 0)
        return feed(byte_view(head_room_).first(n));
    body_came(n);
    return {};
}

result<void> session::feed(byte_view data) {
    while (!data.empty()) {
        if (piece_left_ > 0) {
            data = take_body(data);
            continue;
        }
        if (!in_.empty()) {
            if (auto ok = take_incomplete(data); !ok)
                return ok;
            continue;
        }
        const auto n = take_message(data);
        if (!n)
            return fail(n.error());
        if (*n == 0) {
            in_ = to_bytes(data);
            return {};
        }
        data = data.subspan(*n);
    }
    return {};
}

/// Adds to the message that is not complete: no more than belongs to it.
result<void> session::take_incomplete(byte_view& data) {
    std::size_t want = 1;
    if (const auto length = read_varint(in_)) {
        const auto whole = length->size + length->value;
        want = in_.size() < piece_head_bytes_max ? piece_head_bytes_max - in_.size() : whole;
        want = std::min<std::size_t>(want, whole - in_.size());
    }
    const auto n = std::min(want, data.size());
    append(in_, data.first(n));
    data = data.subspan(n);
    const auto used = take_message(in_);
    if (!used)
        return fail(used.error());
    if (*used == 0)
        return {};
    const auto whole = std::exchange(in_, {});
    take_body(byte_view(whole).subspan(*used));
    return {};
}

/// What is left of `data` behind the piece that comes.
byte_view session::take_body(byte_view data) {
    const auto n = std::min(data.size(), piece_left_);
    if (n == 0)
        return data;
    std::memcpy(incoming_->data.data().data() + incoming_->have, data.data(), n);
    body_came(n);
    return data.subspan(n);
}

void session::body_came(std::size_t n) {
    incoming_->have += n;
    piece_left_ -= n;
    if (piece_left_ > 0)
        return;
    auto& i = *incoming_;
    events_.emplace_back(piece_received{i.channel, i.leaf, piece_bytes_coming_});
    if (i.have == i.data.size()) {
        events_.emplace_back(block_received{i.channel, i.leaf, std::move(i.data)});
        incoming_.reset();
    }
}

/// Bytes of one message at the front, or of the head of a piece; 0 when it is not complete.
result<std::size_t> session::take_message(byte_view data) {
    const auto length = read_varint(data);
    if (!length) {
        if (length.error() == varint_error::incomplete)
            return std::size_t{0};
        return fail(errc::malformed_message, "length of a message");
    }
    if (length->value > message_bytes_max)
        return fail(errc::too_large, "message");
    if (const auto p = read_piece_head(data.subspan(length->size), length->value)) {
        if (auto ok = begin_piece(*p); !ok)
            return fail(std::move(ok.error()));
        return length->size + p->size;
    }
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
    if (const auto* p = std::get_if<piece>(&m)) {
        if (auto ok = begin_piece(
                {p->channel, p->leaf, p->offset, static_cast<std::uint32_t>(p->data.size()), 0});
            !ok)
            return ok;
        take_body(p->data);
        return {};
    }
    if (events_.size() >= events_max)
        return fail(errc::too_large, "too many messages at once");
    events_.emplace_back(std::move(m));
    return {};
}

/// A piece whose data follows.
result<void> session::begin_piece(const piece_head& p) {
    if (!greeted_)
        return fail(errc::out_of_order, "no hello");
    const auto known = channels_.find(p.channel);
    if (known == channels_.end())
        return fail(errc::out_of_order, "blob that was not joined");
    const auto size = known->second;
    if (!size || p.leaf >= leaf_count(*size))
        return fail(errc::out_of_order, "a leaf that there is not");
    const auto whole =
        std::min<std::uint64_t>(leaf_bytes, *size - std::uint64_t{p.leaf} * leaf_bytes);
    if (p.offset == 0) {
        if (incoming_)
            return fail(errc::out_of_order, "a leaf within a leaf");
        incoming_ = incoming{p.channel, p.leaf, leaf_buffer(whole, spare_)};
    }
    if (!incoming_ || incoming_->channel != p.channel || incoming_->leaf != p.leaf ||
        incoming_->have != p.offset || p.offset + std::uint64_t{p.data_bytes} > whole ||
        (p.data_bytes == 0 && whole != 0))
        return fail(errc::out_of_order, "piece");
    piece_bytes_coming_ = piece_left_ = p.data_bytes;
    if (piece_left_ == 0)
        body_came(0);  // the one leaf of an empty blob
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
