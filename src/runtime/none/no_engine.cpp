#include "runtime/none/no_engine.hpp"

#include "aio/event.hpp"

namespace dm::none {

no_engine::no_engine(executor ex, engine::platform host)
    : executor_(std::move(ex)), host_(std::move(host)) {}

awaitable<engine::engine_info> no_engine::info() {
    engine::engine_info out;
    out.name = "none";
    out.runs_on = host_;
    co_return out;
}

awaitable<std::vector<engine::image>> no_engine::list(std::vector<std::string>) {
    co_return std::vector<engine::image>();
}

awaitable<std::string> no_engine::pull(std::string, std::optional<engine::platform>,
                                       engine::progress_listener) {
    raise(engine::errc::no_engine);
    co_return std::string();
}

awaitable<void> no_engine::tag(std::string, std::string) {
    raise(engine::errc::no_engine);
    co_return;
}

awaitable<engine::removal> no_engine::remove(std::string, std::string) {
    co_return engine::removal{};
}

awaitable<void> no_engine::changes(engine::event_listener listener) {
    listener({engine::event::kind::connected, "connected", ""});
    aio::event never(executor_);
    for (;;)
        co_await never.wait();
}

}  // namespace dm::none
