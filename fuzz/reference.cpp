// links: oci
// Image names, platforms and repository paths: every accepted one has spellings that read back the
// same, and every refusal is one printable line.
#include <algorithm>
#include <span>

#include "base/bytes.hpp"
#include "oci/name_form.hpp"
#include "oci/platform.hpp"
#include "oci/reference.hpp"
#include "require.hpp"

using namespace dm;
using namespace dm::oci;

namespace {

void check(const reference& r) {
    require(!r.tag.empty() || r.digest);
    require(r.repository().size() <= repository_text_max && is_repository_path(r.path));
    require(parse_reference(r.canonical()) == r);
    require(parse_reference(r.familiar()) == r);
    const auto engine = parse_reference(r.engine_name());
    require(engine && engine->repository() == r.repository() && !engine->tag.empty());
    const auto form = parse_name_form(r.path, r.domain);
    require(form && std::get<repository_name>(*form).to_string() == r.repository());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto text = as_chars(std::as_bytes(std::span{data, size}));
    if (const auto r = parse_reference(text))
        check(*r);
    else
        require(
            std::ranges::none_of(r.error().message(), [](char c) { return c >= 0 && c < ' '; }));
    if (const auto form = parse_name_form(text)) {
        const auto host = text.substr(0, text.find('/'));
        require(is_repository_path(host.contains(':') ? text.substr(host.size() + 1) : text));
    }
    if (const auto p = parse_platform(text)) {
        require(normalise(*p) == *p);
        require(parse_platform(p->to_string()) == *p);
        require(match_rank(*p, *p) == 0u);
    }
    return 0;
}
