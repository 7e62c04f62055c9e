#include "daemon/run.hpp"

#include <fmt/format.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "aio/timeout.hpp"
#include "daemon/memory.hpp"
#include "daemon/node.hpp"

namespace dm::daemon {
namespace {

/// Past this the process ends without waiting any longer: nothing acknowledged is lost by that.
constexpr std::chrono::seconds stop_limit{9};

std::string urls(const std::vector<asio::ip::tcp::endpoint>& all, bool tls) {
    std::string out;
    for (const auto& e : all)
        out += fmt::format("{}{}://{}", out.empty() ? "" : "  ", tls ? "https" : "http",
                           aio::to_string(e));
    return out;
}

void print_summary(const node& n, const config& c, const std::string& version) {
    auto out = fmt::format("distromash {}\npeer      {}\n", version, n.id().to_string());
    for (const auto& address : n.peer_addresses())
        out += fmt::format("address   {}\n", address.to_string());
    if (!n.mesh_fingerprint().empty())
        out += fmt::format("mesh      {} (private)\n", n.mesh_fingerprint());
    out += fmt::format("API       {}\nregistry  {}\ndata      {}\n",
                       urls(n.api_addresses(), !c.api_guard.cert.empty()),
                       urls(n.registry_addresses(), !c.registry_guard.cert.empty()),
                       c.data_dir.string());
    if (!n.mirror_addresses().empty())
        out += fmt::format("mirror    {}\n", urls(n.mirror_addresses(), false));
    std::fputs(out.c_str(), stdout);
    std::fflush(stdout);
}

awaitable<void> end_late() {
    co_await aio::sleep_for(stop_limit);
    log::warn("ends without waiting any longer", {});
    std::_Exit(EXIT_SUCCESS);
}

/// A second signal while the node stops.
awaitable<void> end_at_once(asio::signal_set* signals) {
    const auto signal = co_await signals->async_wait(use_awaitable);
    std::_Exit(128 + signal);
}

awaitable<void> stop_on_signal(node* n, asio::signal_set* signals) {
    const auto signal = co_await signals->async_wait(use_awaitable);
    log::info("stopping", {{"signal", signal}});
    aio::task_group impatience(co_await asio::this_coro::executor);
    impatience.spawn("second signal", end_at_once(signals));
    impatience.spawn("stop limit", end_late());
    co_await n->stop();
    co_await impatience.stop();
}

}  // namespace

int run(const config& c, const std::string& version) {
    log::configure(c.level, c.format);
    tune_allocator();
    std::signal(SIGPIPE, SIG_IGN);
    asio::io_context loop(1);
    node n(loop.get_executor(), c, version);
    asio::signal_set signals(loop, SIGTERM, SIGINT, SIGHUP);
    aio::task_group group(loop.get_executor());
    group.spawn("signals", stop_on_signal(&n, &signals));
    n.start();
    print_summary(n, c, version);
    loop.run();
    return EXIT_SUCCESS;
}

}  // namespace dm::daemon
