#include <fmt/format.h>

#include <chrono>
#include <fstream>
#include <iostream>
#include <iterator>
#include <thread>

#include "base/format.hpp"
#include "cli/command.hpp"
#include "cli/errc.hpp"

namespace dm::cli {
namespace {

constexpr std::size_t file_bytes_max = 16 << 20;
constexpr std::chrono::milliseconds wait_interval{250};

struct apply_options {
    std::string image;
    int percentage = 0;
    std::vector<std::string> targets;
    std::vector<std::string> labels;
    std::string file;
    bool no_execute = false;
    bool replace = false;
    bool dry_run = false;
    bool wait = false;
};

std::string path_of(std::string_view key) {
    return "/strategy/" + segment(key);
}

std::string joined(const std::vector<std::string>& parts) {
    std::string out;
    for (const auto& p : parts)
        out += (out.empty() ? "" : ",") + p;
    return out;
}

json payload_of(const apply_options& o) {
    const bool by_target = !o.targets.empty();
    json out{{"type", by_target ? "target" : "percentage"},
             {"nametag", o.image},
             {"percentage", o.percentage},
             {"target", joined(o.targets)},
             {"execute", !o.no_execute}};
    if (!o.labels.empty()) {
        auto selector = json::object();
        for (const auto& label : o.labels) {
            const auto equals = std::min(label.find('='), label.size());
            selector[label.substr(0, equals)] = label.substr(std::min(equals + 1, label.size()));
        }
        out["selector"] = std::move(selector);
    }
    if (o.replace)
        out["replace"] = true;
    return out;
}

/// One payload, a list of them, or what GET /api/v1/strategy gives.
std::vector<json> payloads_in(const std::string& file) {
    std::ifstream opened;
    if (file != "-") {
        opened.open(file, std::ios::binary);
        if (!opened)
            raise(errc::bad_input, fmt::format("{} cannot be read", file));
    }
    auto& from = file == "-" ? static_cast<std::istream&>(std::cin) : opened;
    std::string content;
    std::array<char, 65536> piece{};
    while (from.read(piece.data(), piece.size()), from.gcount() > 0) {
        content.append(piece.data(), static_cast<std::size_t>(from.gcount()));
        if (content.size() > file_bytes_max)
            raise(errc::bad_input,
                  fmt::format("{} is larger than {}", file, to_size_text(file_bytes_max)));
    }
    const auto document = json::parse(content, nullptr, false);
    if (const auto& list = member(document, "strategies"); list.is_array())
        return {list.begin(), list.end()};
    if (document.is_array())
        return {document.begin(), document.end()};
    if (document.is_object())
        return {document};
    raise(errc::bad_input, fmt::format("{} is not the JSON of a strategy", file));
}

std::string share_text(const json& s) {
    if (text(s, "type") == "target") {
        const auto target = text(s, "target");
        const auto n = 1 + std::ranges::count(target, ',');
        return n == 1 ? "1 target" : fmt::format("{} targets", n);
    }
    auto out = fmt::format("{} %", number(s, "percentage"));
    for (const auto& [key, value] : member(s, "selector").items())
        out += fmt::format(" {}={}", key, value.is_string() ? value.get<std::string>() : "");
    return out;
}

std::string note_text(const json& s) {
    auto out = progress_text(s);
    if (const auto reason = text(s, "reason"); !reason.empty())
        out += (out.empty() ? "" : "; ") + reason;
    if (const auto next = text(s, "next_try"); !next.empty())
        out += fmt::format(" (tried again at {})", next);
    return out;
}

std::string nodes_text(const json& s) {
    return fmt::format("{}/{}", number(s, "actual"), number(s, "desired"));
}

void list(node_client& node, const context& c) {
    const auto all = member(node.get("/strategy"), "strategies");
    if (c->as_json()) {
        print_json(all);
        return;
    }
    table t({"ID", "IMAGE", "SHARE", "NODES", "STATE", "NOTE"});
    for (const auto& s : all)
        t.row({text(s, "id"), text(s, "nametag"), share_text(s), nodes_text(s), text(s, "state"),
               note_text(s)});
    print(t);
}

void print_nodes(const json& nodes, bool with_why) {
    table t({"PEER", "CHOSEN", "STATE", with_why ? "WHY" : "NOTE"});
    for (const auto& n : nodes) {
        auto note = note_text(n);
        if (with_why)
            note = fmt::format("{}{}{}", text(n, "why"), note.empty() ? "" : "; ", note);
        t.row({text(n, "peer") + (truth(n, "self") ? " (this node)" : ""),
               truth(n, "chosen") ? "yes" : "no", text(n, "state"), note});
    }
    print(t);
}

void show(node_client& node, const context& c, const std::string& key) {
    const auto s = member(node.get(path_of(key)), "strategy");
    if (c->as_json()) {
        print_json(s);
        return;
    }
    print(fmt::format(
        "image       {}\nid          {}\nkey         {}\ndigest      {}\n"
        "share       {}\nexecute     {}\nnodes       {} of {} have it, {} counted\n"
        "state       {}\n",
        printable(text(s, "nametag")), printable(text(s, "id")), printable(text(s, "key")),
        printable(text(s, "digest")), printable(share_text(s)),
        truth(s, "execute") ? "yes" : "no, paused", number(s, "actual"), number(s, "desired"),
        number(s, "members"), printable(text(s, "state"))));
    if (const auto note = note_text(s); !note.empty())
        print(fmt::format("note        {}\n", printable(note)));
    print("\n");
    print_nodes(member(s, "nodes"), false);
}

void explain(node_client& node, const context& c, const std::string& key) {
    const auto e = member(node.get(path_of(key) + "/explain"), "explain");
    if (c->as_json()) {
        print_json(e);
        return;
    }
    const auto& s = member(e, "strategy");
    print(fmt::format("{}: {}, {} of {} counted nodes shall have it, {} {}\n\n",
                      printable(text(s, "nametag")), printable(share_text(s)), number(s, "desired"),
                      number(s, "members"), number(s, "actual"),
                      number(s, "actual") == 1 ? "has" : "have"));
    print_nodes(member(e, "nodes"), true);
}

void print_preview(const json& payload, const json& preview) {
    print(fmt::format("{}: would be on {} of {} counted nodes; nothing has been changed\n",
                      printable(text(payload, "nametag")), number(preview, "desired"),
                      number(preview, "members")));
    table t({"PEER", "PLATFORM", "CHANGE", "TO MOVE"});
    std::uint64_t to_move = 0;
    bool known = true;
    for (const auto& n : member(preview, "nodes")) {
        const bool is_known = !truth(n, "gains") || truth(n, "bytes_known");
        known = known && is_known;
        to_move += number(n, "bytes");
        t.row({text(n, "peer"), text(n, "platform"),
               truth(n, "gains")   ? "gains it"
               : truth(n, "loses") ? "loses it"
                                   : "none",
               is_known ? to_size_text(number(n, "bytes")) : "not known before it is imported"});
    }
    print(t);
    if (known)
        print(fmt::format("{} to move in all\n", to_size_text(to_move)));
}

/// Until all chosen nodes have the image.
void wait_for(node_client& node, const std::string& id) {
    progress_line line;
    std::string told;
    for (;;) {
        const auto s = member(node.get(path_of(id)), "strategy");
        const auto state = text(s, "state");
        if (state == "paused")
            return;
        if (number(s, "actual") >= number(s, "desired") &&
            (state == "loaded" || state == "stored")) {
            line.clear();
            print(fmt::format("{} is {} on {} of {} nodes\n", printable(text(s, "nametag")), state,
                              number(s, "actual"), number(s, "desired")));
            return;
        }
        if (state == "conflict")
            raise(errc::failed, text(s, "reason"));
        line.show(fmt::format("{} {}", text(s, "nametag"), state), number(s, "bytes_done"),
                  number(s, "bytes_total"), number(s, "bytes_per_second"));
        const auto now = state + text(s, "reason");
        if (!line.shown() && std::exchange(told, now) != now)
            print(fmt::format("{} {}{}{}\n", printable(text(s, "nametag")), state,
                              text(s, "reason").empty() ? "" : ": ", printable(text(s, "reason"))));
        std::this_thread::sleep_for(wait_interval);
    }
}

void apply(node_client& node, const context& c, const apply_options& o) {
    const auto payloads = o.file.empty() ? std::vector{payload_of(o)} : payloads_in(o.file);
    auto answers = json::array();
    for (const auto& payload : payloads) {
        const auto answer = node.post(o.dry_run ? "/strategy?dry_run=1" : "/strategy", payload);
        const auto& s = member(answer, o.dry_run ? "dry_run" : "strategy");
        answers.push_back(s);
        if (c->as_json())
            continue;
        if (o.dry_run) {
            print_preview(payload, s);
            continue;
        }
        print(fmt::format("strategy {} applied: {} ({}) on {}: {} of {} counted nodes\n",
                          text(s, "id"), printable(text(s, "nametag")),
                          short_digest(text(s, "digest")), printable(share_text(s)),
                          number(s, "desired"), number(s, "members")));
        if (!truth(s, "execute"))
            print("it is paused: `distromash strategy resume` starts it\n");
        else if (o.wait)
            wait_for(node, text(s, "id"));
    }
    if (c->as_json())
        print_json(answers.size() == 1 ? answers.front() : answers);
}

void add_apply(CLI::App& group, const context& c) {
    auto& command = add_command(
        group, c, "apply", "say where an image belongs, and have it brought there",
        "  distromash strategy apply busybox:1.35.0 --percentage 50\n"
        "  distromash strategy apply ghcr.io/a/b:2 --target 12D3KooW… --wait\n"
        "  distromash strategy apply busybox:1.35.0 --percentage 100 --label site=store --dry-run\n"
        "  distromash strategy apply -f strategies.json\n\n"
        "Applying again looks the tag up again and replaces the strategy.");
    const auto o = std::make_shared<apply_options>();
    auto* image =
        command.add_option("image", o->image, "image name, as docker writes it")->type_name("REF");
    auto* file = command.add_option("-f,--file", o->file,
                                    "JSON file with one strategy or a list of them; - reads "
                                    "standard input");
    auto* percentage =
        command.add_option("--percentage", o->percentage, "share of the nodes, 1 to 100")
            ->type_name("N");
    auto* target = command.add_option("--target", o->targets, "peer id of a node; may be repeated")
                       ->type_name("PEER")
                       ->expected(1)
                       ->take_all();
    command.add_option("--label", o->labels, "only nodes with this label count; may be repeated")
        ->type_name("K=V")
        ->expected(1)
        ->take_all();
    command.add_flag("--no-execute", o->no_execute, "write it down, but do nothing yet");
    command.add_flag("--replace", o->replace,
                     "take over the name where Docker has another image under it");
    command.add_flag("--dry-run", o->dry_run, "say what would change, and change nothing");
    command.add_flag("--wait", o->wait, "return when all chosen nodes have the image");
    file->excludes(image)->excludes(percentage)->excludes(target);
    percentage->excludes(target);
    command.callback([c, o, image, file, percentage, target] {
        if (image->count() == 0 && file->count() == 0)
            throw CLI::ValidationError("image", "name an image, or a file with -f");
        if (file->count() == 0 && percentage->count() == 0 && target->count() == 0)
            throw CLI::ValidationError("strategy apply", "say --percentage or --target");
        *c->chosen = [c, o] {
            node_client node(c->api);
            apply(node, c, *o);
            return 0;
        };
    });
}

/// A command that takes the key of a strategy.
void add_keyed(CLI::App& group, const context& c, const std::string& name,
               const std::string& description,
               std::function<void(node_client&, const std::string&)> run) {
    auto& command = add_command(group, c, name, description);
    const auto key = std::make_shared<std::string>();
    command
        .add_option("key", *key,
                    "id of the strategy, its key (percentage-busybox:1.35.0-50-active), or the "
                    "image name where there is only one")
        ->type_name("KEY")
        ->required();
    on_run(command, c, [key, run = std::move(run)](node_client& node) { run(node, *key); });
}

/// Prints the strategy that a change gives back.
void report(const context& c, const json& answer, std::string_view what) {
    const auto& s = member(answer, "strategy");
    if (c->as_json())
        print_json(s);
    else
        print(fmt::format("strategy {} for {} {}\n", printable(text(s, "id")),
                          printable(text(s, "nametag")), what));
}

}  // namespace

void add_strategy_commands(CLI::App& app, const context& c) {
    auto& group = add_group(app, "strategy", "which image belongs on which nodes");
    add_apply(group, c);
    on_run(add_command(group, c, "ls", "list strategies and how far they are"), c,
           [c](node_client& node) { list(node, c); });
    add_keyed(group, c, "show", "show one strategy, node by node",
              [c](node_client& node, const std::string& key) { show(node, c, key); });
    add_keyed(group, c, "explain", "say why each node has the image or not",
              [c](node_client& node, const std::string& key) { explain(node, c, key); });
    add_keyed(group, c, "rm", "remove a strategy, and the image where nothing else wants it",
              [c](node_client& node, const std::string& key) {
                  report(c, node.remove(path_of(key)), "removed");
              });
    add_keyed(group, c, "pause", "stop carrying out a strategy",
              [c](node_client& node, const std::string& key) {
                  report(c, node.post(path_of(key) + "/pause"), "paused");
              });
    add_keyed(group, c, "resume", "carry out a paused strategy again",
              [c](node_client& node, const std::string& key) {
                  report(c, node.post(path_of(key) + "/resume"), "resumed");
              });
}

}  // namespace dm::cli
