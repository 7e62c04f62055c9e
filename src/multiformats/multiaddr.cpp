#include "multiformats/multiaddr.hpp"

#include <cassert>

#include "base/varint.hpp"
#include "multiformats/multiaddr_value.hpp"
#include "multiformats/take_varint.hpp"

namespace dm::multiformats {
namespace {

/// Reads one component from the front of `data` and moves past it.
result<multiaddr_component> take_component(byte_view& data) {
    const auto code = take_varint(data);
    if (!code)
        return fail(errc::malformed_multiaddr);
    const auto* entry = find_protocol(*code);
    if (!entry)
        return fail(errc::unknown_protocol,
                    "unknown multiaddress protocol " + std::to_string(*code));
    std::uint64_t size = entry->size;
    if (entry->size == any_size) {
        const auto length = take_varint(data);
        if (!length)
            return fail(errc::malformed_multiaddr);
        size = *length;
    }
    if (size > data.size())
        return fail(errc::malformed_multiaddr);
    const multiaddr_component out{entry->code, data.first(static_cast<std::size_t>(size))};
    if (!is_valid_value(*entry, out.value))
        return fail(errc::malformed_multiaddr,
                    "malformed value of /" + std::string(entry->name) + " in a multiaddress");
    data = data.subspan(out.value.size());
    return out;
}

void append_component(bytes& out, const protocol_entry& entry, byte_view value) {
    append_varint(out, static_cast<std::uint64_t>(entry.code));
    if (entry.size == any_size)
        append_varint(out, value.size());
    append(out, value);
}

/// The text up to the next slash; moves `text` past it.
std::string_view take_word(std::string_view& text) {
    const auto word = text.substr(0, text.find('/'));
    text.remove_prefix(std::min(word.size() + 1, text.size()));
    return word;
}

/// The components of a text without its first slash and trailing ones.
result<bytes> binary_of(std::string_view text) {
    bytes out;
    while (!text.empty()) {
        const auto name = take_word(text);
        const auto* entry = find_protocol(name);
        if (name.empty())
            return fail(errc::malformed_multiaddr, "empty component in a multiaddress");
        if (!entry)
            return fail(errc::unknown_protocol,
                        "unknown multiaddress protocol " + std::string(name));
        std::string word;
        if (entry->kind == value_kind::path) {
            word = "/" + std::string(text);
            text = {};
        } else if (entry->kind != value_kind::none) {
            word = take_word(text);
        }
        const auto value = value_from_text(*entry, word);
        if (!value || !is_valid_value(*entry, *value))
            return fail(errc::malformed_multiaddr, "missing or malformed value of /" +
                                                       std::string(name) + " in a multiaddress");
        append_component(out, *entry, *value);
    }
    return out;
}

}  // namespace

std::string multiaddr_component::text() const {
    const auto* entry = find_protocol(static_cast<std::uint64_t>(code));
    return entry ? value_to_text(*entry, value) : std::string();
}

std::vector<multiaddr_component> multiaddr::components() const {
    std::vector<multiaddr_component> out;
    byte_view rest = bytes_;
    while (!rest.empty()) {
        const auto component = take_component(rest);
        assert(component);
        out.push_back(*component);
    }
    return out;
}

std::string multiaddr::to_string() const {
    std::string out;
    for (const auto& component : components()) {
        const auto* entry = find_protocol(static_cast<std::uint64_t>(component.code));
        out += '/';
        out += entry->name;
        if (entry->kind == value_kind::none)
            continue;
        if (entry->kind != value_kind::path)
            out += '/';
        out += value_to_text(*entry, component.value);
    }
    return out;
}

std::optional<peer_id> multiaddr::peer() const {
    const auto all = components();
    if (all.empty() || all.back().code != protocol::p2p)
        return std::nullopt;
    auto id = peer_id::from_bytes(all.back().value);
    assert(id);
    return *id;
}

multiaddr multiaddr::without_peer() const {
    const auto id = peer();
    if (!id)
        return *this;
    dm::bytes suffix;
    append_component(suffix, *find_protocol("p2p"), id->bytes());
    return multiaddr(to_bytes(byte_view{bytes_}.first(bytes_.size() - suffix.size())));
}

multiaddr multiaddr::with_peer(const peer_id& id) const {
    auto out = without_peer();
    append_component(out.bytes_, *find_protocol("p2p"), id.bytes());
    return out;
}

result<multiaddr> parse_multiaddr(byte_view data) {
    if (data.empty())
        return fail(errc::malformed_multiaddr, "empty multiaddress");
    if (data.size() > multiaddr_bytes_max)
        return fail(errc::too_long, "multiaddress is too long");
    for (auto rest = data; !rest.empty();) {
        const auto component = take_component(rest);
        if (!component)
            return std::unexpected(component.error());
        // Its text takes all that follows, so nothing can follow.
        if (component->code == protocol::unix_path && !rest.empty())
            return fail(errc::malformed_multiaddr);
    }
    return multiaddr(to_bytes(data));
}

result<multiaddr> parse_multiaddr(std::string_view text) {
    if (text.size() > multiaddr_text_max)
        return fail(errc::too_long, "multiaddress is too long");
    if (!text.starts_with('/'))
        return fail(errc::malformed_multiaddr, "a multiaddress starts with /");
    text.remove_prefix(1);
    while (text.ends_with('/'))
        text.remove_suffix(1);
    if (text.empty())
        return fail(errc::malformed_multiaddr, "empty multiaddress");
    auto binary = binary_of(text);
    if (!binary)
        return std::unexpected(std::move(binary.error()));
    if (binary->size() > multiaddr_bytes_max)
        return fail(errc::too_long, "multiaddress is too long");
    return multiaddr(*std::move(binary));
}

}  // namespace dm::multiformats
