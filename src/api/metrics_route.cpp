#include "api/metrics_route.hpp"

#include "api/process_metrics.hpp"
#include "base/metrics.hpp"

namespace dm::api {
namespace {

using server::request;
using server::response_writer;

awaitable<void> send_metrics(response_writer& out) {
    update_process_metrics();
    co_await out.send(200, {{"Content-Type", "text/plain; version=0.0.4; charset=utf-8"}},
                      metrics::exposition());
}

}  // namespace

void add_metrics_route(server::router& routes) {
    routes.add("GET", "/metrics", [](request&, response_writer& out) { return send_metrics(out); });
}

}  // namespace dm::api
