#include <fmt/format.h>

#include <memory>

#include "base/format.hpp"
#include "cli/command.hpp"
#include "cli/errc.hpp"

namespace dm::cli {
namespace {

std::string labels_text(const json& node) {
    std::string out;
    for (const auto& [key, value] : member(node, "labels").items())
        out += fmt::format("{}{}={}", out.empty() ? "" : ",", key,
                           value.is_string() ? value.get<std::string>() : "");
    return out;
}

void list_nodes(node_client& node, const context& c) {
    const auto all = member(node.get("/node"), "nodes");
    if (c->as_json()) {
        print_json(all);
        return;
    }
    table t({"PEER", "STATE", "PLATFORM", "ENGINE", "VERSION", "LABELS"});
    for (const auto& n : all) {
        auto engine = text(n, "engine");
        if (const auto state = text(n, "engine_state");
            !state.empty() && state != "ready" && state != engine)
            engine += fmt::format(" ({})", state);
        t.row({text(n, "peer") + (truth(n, "self") ? " (this node)" : ""),
               truth(n, "online") ? "online" : "offline", text(n, "platform"), engine,
               text(n, "version"), labels_text(n)});
    }
    print(t);
}

void list_peers(node_client& node, const context& c) {
    const auto all = member(node.get("/peers"), "peers");
    if (c->as_json()) {
        print_json(all);
        return;
    }
    table t({"PEER", "STATE", "AGENT", "ADDRESSES"});
    for (const auto& p : all) {
        const auto* state = truth(p, "connected") ? "connected"
                            : truth(p, "online")  ? "online"
                                                  : "offline";
        t.row({text(p, "ID"), state, text(p, "agent"),
               fmt::format("{}", fmt::join(texts(p, "Addrs"), " "))});
    }
    print(t);
}

std::string rate_text(const json& limits, const char* key) {
    const auto rate = member(limits, key);
    const auto n = rate.is_number_unsigned() ? rate.get<std::uint64_t>() : 0;
    return n == 0 ? "no limit" : to_size_text(n) + "/s";
}

void limit_rates(node_client& node, const context& c, const std::string& upload,
                 const std::string& download) {
    auto order = json::object();
    for (const auto& [key, value] :
         {std::pair{"upload", &upload}, std::pair{"download", &download}}) {
        if (value->empty())
            continue;
        const auto rate = parse_size(*value);
        if (!rate)
            raise(errc::bad_input, fmt::format("--{} {}: write 500KB, 10MB or a number of bytes a "
                                               "second, 0 for no limit",
                                               key, *value));
        order[key] = *rate;
    }
    const auto answer = order.empty() ? node.get("/node/limits") : node.put("/node/limits", order);
    const auto limits = member(answer, "limits");
    if (c->as_json())
        print_json(limits);
    else
        fmt::print("upload    {}\ndownload  {}\n", rate_text(limits, "upload"),
                   rate_text(limits, "download"));
}

}  // namespace

void add_node_commands(CLI::App& app, const context& c) {
    auto& group = add_group(app, "node", "the members of the fleet");
    on_run(add_command(group, c, "ls", "list the nodes"), c,
           [c](node_client& node) { list_nodes(node, c); });
    auto& limit =
        add_command(group, c, "limit", "show or change what this node sends and receives a second");
    const auto upload = std::make_shared<std::string>();
    const auto download = std::make_shared<std::string>();
    limit.add_option("--upload", *upload, "500KB, 10MB, 0 for no limit")->type_name("RATE");
    limit.add_option("--download", *download, "the same for what is received")->type_name("RATE");
    on_run(limit, c,
           [c, upload, download](node_client& node) { limit_rates(node, c, *upload, *download); });
    on_run(add_command(app, c, "peers", "list the other nodes, and who is connected"), c,
           [c](node_client& node) { list_peers(node, c); });
}

}  // namespace dm::cli
