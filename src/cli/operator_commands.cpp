#include <fmt/format.h>

#include <memory>

#include "cli/command.hpp"

namespace dm::cli {
namespace {

void list_operators(node_client& node, const context& c) {
    const auto answer = node.get("/operator");
    if (c->as_json()) {
        print_json(member(answer, "operators"));
        return;
    }
    if (truth(answer, "open")) {
        print("every member steers this mesh\n");
        return;
    }
    table t({"PEER", "ADDED BY"});
    for (const auto& o : member(answer, "operators"))
        t.row({text(o, "peer") + (truth(o, "self") ? " (this node)" : ""),
               truth(o, "root") ? "(root)" : text(o, "added_by")});
    print(t);
}

void remove_operator(node_client& node, const context& c, const std::string& peer, bool drop) {
    const auto answer =
        node.remove(fmt::format("/operator/{}{}", segment(peer), drop ? "?drop_records=1" : ""));
    if (c->as_json()) {
        print_json(answer);
        return;
    }
    std::string out = fmt::format("{} is no operator any more\n", peer);
    if (const auto kept = number(answer, "records_kept"); kept > 0)
        out += fmt::format("{} records that it had signed are signed by this node now\n", kept);
    for (const auto& also : texts(answer, "also_removed"))
        out += fmt::format("{}, whom it had added, is none either\n", also);
    print(out);
}

}  // namespace

void add_operator_commands(CLI::App& app, const context& c) {
    auto& group = add_group(app, "operator", "who may steer the mesh");
    on_run(add_command(group, c, "ls", "list the operators"), c,
           [c](node_client& node) { list_operators(node, c); });
    const auto peer = std::make_shared<std::string>();
    auto& add = add_command(group, c, "add", "let a node steer the mesh, too");
    add.add_option("peer", *peer, "id of the node")->type_name("PEER")->required();
    on_run(add, c, [c, peer](node_client& node) {
        const auto answer = node.post("/operator", {{"peer", *peer}});
        if (c->as_json())
            print_json(member(answer, "operators"));
        else
            print(fmt::format("{} is an operator\n", *peer));
    });
    auto& rm = add_command(group, c, "rm",
                           "end that; what the node has signed stays in force, signed by this one");
    const auto drop = std::make_shared<bool>(false);
    rm.add_option("peer", *peer, "id of the node")->type_name("PEER")->required();
    rm.add_flag("--drop-records", *drop,
                "what it has signed goes with it: for a node that has fallen into wrong hands");
    on_run(rm, c, [c, peer, drop](node_client& node) { remove_operator(node, c, *peer, *drop); });
}

}  // namespace dm::cli
