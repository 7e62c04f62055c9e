#include "api/pages.hpp"

#include <fmt/format.h>

#include "api/process_metrics.hpp"
#include "base/metrics.hpp"

namespace dm::api {
namespace {

using server::request;
using server::response_writer;

constexpr std::string_view start_page = R"(<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>DistroMash</title>
</head>
<body>
<h1>DistroMash {}</h1>
<p>This node puts container images where the strategies of its fleet want them.</p>
<ul>
<li><a href="/swagger/">API documentation</a></li>
<li><a href="/api/v1/strategy">Strategies</a></li>
<li><a href="/api/v1/image">Images</a></li>
<li><a href="/api/v1/node">Nodes</a></li>
<li><a href="/api/v1/transfer">Transfers</a></li>
<li><a href="/api/v1/crdt">Shared state</a></li>
<li><a href="/metrics">Metrics</a></li>
</ul>
<p>On the command line: <code>distromash status</code>, <code>distromash --help</code>.</p>
</body>
</html>
)";

awaitable<void> send_start_page(response_writer& out, std::string version) {
    co_await out.send(200,
                      {{"Content-Type", "text/html; charset=utf-8"},
                       {"Content-Security-Policy",
                        "default-src 'none'; base-uri 'none'; form-action 'none'; "
                        "frame-ancestors 'none'"}},
                      fmt::format(start_page, version));
}

awaitable<void> send_metrics(response_writer& out) {
    update_process_metrics();
    co_await out.send(200, {{"Content-Type", "text/plain; version=0.0.4; charset=utf-8"}},
                      metrics::exposition());
}

}  // namespace

void add_pages(server::router& routes, std::string version) {
    routes.add("GET", "/", [version = std::move(version)](request&, response_writer& out) {
        return send_start_page(out, version);
    });
    routes.add("GET", "/metrics", [](request&, response_writer& out) { return send_metrics(out); });
}

}  // namespace dm::api
