// links: registry
// What a client of the registry writes into paths and headers of a push.
#include <span>

#include "base/bytes.hpp"
#include "oci/reference.hpp"
#include "oci/registry/asked.hpp"
#include "oci/registry/chunk_range.hpp"
#include "require.hpp"

using namespace dm;
using namespace dm::registry;

namespace {

void check_chunk(std::string_view text) {
    const auto range = parse_chunk_range(text);
    if (!range)
        return;
    require(range->size > 0 && range->last() >= range->first);
    require(parse_chunk_range(std::to_string(range->first) + "-" + std::to_string(range->last())) ==
            *range);
}

std::vector<std::string> segments_of(std::string_view text) {
    std::vector<std::string> out;
    for (;;) {
        const auto slash = text.find('/');
        out.emplace_back(text.substr(0, slash));
        if (slash == text.npos)
            return out;
        text.remove_prefix(slash + 1);
    }
}

/// What can be pushed never has the name of somebody else's image.
void check_path(std::string_view text) {
    auto path = parse_route(segments_of(text));
    if (!path || path->name.empty())
        return;
    try {
        const auto a = understand(*path, {});
        if (!a.repository)
            return;
        require(!a.repository->starts_with("library/"));
        require(a.meanings().front() == oci::name_form(oci::repository_name{
                                            std::string(oci::fleet_domain), *a.repository}));
        require(!understand(*path, "docker.io").repository);
    } catch (const failure&) {  // no name at all
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto text = as_chars(std::as_bytes(std::span{data, size}));
    check_chunk(text);
    check_path(text);
    try {
        digest_in(text);
    } catch (const failure&) {  // no digest
    }
    return 0;
}
