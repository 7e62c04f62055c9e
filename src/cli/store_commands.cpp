#include <fmt/format.h>

#include "base/format.hpp"
#include "cli/command.hpp"
#include "cli/errc.hpp"

namespace dm::cli {
namespace {

void stat(node_client& node, const context& c) {
    const auto s = member(node.get("/store"), "store");
    if (c->as_json()) {
        print_json(s);
        return;
    }
    const auto limit = number(s, "size_max");
    print(
        fmt::format("folder      {}\nblobs       {}, {}\npinned      {}\n"
                    "arriving    {}, {}\nlimit       {}\ndisk free   {}\n",
                    printable(text(s, "folder")), number(s, "blobs"),
                    to_size_text(number(s, "blob_bytes")), to_size_text(number(s, "pinned_bytes")),
                    number(s, "partial_blobs"), to_size_text(number(s, "partial_bytes")),
                    limit == 0 ? "as the disk allows" : to_size_text(limit),
                    to_size_text(number(s, "disk_free_bytes"))));
}

void print_damage(const json& damaged) {
    for (const auto& d : damaged) {
        const auto images = texts(d, "images");
        print(printable(fmt::format(
                  "damaged: {} ({}), part of {}: {}", text(d, "digest"),
                  to_size_text(number(d, "size")),
                  images.empty() ? "no image" : fmt::format("{}", fmt::join(images, ", ")),
                  text(d, "what"))) +
              "\n");
    }
}

void verify(node_client& node, const context& c) {
    progress_line line;
    json last;
    std::uint64_t total = 0;
    node.lines("POST", "/store/verify", [&](std::string_view text) {
        last = json::parse(text, nullptr, false);
        if (const auto done = number(last, "bytes_done"); done > 0) {
            total = number(last, "bytes_total");
            line.show("verifying", done, total, 0);
        }
    });
    line.clear();
    if (truth(last, "error"))
        raise(errc::failed, text(last, "msg"));
    const auto& damaged = member(last, "damaged");
    if (!damaged.is_array())
        raise(errc::bad_answer, "the verification was cut short");
    if (c->as_json())
        print_json(damaged);
    else
        print_damage(damaged);
    if (!damaged.empty())
        raise(errc::failed, fmt::format("{} blob{} damaged and dropped: what is wanted of them is "
                                        "fetched again",
                                        damaged.size(), damaged.size() == 1 ? " was" : "s were"));
    if (!c->as_json())
        print("all blobs are what their digests say\n");
}

void collect(node_client& node, const context& c) {
    const auto answer = node.post("/store/gc");
    if (c->as_json())
        print_json(answer);
    else
        print(fmt::format("{} freed\n", to_size_text(number(answer, "freed_bytes"))));
}

void list_pins(node_client& node, const context& c) {
    const auto answer = node.get("/pin");
    if (c->as_json()) {
        print_json(member(answer, "pins"));
        return;
    }
    table t({"CID"});
    for (const auto& root : texts(answer, "pins"))
        t.row({root});
    print(t);
}

}  // namespace

void add_store_commands(CLI::App& app, const context& c) {
    auto& pin = add_group(app, "pin", "content that is kept whatever happens");
    on_run(add_command(pin, c, "ls", "list pinned roots"), c,
           [c](node_client& node) { list_pins(node, c); });
    const auto add_pinning = [&](const std::string& name, const std::string& description,
                                 std::function<json(node_client&, const std::string&)> run) {
        auto& command = add_command(pin, c, name, description);
        const auto root = std::make_shared<std::string>();
        command.add_option("cid", *root, "root of the content")->type_name("CID")->required();
        on_run(command, c, [c, root, name, run](node_client& node) {
            const auto answer = run(node, "/pin/" + segment(*root));
            if (c->as_json())
                print_json(answer);
            else
                print(fmt::format("{} {}\n", printable(*root),
                                  name == "add" ? "pinned" : "not pinned any more"));
        });
    };
    add_pinning("add", "keep a tree, fetched from peers if it is not here",
                [](node_client& node, const std::string& path) { return node.post(path); });
    add_pinning("rm", "no longer keep it",
                [](node_client& node, const std::string& path) { return node.remove(path); });

    auto& store = add_group(app, "store", "what this node holds on disk");
    on_run(add_command(store, c, "stat", "how much there is"), c,
           [c](node_client& node) { stat(node, c); });
    on_run(add_command(store, c, "verify", "read all blobs and compare them with their digests"), c,
           [c](node_client& node) { verify(node, c); });
    on_run(add_command(store, c, "gc", "remove everything that nothing wants"), c,
           [c](node_client& node) { collect(node, c); });
}

}  // namespace dm::cli
