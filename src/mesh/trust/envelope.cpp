#include "mesh/trust/envelope.hpp"

#include "base/json/read.hpp"
#include "crypto/base64.hpp"

namespace dm::trust {
namespace {

constexpr std::string_view domain = "distromash record 1";
constexpr std::string_view before_signature = R"(,"sig":")";
constexpr std::string_view end_of_text = "\"}";
constexpr json::read_limits limits{
    .bytes_max = envelope_bytes_max, .depth_max = 16, .values_max = 10'000};

bytes what_is_signed(std::string_view key, std::string_view body) {
    bytes out = to_bytes(domain);
    out.push_back(std::byte{0});
    for (int shift = 24; shift >= 0; shift -= 8)
        out.push_back(static_cast<std::byte>(key.size() >> shift));
    append(out, key);
    append(out, body);
    return out;
}

/// A signed text, cut in two.
struct parts {
    std::string body;  ///< the object without "sig"
    std::string_view signature;
};

result<parts> split(std::string_view text) {
    const auto at = text.rfind(before_signature);
    if (text.size() > envelope_bytes_max || at == std::string_view::npos ||
        !text.ends_with(end_of_text))
        return fail(errc::malformed_envelope, "no signature at the end");
    const auto begin = at + before_signature.size();
    if (begin + end_of_text.size() > text.size())
        return fail(errc::malformed_envelope, "no signature at the end");
    return parts{std::string(text.substr(0, at)) + "}",
                 text.substr(begin, text.size() - end_of_text.size() - begin)};
}

/// What the body says of itself, and the key that it has to be signed with.
struct claim {
    trust::envelope envelope;
    crypto::public_key key;
};

result<claim> read_body(std::string_view body) {
    const auto malformed = [](std::string_view what) {
        return fail(errc::malformed_envelope, std::string(what));
    };
    const auto value = json::read(body, limits);
    if (!value || !value->is_object() || value->contains("sig"))
        return malformed("no JSON object");
    // One spelling only: a record that was signed once cannot be passed off as several.
    if (json::write(*value) != body)
        return malformed("the JSON is not in its canonical form");
    const auto* author_text = json::string_member(*value, "author");
    const auto author = author_text ? multiformats::parse_peer_id(*author_text)
                                    : result<peer_id>(fail(errc::malformed_envelope));
    if (!author || author->to_string() != *author_text)
        return malformed("author");
    const auto sequence = json::unsigned_member(*value, "seq");
    if (!sequence || *sequence >= sequence_max)
        return malformed("seq");
    auto key = author->inlined_key();
    if (const auto* key_text = json::string_member(*value, "author_key"); key_text && !key) {
        const auto data = crypto::base64_decode(*key_text);
        const auto read = data ? multiformats::unmarshal_public_key(*data)
                               : result<crypto::public_key>(fail(errc::malformed_envelope));
        if (read && author->matches(*read))
            key = *read;
    }
    if (!key)
        return malformed("the author's key");
    return claim{{.author = *author,
                  .sequence = *sequence,
                  .is_deleted = json::bool_member(*value, "deleted").value_or(false)},
                 *std::move(key)};
}

std::string seal_value(const crypto::private_key& author, std::string_view key,
                       nlohmann::json value, std::uint64_t sequence) {
    const peer_id id(author.public_key());
    value.erase("sig");
    value.erase("author_key");
    value["author"] = id.to_string();
    value["seq"] = sequence;
    if (!id.inlined_key())
        value["author_key"] = crypto::base64_encode(multiformats::marshal(author.public_key()));
    auto out = json::write(value);
    const auto signature = author.sign(what_is_signed(key, out));
    out.pop_back();
    out += before_signature;
    out += crypto::base64_encode(signature);
    out += end_of_text;
    return out;
}

}  // namespace

result<std::string> seal(const crypto::private_key& author, std::string_view key,
                         std::string_view record, std::uint64_t sequence) {
    auto value = json::read(record, limits);
    if (!value || !value->is_object())
        return fail(errc::malformed_envelope, "the record is no JSON object");
    value->erase("deleted");
    return seal_value(author, key, *std::move(value), sequence);
}

std::string seal_deletion(const crypto::private_key& author, std::string_view key,
                          std::uint64_t sequence) {
    return seal_value(author, key, {{"v", 1}, {"deleted", true}}, sequence);
}

result<envelope> read_envelope(std::string_view text) {
    const auto cut = split(text);
    if (!cut)
        return fail(cut.error());
    if (!crypto::base64_decode(cut->signature))
        return fail(errc::malformed_envelope, "the signature is no base64");
    auto said = read_body(cut->body);
    if (!said)
        return fail(said.error());
    return said->envelope;
}

result<envelope> open(std::string_view key, std::string_view text) {
    const auto cut = split(text);
    if (!cut)
        return fail(cut.error());
    const auto signature = crypto::base64_decode(cut->signature);
    if (!signature)
        return fail(errc::malformed_envelope, "the signature is no base64");
    const auto said = read_body(cut->body);
    if (!said)
        return fail(said.error());
    if (!said->key.verify(what_is_signed(key, cut->body), *signature))
        return fail(errc::bad_signature);
    return said->envelope;
}

bool says_the_same(std::string_view a, std::string_view b) {
    auto left = json::read(a, limits);
    auto right = json::read(b, limits);
    if (!left || !right || !left->is_object() || !right->is_object())
        return a == b;
    for (const char* about : {"author", "author_key", "seq", "sig"}) {
        left->erase(about);
        right->erase(about);
    }
    return *left == *right;
}

}  // namespace dm::trust
