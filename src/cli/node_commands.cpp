#include <fmt/format.h>

#include "cli/command.hpp"

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

}  // namespace

void add_node_commands(CLI::App& app, const context& c) {
    auto& group = add_group(app, "node", "the members of the fleet");
    on_run(add_command(group, c, "ls", "list the nodes"), c,
           [c](node_client& node) { list_nodes(node, c); });
    on_run(add_command(app, c, "peers", "list the other nodes, and who is connected"), c,
           [c](node_client& node) { list_peers(node, c); });
}

}  // namespace dm::cli
