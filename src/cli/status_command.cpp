#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>

#include "base/format.hpp"
#include "cli/command.hpp"
#include "cli/errc.hpp"

namespace dm::cli {
namespace {

constexpr std::chrono::milliseconds redraw_interval{250};
constexpr std::string_view clear_screen = "\x1b[H\x1b[2J";

json collect(node_client& node) {
    json out;
    const auto fleet = node.get("/node");
    out["node"] = member(fleet, "node");
    out["nodes"] = member(fleet, "nodes");
    out["store"] = member(node.get("/store"), "store");
    out["strategies"] = member(node.get("/strategy"), "strategies");
    out["images"] = member(node.get("/image"), "images");
    out["transfers"] = member(node.get("/transfer"), "transfers");
    return out;
}

std::string note_of(const json& status) {
    auto out = progress_text(status);
    if (const auto reason = text(status, "reason"); !reason.empty())
        out += (out.empty() ? "" : "; ") + reason;
    return out;
}

std::string strategies_text(const json& all) {
    if (all.empty())
        return "no strategies\n";
    table t({"STRATEGY", "NODES", "STATE", "NOTE"});
    for (const auto& s : all)
        t.row({text(s, "nametag"), fmt::format("{}/{}", number(s, "actual"), number(s, "desired")),
               text(s, "state"), note_of(s)});
    return t.text();
}

std::string images_text(const json& all) {
    if (all.empty())
        return "no images\n";
    table t({"IMAGE", "SIZE", "STATE", "NOTE"});
    for (const auto& image : all)
        t.row({text(image, "name").empty() ? short_digest(text(image, "digest"))
                                           : text(image, "name"),
               to_size_text(number(image, "size")), text(image, "state"), note_of(image)});
    return t.text();
}

std::string transfers_text(const json& all) {
    table t({"TRANSFER", "IMAGE", "PHASE", "PROGRESS"});
    bool any = false;
    for (const auto& transfer : all) {
        if (text(transfer, "state") != "running")
            continue;
        any = true;
        t.row({text(transfer, "kind"), text(transfer, "image"), text(transfer, "phase"),
               progress_text(transfer)});
    }
    return any ? "\n" + t.text() : "";
}

std::string fleet_text(const json& nodes) {
    const auto online =
        std::ranges::count_if(nodes, [](const json& n) { return truth(n, "online"); });
    return fmt::format("{} of {} node{} online", online, nodes.size(),
                       nodes.size() == 1 ? "" : "s");
}

std::string drawing(const json& s) {
    const auto& node = member(s, "node");
    const auto& store = member(s, "store");
    auto engine = text(node, "engine");
    if (const auto state = text(node, "engine_state"); !state.empty() && state != engine)
        engine += ", " + state;
    return fmt::format(
        "node        {}\nfleet       {}\nengine      {}\nstore       {} in {} blobs, {} free on "
        "the "
        "disk\n\n{}\n{}{}",
        printable(text(node, "peer")), fleet_text(member(s, "nodes")), printable(engine),
        to_size_text(number(store, "blob_bytes")), number(store, "blobs"),
        to_size_text(number(store, "disk_free_bytes")), strategies_text(member(s, "strategies")),
        images_text(member(s, "images")), transfers_text(member(s, "transfers")));
}

/// On a terminal the screen is drawn anew, in a pipe only what has changed is written.
void draw(const context& c, const json& status, std::string& last) {
    if (c->as_json()) {
        auto line = status.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
        if (std::exchange(last, line) != line)
            print(line);
        return;
    }
    auto now = drawing(status);
    const bool terminal = ::isatty(STDOUT_FILENO) == 1;
    if (!terminal && now == last)
        return;
    print(terminal ? std::string(clear_screen) + now : last.empty() ? now : "\n" + now);
    last = std::move(now);
}

/// Draws after events, until the node ends the stream.
void watch(node_client& events, node_client& node, const context& c) {
    using clock = std::chrono::steady_clock;
    std::string last;
    draw(c, collect(node), last);
    auto drawn = clock::now();
    // Keep-alives come, too: what changed within the interval is drawn with the next line.
    events.lines("GET", "/event", [&](std::string_view) {
        if (clock::now() - drawn < redraw_interval)
            return;
        draw(c, collect(node), last);
        drawn = clock::now();
    });
    raise(errc::no_node, fmt::format("the node at {} has ended the connection", node.address()));
}

}  // namespace

void add_status_command(CLI::App& app, const context& c) {
    auto& command = add_command(app, c, "status", "what the node has and does",
                                "  distromash status\n  distromash status --watch");
    const auto watching = std::make_shared<bool>(false);
    command.add_flag("--watch", *watching, "go on, and show what changes");
    on_run(command, c, [c, watching](node_client& node) {
        if (*watching) {
            node_client events(c->api);
            watch(events, node, c);
        }
        const auto status = collect(node);
        if (c->as_json())
            print_json(status);
        else
            print(drawing(status));
    });
}

}  // namespace dm::cli
