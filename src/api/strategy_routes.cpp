#include "api/strategy_routes.hpp"

#include <fmt/format.h>

#include "api/answer.hpp"
#include "api/view_json.hpp"
#include "control/plan/payload.hpp"

namespace dm::api {
namespace {

using server::request;
using server::response_writer;

class strategy_routes {
  public:
    explicit strategy_routes(agent::agent& node) : node_(node) {}

    awaitable<void> list(const request& req, response_writer& out) const {
        const bool brief = flag_parameter(req, "brief");
        auto all = json::array();
        for (const auto& s : node_.strategies())
            all.push_back(to_json(s, !brief));
        auto body = success();
        body["strategies"] = std::move(all);
        co_await send_json(out, std::move(body));
    }

    awaitable<void> show(const request& req, response_writer& out) const {
        co_await send(out, node_.strategy(req.parameter("key")));
    }

    awaitable<void> explain(const request& req, response_writer& out) const {
        auto body = success();
        body["explain"] = explanation(node_.strategy(req.parameter("key")));
        co_await send_json(out, std::move(body));
    }

    /// POST and PUT alike: a strategy of the same identity is replaced.
    awaitable<void> apply(request& req, response_writer& out) const {
        const bool dry_run = flag_parameter(req, "dry_run");
        const auto text = co_await req.body(plan::payload_bytes_max);
        auto wanted = plan::parse_strategy_payload(as_chars(text));
        if (!wanted) {
            auto& wrong = wanted.error();
            co_await send_field_error(out, std::move(wrong.reason), std::move(wrong.field));
            co_return;
        }
        if (dry_run) {
            auto body = success();
            body["dry_run"] = to_json(co_await node_.dry_run(*std::move(wanted)));
            co_await send_json(out, std::move(body));
            co_return;
        }
        co_await send(out, co_await node_.apply(*std::move(wanted)));
    }

    awaitable<void> set_execute(const request& req, response_writer& out, bool execute) const {
        co_await send(out, co_await node_.set_execute(req.parameter("key"), execute));
    }

    awaitable<void> remove(const request& req, response_writer& out) const {
        const auto& key = req.parameter("key");
        auto gone = node_.strategy(key);
        co_await node_.remove_strategy(key);
        co_await send(out, std::move(gone));
    }

  private:
    static awaitable<void> send(response_writer& out, agent::strategy_view s) {
        auto body = success();
        body["strategy"] = to_json(s);
        co_await send_json(out, std::move(body));
    }

    agent::agent& node_;
};

}  // namespace

void add_strategy_routes(server::router& routes, agent::agent& node) {
    const strategy_routes at(node);
    const std::string all = "/api/v1/strategy";
    const std::string one = all + "/:key";
    routes.add("GET", all, [at](request& req, response_writer& out) { return at.list(req, out); });
    for (const auto* method : {"POST", "PUT"})
        routes.add(method, all,
                   [at](request& req, response_writer& out) { return at.apply(req, out); });
    routes.add("GET", one, [at](request& req, response_writer& out) { return at.show(req, out); });
    routes.add("DELETE", one,
               [at](request& req, response_writer& out) { return at.remove(req, out); });
    routes.add("GET", one + "/explain",
               [at](request& req, response_writer& out) { return at.explain(req, out); });
    routes.add("POST", one + "/pause", [at](request& req, response_writer& out) {
        return at.set_execute(req, out, false);
    });
    routes.add("POST", one + "/resume",
               [at](request& req, response_writer& out) { return at.set_execute(req, out, true); });
}

}  // namespace dm::api
