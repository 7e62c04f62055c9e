#include "api/node_routes.hpp"

#include <fmt/format.h>

#include "api/answer.hpp"
#include "api/errc.hpp"
#include "api/view_json.hpp"

namespace dm::api {
namespace {

using server::request;
using server::response_writer;

class node_routes {
  public:
    node_routes(agent::agent& node, std::string version)
        : node_(node), version_(std::move(version)) {}

    awaitable<void> nodes(response_writer& out) const {
        auto body = success();
        body["node"] = nullptr;
        auto all = json::array();
        for (const auto& n : node_.nodes()) {
            all.push_back(to_json(n));
            if (n.self)
                body["node"] = all.back();
        }
        body["nodes"] = std::move(all);
        co_await send_json(out, std::move(body));
    }

    /// The other members, in the prototype's words.
    awaitable<void> peers(response_writer& out) const {
        auto all = json::array();
        for (const auto& n : node_.nodes())
            if (!n.self)
                all.push_back({{"ID", n.peer}, {"Addrs", n.addresses}, {"online", n.online}});
        auto body = success();
        body["peers"] = std::move(all);
        co_await send_json(out, std::move(body));
    }

    awaitable<void> transfers(response_writer& out) const {
        auto all = json::array();
        for (const auto& t : node_.moving().all())
            all.push_back(to_json(t));
        auto body = success();
        body["transfers"] = std::move(all);
        co_await send_json(out, std::move(body));
    }

    awaitable<void> transfer(const request& req, response_writer& out) const {
        const auto& id = req.parameter("id");
        const auto* t = node_.moving().find(id);
        if (!t)
            raise(errc::not_found,
                  fmt::format("there is no transfer {}, or it ended long ago", id));
        auto body = success();
        body["transfer"] = to_json(*t);
        co_await send_json(out, std::move(body));
    }

    awaitable<void> health(response_writer& out) const {
        auto body = success();
        body["status"] = "OK";
        body["version"] = version_;
        for (const auto& n : node_.nodes())
            if (n.self) {
                body["peer"] = n.peer;
                body["engine"] = n.engine;
                body["engine_state"] = n.engine_state;
            }
        co_await send_json(out, std::move(body));
    }

  private:
    agent::agent& node_;
    std::string version_;
};

}  // namespace

void add_node_routes(server::router& routes, agent::agent& node, std::string version) {
    const node_routes at(node, std::move(version));
    routes.add("GET", "/api/v1/node",
               [at](request&, response_writer& out) { return at.nodes(out); });
    routes.add("GET", "/api/v1/peers",
               [at](request&, response_writer& out) { return at.peers(out); });
    routes.add("GET", "/api/v1/transfer",
               [at](request&, response_writer& out) { return at.transfers(out); });
    routes.add("GET", "/api/v1/transfer/:id",
               [at](request& req, response_writer& out) { return at.transfer(req, out); });
    routes.add("GET", "/api/v1/health",
               [at](request&, response_writer& out) { return at.health(out); });
}

}  // namespace dm::api
