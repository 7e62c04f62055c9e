#include "api/operator_routes.hpp"

#include <fmt/format.h>

#include "api/answer.hpp"
#include "api/errc.hpp"

namespace dm::api {
namespace {

using server::request;
using server::response_writer;

constexpr std::size_t body_bytes_max = 4096;

multiformats::peer_id parsed(std::string_view text) {
    const auto id = multiformats::parse_peer_id(text);
    if (!id)
        raise(errc::invalid_field, fmt::format("\"{}\" is no peer id", text));
    return *id;
}

class operator_routes {
  public:
    explicit operator_routes(trust::operators& all) : all_(all) {}

    awaitable<void> list(response_writer& out) const {
        auto body = success();
        body["open"] = all_.is_open();
        auto rows = json::array();
        for (const auto& o : all_.list()) {
            json row = {{"peer", o.id.to_string()}, {"self", o.is_self}, {"root", !o.added_by}};
            if (o.added_by)
                row["added_by"] = o.added_by->to_string();
            rows.push_back(std::move(row));
        }
        body["operators"] = std::move(rows);
        co_await send_json(out, std::move(body));
    }

    awaitable<void> add(request& req, response_writer& out) const {
        const auto body = co_await read_object(req, body_bytes_max);
        co_await all_.add(parsed(required_string(body, "peer")));
        co_await list(out);
    }

    awaitable<void> remove(const request& req, response_writer& out) const {
        const auto done = co_await all_.remove(parsed(req.parameter("peer")),
                                               !flag_parameter(req, "drop_records"));
        auto body = success();
        body["records_kept"] = done.records_kept;
        auto gone = json::array();
        for (const auto& id : done.also_removed)
            gone.push_back(id.to_string());
        body["also_removed"] = std::move(gone);
        co_await send_json(out, std::move(body));
    }

  private:
    trust::operators& all_;
};

}  // namespace

void add_operator_routes(server::router& routes, trust::operators& operators) {
    const operator_routes at(operators);
    routes.add("GET", "/api/v1/operator",
               [at](request&, response_writer& out) { return at.list(out); });
    routes.add("POST", "/api/v1/operator",
               [at](request& req, response_writer& out) { return at.add(req, out); });
    routes.add("DELETE", "/api/v1/operator/:peer",
               [at](request& req, response_writer& out) { return at.remove(req, out); });
}

}  // namespace dm::api
