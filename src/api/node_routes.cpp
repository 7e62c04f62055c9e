#include "api/node_routes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "api/answer.hpp"
#include "api/errc.hpp"
#include "api/view_json.hpp"
#include "base/json/read.hpp"
#include "control/plan/labels.hpp"

namespace dm::api {
namespace {

using server::request;
using server::response_writer;

constexpr std::size_t label_body_bytes_max = 16 * 1024;

/// A connected peer. Addresses that it has not told yet are not an empty list but what it is
/// connected from.
json json_of(const host::peer_info& p) {
    auto addresses = json::array();
    for (const auto& a : p.listen_addresses)
        addresses.push_back(a.to_string());
    if (addresses.empty() && !p.remote.empty())
        addresses.push_back(p.remote.to_string());
    json out = {{"ID", p.id.to_string()},
                {"Addrs", std::move(addresses)},
                {"online", true},
                {"connected", true},
                {"address", p.remote.to_string()},
                {"direction", p.direction == host::direction::outgoing ? "outgoing" : "incoming"},
                {"agent", p.agent},
                {"protocols", p.protocols},
                {"sent_bytes", p.sent_bytes},
                {"received_bytes", p.received_bytes}};
    if (p.round_trip)
        out["round_trip_ms"] = std::chrono::duration<double, std::milli>(*p.round_trip).count();
    return out;
}

class node_routes {
  public:
    node_routes(agent::agent& node, const host::host& peers, std::string version)
        : node_(node), peers_(peers), version_(std::move(version)) {}

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

    awaitable<void> node(const request& req, response_writer& out) const {
        auto body = success();
        body["node"] = member_json(peer_of(req));
        if (body["node"].is_null())
            raise_no_member(peer_of(req));
        co_await send_json(out, std::move(body));
    }

    /// What a member does about each strategy, and why; how a connected peer is connected.
    awaitable<void> explain(const request& req, response_writer& out) const {
        const auto id = peer_of(req);
        auto explained = json::object();
        if (auto member = member_json(id); !member.is_null())
            explained["node"] = std::move(member);
        for (const auto& p : peers_.peers())
            if (p.id == id)
                explained["peer"] = json_of(p);
        if (explained.empty())
            raise_no_member(id);
        explained["strategies"] = lines_of(node_.strategies(), id.to_string());
        auto body = success();
        body["explain"] = std::move(explained);
        co_await send_json(out, std::move(body));
    }

    /// {"site": "store", "rack": null}: null takes a label away; others stay.
    awaitable<void> label(request& req, response_writer& out) const {
        const auto id = peer_of(req);
        const auto text = co_await req.body(label_body_bytes_max);
        const auto body = dm::json::read(as_chars(text));
        if (!body || !body->is_object())
            raise(errc::malformed_body, R"(write {"site": "store", "rack": null})");
        std::map<std::string, std::optional<std::string>> changes;
        for (const auto& [name, value] : body->items()) {
            const auto* label = value.get_ptr<const std::string*>();
            if (!plan::is_label_text(name) || (!label && !value.is_null()) ||
                (label && !plan::is_label_text(*label)))
                raise(errc::invalid_field,
                      fmt::format("\"{}\": labels are of letters, digits and . _ - /, {} at most",
                                  name.substr(0, plan::label_text_max), plan::label_text_max));
            changes.emplace(name, label ? std::optional(*label) : std::nullopt);
        }
        co_await node_.label_node(id, std::move(changes));
        co_await node(req, out);
    }

    awaitable<void> forget(const request& req, response_writer& out) const {
        if (flag_parameter(req, "undo"))
            co_await node_.admit_node(peer_of(req));
        else
            co_await node_.forget_node(peer_of(req), flag_parameter(req, "even_online"));
        auto body = success();
        body["msg"] = "success";
        co_await send_json(out, std::move(body));
    }

    /// The other members and whoever else is connected, in the prototype's words and some more.
    awaitable<void> peers(response_writer& out) const {
        std::map<std::string, json> found;
        for (const auto& n : node_.nodes())
            if (!n.self)
                found[n.peer] = {{"ID", n.peer},
                                 {"Addrs", n.addresses},
                                 {"online", n.online},
                                 {"connected", false}};
        for (const auto& p : peers_.peers()) {
            auto& entry = found[p.id.to_string()];
            entry.update(json_of(p));
        }
        auto all = json::array();
        for (auto& [id, entry] : found)
            all.push_back(std::move(entry));
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
    /// null for one that is no member.
    json member_json(const multiformats::peer_id& id) const {
        const auto all = node_.nodes();
        const auto found = std::ranges::find(all, id.to_string(), &agent::node_view::peer);
        return found == all.end() ? json() : to_json(*found);
    }

    [[noreturn]] static void raise_no_member(const multiformats::peer_id& id) {
        raise(errc::not_found, fmt::format("{} is no member of this fleet", id.to_string()));
    }

    static multiformats::peer_id peer_of(const request& req) {
        const auto& text = req.parameter("peer");
        const auto id = multiformats::parse_peer_id(text);
        if (!id)
            raise(errc::invalid_parameter, fmt::format("\"{}\" is no peer id", text));
        return *id;
    }

    agent::agent& node_;
    const host::host& peers_;
    std::string version_;
};

}  // namespace

void add_node_routes(server::router& routes, agent::agent& node, const host::host& peers,
                     std::string version) {
    const node_routes at(node, peers, std::move(version));
    routes.add("GET", "/api/v1/node",
               [at](request&, response_writer& out) { return at.nodes(out); });
    const std::string one = "/api/v1/peers/:peer";
    routes.add("GET", one, [at](request& req, response_writer& out) { return at.node(req, out); });
    routes.add("GET", "/api/v1/peers/:peer/explain",
               [at](request& req, response_writer& out) { return at.explain(req, out); });
    routes.add("DELETE", one,
               [at](request& req, response_writer& out) { return at.forget(req, out); });
    routes.add("PUT", "/api/v1/peers/:peer/labels",
               [at](request& req, response_writer& out) { return at.label(req, out); });
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
