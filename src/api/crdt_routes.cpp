#include "api/crdt_routes.hpp"

#include <fmt/format.h>

#include "api/answer.hpp"
#include "api/errc.hpp"
#include "mesh/state/key.hpp"

namespace dm::api {
namespace {

constexpr std::size_t piece_bytes = 64 * 1024;

class crdt_routes {
  public:
    crdt_routes(state::table& shared, history_source history)
        : shared_(shared), history_(std::move(history)) {}

    /// In pieces, so that memory does not depend on how much state there is. What changes
    /// meanwhile may be in or not.
    awaitable<void> list(server::response_writer& out) const {
        co_await out.start_stream(
            200, {{"Content-Type", "application/json"}, {"Cache-Control", "no-store"}});
        std::string piece = R"({"error":false,"crdts":[)";
        std::string last;
        for (bool first = true;;) {
            const auto& all = shared_.all();
            auto it = first ? all.begin() : all.upper_bound(last);
            for (; it != all.end() && piece.size() < piece_bytes; ++it) {
                if (!std::exchange(first, false))
                    piece += ',';
                piece += entry(it->first, it->second)
                             .dump(-1, ' ', false, json::error_handler_t::replace);
                last = it->first;
            }
            const bool end = it == all.end();
            if (end)
                piece += "]}\n";
            co_await out.write(as_bytes(piece));
            piece.clear();
            if (end)
                break;
        }
        co_await out.end();
    }

    awaitable<void> show(const server::request& req, server::response_writer& out) const {
        const auto key = state::clean_key(req.parameter("key"));
        const auto value = shared_.find(key);
        if (!value)
            raise(errc::not_found, fmt::format("there is no key {}", key));
        auto body = success();
        body["crdt"] = entry(key, *value);
        co_await send_json(out, std::move(body));
    }

    awaitable<void> set(server::request& req, server::response_writer& out) const {
        const auto body = co_await read_object(req, crdt_body_bytes_max);
        auto key = required_string(body, "key");
        if (!key.empty())
            key = state::clean_key(key);
        auto value = required_string(body, "value");
        refuse_reserved(key);
        co_await shared_.set(std::move(key), std::move(value));
        co_await done(out);
    }

    awaitable<void> erase(const server::request& req, server::response_writer& out) const {
        const auto key = state::clean_key(req.parameter("key"));
        refuse_reserved(key);
        if (!co_await shared_.erase(key))
            raise(errc::not_found, fmt::format("there is no key {}", key));
        co_await done(out);
    }

    awaitable<void> purge(server::response_writer& out) const {
        co_await shared_.erase_if([](std::string_view key) { return !is_reserved_key(key); });
        co_await done(out);
    }

    awaitable<void> history(server::response_writer& out) const {
        history_view seen;
        if (history_)
            seen = co_await history_();
        auto heads = json::array();
        for (const auto& h : seen.heads)
            heads.push_back({{"cid", h.cid}, {"height", h.height}});
        auto body = success();
        body["history"] = {
            {"heads", std::move(heads)}, {"blocks", seen.blocks}, {"bytes", seen.bytes}};
        co_await send_json(out, std::move(body));
    }

  private:
    /// As P2PComm shows it: without the slash in front.
    static json entry(std::string_view key, std::string_view value) {
        return {{"key", key.substr(key.starts_with("/") ? 1 : 0)}, {"value", value}};
    }
    static void refuse_reserved(std::string_view key) {
        if (is_reserved_key(key))
            raise(errc::reserved_key,
                  fmt::format("{} is a record of DistroMash: use /api/v1/strategy and the other "
                              "resources to change it",
                              key));
    }
    static awaitable<void> done(server::response_writer& out) {
        auto body = success();
        body["msg"] = "success";
        co_await send_json(out, std::move(body));
    }

    state::table& shared_;
    history_source history_;
};

}  // namespace

bool is_reserved_key(std::string_view key) noexcept {
    while (key.starts_with('/'))
        key.remove_prefix(1);
    return key == "dm1" || key.starts_with("dm1/");
}

void add_crdt_routes(server::router& routes, state::table& shared, history_source history) {
    using server::request;
    using server::response_writer;
    const crdt_routes at(shared, std::move(history));
    routes.add("GET", "/api/v1/crdt",
               [at](request&, response_writer& out) { return at.list(out); });
    routes.add("GET", "/api/v1/crdt/:key",
               [at](request& req, response_writer& out) { return at.show(req, out); });
    routes.add("POST", "/api/v1/crdt",
               [at](request& req, response_writer& out) { return at.set(req, out); });
    routes.add("DELETE", "/api/v1/crdt/:key",
               [at](request& req, response_writer& out) { return at.erase(req, out); });
    routes.add("DELETE", "/api/v1/crdt",
               [at](request&, response_writer& out) { return at.purge(out); });
    routes.add("GET", "/api/v1/history",
               [at](request&, response_writer& out) { return at.history(out); });
}

}  // namespace dm::api
