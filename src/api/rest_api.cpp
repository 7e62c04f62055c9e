#include "api/rest_api.hpp"

#include "api/assets/mount.hpp"
#include "api/content_routes.hpp"
#include "api/crdt_routes.hpp"
#include "api/image_routes.hpp"
#include "api/limit_routes.hpp"
#include "api/metrics_route.hpp"
#include "api/node_routes.hpp"
#include "api/operator_routes.hpp"
#include "api/store_routes.hpp"
#include "api/strategy_routes.hpp"
#include "http/server/host_guard.hpp"

namespace dm::api {
namespace {

/// What the web application shows at addresses of their own (web/app/src/lib/route.ts).
constexpr std::string_view app_pages[] = {"/strategy", "/image", "/peers", "/transfer", "/crdt"};

}  // namespace

rest_api::rest_api(executor ex, agent::agent& node, state::table& shared,
                   trust::operators& operators, store::content_store& content,
                   const host::host& peers, bitswap::exchange& blocks, options o)
    : events_(ex, node), traffic_(std::move(ex), peers, events_) {
    routes_.add_guard([guard = o.any_host ? server::host_guard::of_any_name()
                                          : server::host_guard(std::move(o.host_names))](
                          const server::request& req) { return guard.check(req); });
    add_metrics_route(routes_);
    add_strategy_routes(routes_, node);
    add_crdt_routes(routes_, shared, std::move(o.history));
    add_image_routes(routes_, node, std::move(o.platform));
    add_node_routes(routes_, node, peers, std::move(o.version));
    add_operator_routes(routes_, operators);
    add_limit_routes(routes_, o.limits, std::move(o.limit_rates));
    add_event_route(routes_, events_);
    add_store_routes(routes_, content,
                     [&node](const crypto::digest& blob) { return node.images_with(blob); });
    add_content_routes(routes_, blocks);
    assets::mount(routes_, "/swagger", assets::swagger());
    assets::mount_app(routes_, assets::app(), app_pages);
}

void rest_api::start() {
    events_.start();
    traffic_.start();
}

awaitable<void> rest_api::stop() {
    co_await traffic_.stop();
    co_await events_.stop();
}

server::options server_options() {
    server::options out;
    out.name = "api";
    out.stop_grace = std::chrono::milliseconds(2'000);
    out.common_headers = {{"X-Content-Type-Options", "nosniff"},
                          {"X-Frame-Options", "DENY"},
                          {"Referrer-Policy", "no-referrer"},
                          {"Cross-Origin-Resource-Policy", "same-origin"}};
    return out;
}

}  // namespace dm::api
