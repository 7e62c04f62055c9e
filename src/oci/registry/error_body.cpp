#include "oci/registry/error_body.hpp"

#include <nlohmann/json.hpp>

#include "http/server/errc.hpp"
#include "oci/registry/errc.hpp"

namespace dm::registry {
namespace {

/// For failures of other modules, by their status.
const char* code_of_status(int status) noexcept {
    switch (status) {
        case 401:
            return "UNAUTHORIZED";
        case 403:
            return "DENIED";
        case 404:
            return name_of(errc::name_unknown);
        case 405:
        case 501:
            return "UNSUPPORTED";
        case 413:
            return "SIZE_INVALID";
        case 429:
            return "TOOMANYREQUESTS";
        default:
            return "UNKNOWN";
    }
}

}  // namespace

server::content error_body(const server::problem& p) {
    const bool ours = p.cause.category() == errc_category<errc>::instance();
    const char* code =
        ours ? name_of(static_cast<errc>(p.cause.value())) : code_of_status(p.status);
    if (p.cause == server::errc::malformed_target)
        code = name_of(errc::name_invalid);
    const nlohmann::ordered_json entry{
        {"code", code}, {"message", p.message}, {"detail", nlohmann::json::object()}};
    const nlohmann::ordered_json body{{"errors", nlohmann::ordered_json::array({entry})}};
    return {"application/json",
            body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n"};
}

awaitable<void> send_unmet(server::response_writer& out, error why, server::header_list headers) {
    auto body = error_body(server::problem_of(why));
    headers.add("Content-Type", std::move(body.type));
    co_await out.send(416, std::move(headers), std::move(body.text));
}

}  // namespace dm::registry
