#include "cli/commands.hpp"

#include <fmt/format.h>

#include <chrono>
#include <thread>

#include "cli/command.hpp"
#include "cli/errc.hpp"

namespace dm::cli {
namespace {

constexpr std::chrono::milliseconds poll_interval_min{20};
constexpr std::chrono::milliseconds poll_interval_max{200};

}  // namespace

void add_shared_options(CLI::App& command, const context& c) {
    command
        .add_option("--api", c->api,
                    fmt::format("address of the node ({} unless DISTROMASH_API says otherwise)",
                                default_api))
        ->type_name("ADDR");
    command
        .add_option_function<std::string>(
            "--output",
            [c](const std::string& name) {
                c->output = name == "json" ? output_format::json : output_format::table;
            },
            "table for people, json for programs")
        ->check(CLI::Validator(
            [](const std::string& name) {
                return name == "table" || name == "json" ? std::string()
                                                         : "\"" + name + "\" is neither";
            },
            ""))
        ->type_name("table|json");
}

CLI::App& add_command(CLI::App& group, const context& c, const std::string& name,
                      const std::string& description, const std::string& examples) {
    auto& out = *group.add_subcommand(name, description);
    add_shared_options(out, c);
    if (!examples.empty())
        out.footer("Examples:\n" + examples);
    return out;
}

CLI::App& add_group(CLI::App& app, const std::string& name, const std::string& description) {
    return *app.add_subcommand(name, description);
}

void on_run(CLI::App& command, const context& c, std::function<void(node_client&)> run) {
    command.callback([c, run = std::move(run)] {
        *c->chosen = [c, run] {
            node_client node(c->api);
            run(node);
            return 0;
        };
    });
}

json follow_transfer(node_client& node, const std::string& id) {
    progress_line line;
    for (auto pause = poll_interval_min;; pause = std::min(2 * pause, poll_interval_max)) {
        auto t = member(node.get("/transfer/" + segment(id)), "transfer");
        const auto state = text(t, "state");
        if (state == "done")
            return t;
        if (state != "running")
            raise(errc::failed, text(t, "msg"));
        line.show(fmt::format("{} {}", text(t, "image"), text(t, "phase")), number(t, "bytes_done"),
                  number(t, "bytes_total"), number(t, "bytes_per_second"));
        std::this_thread::sleep_for(pause);
    }
}

void add_commands(CLI::App& app, action& chosen) {
    const auto c = std::make_shared<shared_options>();
    c->chosen = &chosen;
    add_shared_options(app, c);
    app.get_option("--api")->envname("DISTROMASH_API");
    add_strategy_commands(app, c);
    add_image_commands(app, c);
    add_status_command(app, c);
    add_node_commands(app, c);
    add_operator_commands(app, c);
    add_store_commands(app, c);
    add_get_command(app, c);
    add_ipdr_commands(app, c);
}

}  // namespace dm::cli
