#include "multiformats/dockerize.hpp"

#include <algorithm>

namespace dm::multiformats {
namespace {

bool is_sha2_256(const multihash& hash) {
    return hash.code() == hash_code::sha2_256 && hash.digest().size() == 32;
}

bool is_upper_case(char c) {
    return c >= 'A' && c <= 'Z';
}

}  // namespace

result<std::string> dockerize(const cid& root) {
    if (root.codec() != codec::dag_pb || !is_sha2_256(root.hash()))
        return fail(errc::malformed_name, root.to_string() + " has no ciq… form: use it as it is");
    return base32_encode(root.hash().to_bytes());
}

result<cid> undockerize(std::string_view name) {
    if (name.size() != dockerized_letters || std::ranges::any_of(name, is_upper_case))
        return fail(errc::malformed_name);
    const auto binary = base32_decode(name);
    if (!binary)
        return fail(errc::malformed_name);
    auto hash = parse_multihash(*binary);
    if (!hash || !is_sha2_256(*hash))
        return fail(errc::malformed_name);
    return cid(codec::dag_pb, *std::move(hash));
}

}  // namespace dm::multiformats
