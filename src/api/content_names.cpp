#include "api/content_names.hpp"

#include <fmt/format.h>

#include "api/errc.hpp"
#include "multiformats/dockerize.hpp"

namespace dm::api {

multiformats::cid parse_content_name(std::string_view text) {
    constexpr std::string_view prefix = "/ipfs/";
    if (text.starts_with(prefix))
        text.remove_prefix(prefix.size());
    if (auto root = multiformats::undockerize(text))
        return *std::move(root);
    auto root = multiformats::parse_cid(text);
    if (!root)
        raise(errc::invalid_parameter,
              fmt::format("{} is no CID", text.substr(0, multiformats::cid_text_max)));
    return *std::move(root);
}

}  // namespace dm::api
