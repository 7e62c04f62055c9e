#include "libp2p/gossipsub/fields.hpp"
#include "libp2p/gossipsub/message.hpp"

/// RPCs on the wire.
namespace dm::gossipsub {
namespace {

using multiformats::append_proto_bytes;
using multiformats::append_proto_varint;
using multiformats::proto_field;
using multiformats::wire_type;

/// A backoff that a peer asks for is believed up to this.
constexpr std::uint64_t backoff_seconds_max = 24 * 3600;

template <class Take>
result<void> for_each_field(byte_view data, Take take) {
    return multiformats::for_each_field(data, errc::malformed_rpc, std::move(take));
}

result<void> expect(const proto_field& field, wire_type type) {
    return multiformats::expect_type(field, type, errc::malformed_rpc);
}

bool is_topic(std::string_view text) {
    return !text.empty() && text.size() <= topic_bytes_max;
}

/// Takes the fields that are bytes and numbered as in `out`.
template <class Take>
result<void> for_each_bytes(byte_view data, std::uint32_t last, Take take) {
    return for_each_field(data, [&](const proto_field& f) -> result<void> {
        if (f.number == 0 || f.number > last)
            return {};
        if (auto ok = expect(f, wire_type::bytes); !ok)
            return ok;
        take(f);
        return {};
    });
}

result<void> take_subscription(rpc& out, byte_view data) {
    subscription s{.is_on = false, .topic = {}};
    auto ok = for_each_field(data, [&](const proto_field& f) -> result<void> {
        if (f.number == subscription_is_on) {
            s.is_on = f.value != 0;
            return expect(f, wire_type::varint);
        }
        if (f.number != subscription_topic)
            return {};
        s.topic = as_chars(f.data);
        return expect(f, wire_type::bytes);
    });
    if (ok && is_topic(s.topic) && out.control.subscriptions.size() < subscriptions_max)
        out.control.subscriptions.push_back(std::move(s));
    return ok;
}

result<void> take_message(rpc& out, byte_view data) {
    message m;
    auto ok = for_each_bytes(data, message_key, [&](const proto_field& f) {
        switch (f.number) {
            case message_from:
                m.from = to_bytes(f.data);
                break;
            case message_data:
                m.data = to_bytes(f.data);
                break;
            case message_seqno:
                m.seqno = to_bytes(f.data);
                break;
            case message_topic:
                m.topic = as_chars(f.data);
                break;
            case message_signature:
                m.signature = to_bytes(f.data);
                break;
            default:
                m.key = to_bytes(f.data);
        }
    });
    if (ok && is_topic(m.topic) && out.messages.size() < messages_max)
        out.messages.push_back(std::move(m));
    return ok;
}

void take_id(std::vector<message_id>& out, byte_view id, std::size_t& budget) {
    if (budget == 0 || id.empty() || id.size() > message_id_bytes_max)
        return;
    --budget;
    out.emplace_back(as_chars(id));
}

result<void> take_ihave(control& out, byte_view data, std::size_t& budget) {
    ihave have;
    auto ok = for_each_bytes(data, ihave_id, [&](const proto_field& f) {
        if (f.number == ihave_topic)
            have.topic = as_chars(f.data);
        else
            take_id(have.ids, f.data, budget);
    });
    if (ok && is_topic(have.topic) && !have.ids.empty() && out.haves.size() < controls_max)
        out.haves.push_back(std::move(have));
    return ok;
}

result<void> take_graft(control& out, byte_view data) {
    std::string topic;
    auto ok =
        for_each_bytes(data, graft_topic, [&](const proto_field& f) { topic = as_chars(f.data); });
    if (ok && is_topic(topic) && out.grafts.size() < controls_max)
        out.grafts.push_back(std::move(topic));
    return ok;
}

result<void> take_prune(control& out, byte_view data) {
    prune p;
    auto ok = for_each_field(data, [&](const proto_field& f) -> result<void> {
        if (f.number == prune_backoff) {
            p.backoff = std::chrono::seconds(std::min(f.value, backoff_seconds_max));
            return expect(f, wire_type::varint);
        }
        if (f.number != prune_topic)
            return {};
        p.topic = as_chars(f.data);
        return expect(f, wire_type::bytes);
    });
    if (ok && is_topic(p.topic) && out.prunes.size() < controls_max)
        out.prunes.push_back(std::move(p));
    return ok;
}

result<void> take_control(control& out, byte_view data, std::size_t& budget) {
    return for_each_field(data, [&](const proto_field& f) -> result<void> {
        if (f.number == 0 || f.number > control_prune)
            return {};
        if (auto ok = expect(f, wire_type::bytes); !ok)
            return ok;
        switch (f.number) {
            case control_ihave:
                return take_ihave(out, f.data, budget);
            case control_iwant:
                return for_each_bytes(f.data, iwant_id, [&](const proto_field& id) {
                    take_id(out.wants, id.data, budget);
                });
            case control_graft:
                return take_graft(out, f.data);
            default:
                return take_prune(out, f.data);
        }
    });
}

}  // namespace

result<rpc> decode_rpc(byte_view data) {
    rpc out;
    std::size_t budget = ids_max;
    const auto ok = for_each_field(data, [&](const proto_field& f) -> result<void> {
        if (f.number == 0 || f.number > rpc_control)
            return {};
        if (auto typed = expect(f, wire_type::bytes); !typed)
            return typed;
        switch (f.number) {
            case rpc_subscription:
                return take_subscription(out, f.data);
            case rpc_publish:
                return take_message(out, f.data);
            default:
                return take_control(out.control, f.data, budget);
        }
    });
    if (!ok)
        return fail(ok.error());
    return out;
}

void append_message(bytes& rpc, byte_view encoded) {
    append_proto_bytes(rpc, rpc_publish, encoded);
}

std::size_t message_size_in_rpc(std::size_t encoded_bytes) noexcept {
    return 1 + multiformats::proto_varint_size(encoded_bytes) + encoded_bytes;
}

void append_control(bytes& rpc, const control& c) {
    for (const auto& s : c.subscriptions) {
        bytes one;
        append_proto_varint(one, subscription_is_on, s.is_on ? 1 : 0);
        append_proto_bytes(one, subscription_topic, as_bytes(s.topic));
        append_proto_bytes(rpc, rpc_subscription, one);
    }
    bytes out;
    for (const auto& have : c.haves) {
        bytes one;
        append_proto_bytes(one, ihave_topic, as_bytes(have.topic));
        for (const auto& id : have.ids)
            append_proto_bytes(one, ihave_id, as_bytes(id));
        append_proto_bytes(out, control_ihave, one);
    }
    if (!c.wants.empty()) {
        bytes one;
        for (const auto& id : c.wants)
            append_proto_bytes(one, iwant_id, as_bytes(id));
        append_proto_bytes(out, control_iwant, one);
    }
    for (const auto& topic : c.grafts) {
        bytes one;
        append_proto_bytes(one, graft_topic, as_bytes(topic));
        append_proto_bytes(out, control_graft, one);
    }
    for (const auto& p : c.prunes) {
        bytes one;
        append_proto_bytes(one, prune_topic, as_bytes(p.topic));
        if (p.backoff)
            append_proto_varint(one, prune_backoff, static_cast<std::uint64_t>(p.backoff->count()));
        append_proto_bytes(out, control_prune, one);
    }
    if (!out.empty())
        append_proto_bytes(rpc, rpc_control, out);
}

bytes encode_rpc(const rpc& r) {
    bytes out;
    append_control(out, r.control);
    for (const auto& m : r.messages)
        append_message(out, encode_message(m));
    return out;
}

}  // namespace dm::gossipsub
