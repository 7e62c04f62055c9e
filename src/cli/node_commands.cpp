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

/// "online", "offline for 3 min".
std::string state_text(const json& node) {
    auto out = text(node, "state");
    if (out.empty())
        return truth(node, "online") ? "online" : "offline";
    const auto seconds = number(node, "state_seconds");
    if (out == "offline")
        out += seconds < 120       ? fmt::format(" for {} s", seconds)
               : seconds < 7'200   ? fmt::format(" for {} min", seconds / 60)
               : seconds < 172'800 ? fmt::format(" for {} h", seconds / 3'600)
                                   : fmt::format(" for {} days", seconds / 86'400);
    return out;
}

void list_nodes(node_client& node, const context& c) {
    const auto all = member(node.get("/node"), "nodes");
    if (c->as_json()) {
        print_json(all);
        return;
    }
    table t({"PEER", "STATE", "PLATFORM", "ENGINE", "IMAGES", "DISK FREE", "VERSION", "LABELS"});
    for (const auto& n : all) {
        auto engine = text(n, "engine");
        if (const auto state = text(n, "engine_state");
            !state.empty() && state != "ready" && state != engine)
            engine += fmt::format(" ({})", state);
        t.row({text(n, "peer") + (truth(n, "self") ? " (this node)" : ""), state_text(n),
               text(n, "platform"), engine, fmt::format("{}", number(n, "images_held")),
               member(n, "disk_free_bytes").is_null() ? ""
                                                      : to_size_text(number(n, "disk_free_bytes")),
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

/// "site=store" gives a label, "site-" takes it away.
void label_node(node_client& node, const context& c, const std::string& peer,
                const std::vector<std::string>& words) {
    auto changes = json::object();
    for (const auto& word : words) {
        if (const auto equals = word.find('='); equals != std::string::npos)
            changes[word.substr(0, equals)] = word.substr(equals + 1);
        else if (word.ends_with('-'))
            changes[word.substr(0, word.size() - 1)] = nullptr;
        else
            raise(errc::bad_input,
                  fmt::format("{}: write site=store, or site- to take it away", printable(word)));
    }
    const auto changed = member(node.put("/peers/" + segment(peer) + "/labels", changes), "node");
    if (c->as_json())
        print_json(changed);
    else
        print(fmt::format("{}: {}\n", printable(text(changed, "peer")),
                          printable(labels_text(changed))));
}

void forget_node(node_client& node, const context& c, const std::string& peer, bool even_online,
                 bool undo) {
    const auto* how = undo ? "?undo=1" : even_online ? "?even_online=1" : "";
    const auto answer = node.remove("/peers/" + segment(peer) + how);
    if (c->as_json())
        print_json(answer);
    else
        print(fmt::format("{} {}\n", printable(peer),
                          undo ? "may come back" : "is no member any more"));
}

void explain_node(node_client& node, const context& c, const std::string& peer) {
    const auto explained = member(node.get("/peers/" + segment(peer) + "/explain"), "explain");
    if (c->as_json()) {
        print_json(explained);
        return;
    }
    table t({"STRATEGY", "IMAGE", "CHOSEN", "STATE", "REASON", "WHY"});
    for (const auto& s : member(explained, "strategies"))
        t.row({text(s, "id"), text(s, "nametag"), truth(s, "chosen") ? "yes" : "no",
               text(s, "state"), text(s, "reason"), text(s, "why")});
    print(t);
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
    const auto peer = std::make_shared<std::string>();
    const auto words = std::make_shared<std::vector<std::string>>();
    auto& label = add_command(group, c, "label", "say what a node is, for strategies to select",
                              "  distromash node label 12D3KooW… site=store rack-\n\n"
                              "Goes over what the node says itself with --label.");
    label.add_option("peer", *peer, "id of the node")->type_name("PEER")->required();
    label.add_option("labels", *words, "K=V gives it a label, K- takes it away")
        ->type_name("LABEL")
        ->required();
    on_run(label, c, [c, peer, words](node_client& node) { label_node(node, c, *peer, *words); });
    auto& explain =
        add_command(group, c, "explain", "say what a node does about each strategy, and why");
    explain.add_option("peer", *peer, "id of the node")->type_name("PEER")->required();
    on_run(explain, c, [c, peer](node_client& node) { explain_node(node, c, *peer); });
    auto& forget =
        add_command(group, c, "forget", "remove a node that will not come back, and keep it out");
    const auto even_online = std::make_shared<bool>(false);
    forget.add_option("peer", *peer, "id of the node")->type_name("PEER")->required();
    const auto undo = std::make_shared<bool>(false);
    auto* const even = forget.add_flag("--even-online", *even_online, "also when it is there");
    forget.add_flag("--undo", *undo, "let it come back")->excludes(even);
    on_run(forget, c, [c, peer, even_online, undo](node_client& node) {
        forget_node(node, c, *peer, *even_online, *undo);
    });
    on_run(add_command(app, c, "peers", "list the other nodes, and who is connected"), c,
           [c](node_client& node) { list_peers(node, c); });
}

}  // namespace dm::cli
