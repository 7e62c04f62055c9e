// links: upstream
// What registries, token servers and credential files say: read without failing, and nothing that
// is read can break out of the header, URL or sentence that it goes into.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "oci/upstream/credentials.hpp"
#include "oci/upstream/endpoint.hpp"
#include "oci/upstream/exchange.hpp"
#include "oci/upstream/token.hpp"
#include "require.hpp"

using namespace dm;
using namespace dm::upstream;

namespace {

bool is_printable(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return c >= 0x20 && c < 0x7f; });
}

void try_challenge(const std::string& text) {
    const auto offered = schemes_in({401, {{"WWW-Authenticate", text}}, ""});
    if (!offered.bearer)
        return;
    const credential who{credential::kind::password, "user", "secret"};
    require(
        syntax::parse_url(token_get(*offered.bearer, offered.bearer->scope, who).url).has_value());
    require(is_printable(token_post(*offered.bearer, offered.bearer->scope, who).body));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0)
        return 0;
    const std::string text(reinterpret_cast<const char*>(data + 1), size - 1);
    switch (data[0] % 5) {
        case 0:
            if (const auto t = parse_token(text))
                require(is_printable(t->value) && t->lifetime.count() >= 60);
            break;
        case 1:
            if (const auto file = parse_credential_file(text)) {
                static_cast<void>(file->find("r.example", "a/b"));
                static_cast<void>(file->helper_for("docker.io"));
            }
            break;
        case 2:
            require(registry_message(text).size() < 300);
            require(!registry_message(text).contains('\n'));
            break;
        case 3:
            if (const auto m = parse_mapping(text))
                require(endpoint_of(m->first, {*m})->url("a", "manifests/b").contains("/v2/a/"));
            break;
        default:
            try_challenge(text);
    }
    return 0;
}
