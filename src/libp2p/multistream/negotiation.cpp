#include "libp2p/multistream/negotiation.hpp"

#include <algorithm>
#include <cassert>

#include "base/varint.hpp"

namespace dm::multistream {
namespace {

constexpr std::string_view header = "/multistream/1.0.0";
constexpr std::string_view refusal = "na";
/// A length of message_bytes_max takes two bytes.
constexpr std::size_t length_bytes_max = 2;

}  // namespace

negotiation negotiation::propose(std::vector<std::string> protocols) {
    assert(!protocols.empty());
    negotiation out;
    out.proposals_ = std::move(protocols);
    out.send(header);
    out.send(out.proposals_.front());
    return out;
}

negotiation negotiation::answer(accepts known) {
    negotiation out;
    out.known_ = std::move(known);
    out.send(header);
    return out;
}

std::size_t negotiation::wanted() const noexcept {
    if (chosen_)
        return 0;
    const auto length = read_varint(in_);
    return length ? length->value + length->size - in_.size() : 1;
}

result<std::size_t> negotiation::feed(byte_view data) {
    std::size_t taken = 0;
    while (!chosen_ && taken < data.size()) {
        const auto n = std::min(wanted(), data.size() - taken);
        append(in_, data.subspan(taken, n));
        taken += n;
        const auto length = read_varint(in_);
        if (!length) {
            if (length.error() == varint_error::malformed || in_.size() >= length_bytes_max)
                return fail(errc::too_long);
            continue;
        }
        if (length->value > message_bytes_max)
            return fail(errc::too_long);
        if (length->value == 0)
            return fail(errc::malformed, "an empty message");
        if (in_.size() < length->size + length->value)
            continue;
        const auto text = std::string(as_chars(byte_view(in_).subspan(length->size)));
        in_.clear();
        if (text.back() != '\n')
            return fail(errc::malformed, "a message without newline");
        if (const auto ok = message(std::string_view(text).substr(0, text.size() - 1)); !ok)
            return fail(ok.error());
    }
    return taken;
}

void negotiation::send(std::string_view text) {
    append_varint(out_, text.size() + 1);
    append(out_, text);
    append(out_, "\n");
}

result<void> negotiation::message(std::string_view text) {
    if (!header_seen_) {
        if (text != header)
            return fail(errc::malformed, "the other side speaks another protocol");
        header_seen_ = true;
        return {};
    }
    return proposals_.empty() ? proposed(text) : answered(text);
}

result<void> negotiation::answered(std::string_view text) {
    if (text == proposals_[current_]) {
        chosen_ = proposals_[current_];
        return {};
    }
    if (text != refusal)
        return fail(errc::malformed, "an answer to something else");
    if (++current_ == proposals_.size())
        return fail(errc::none_in_common);
    send(proposals_[current_]);
    return {};
}

result<void> negotiation::proposed(std::string_view text) {
    if (++current_ > proposals_max)
        return fail(errc::too_many);
    const std::string protocol(text);
    if (!known_(protocol)) {
        send(refusal);
        return {};
    }
    send(text);
    chosen_ = protocol;
    return {};
}

}  // namespace dm::multistream
