#include <fmt/format.h>

#include "base/format.hpp"
#include "cli/command.hpp"
#include "cli/errc.hpp"

namespace dm::cli {
namespace {

struct import_options {
    std::string image;
    std::vector<std::string> platforms;
    std::string from;
    bool no_wait = false;
};

std::string path_of(std::string_view name) {
    return "/image/" + segment(name);
}

std::string platforms_text(const json& image) {
    std::string out;
    std::size_t absent = 0;
    for (const auto& p : member(image, "platforms"))
        if (truth(p, "imported"))
            out += (out.empty() ? "" : ",") + text(p, "platform");
        else
            ++absent;
    if (absent > 0)
        out += fmt::format(" (+{})", absent);
    return out;
}

std::string names_text(const json& image) {
    std::string out;
    for (const auto& name : texts(image, "names"))
        out += (out.empty() ? "" : " ") + name;
    return out.empty() ? "-" : out;
}

void list(node_client& node, const context& c) {
    const auto all = member(node.get("/image"), "images");
    if (c->as_json()) {
        print_json(all);
        return;
    }
    table t({"IMAGE", "DIGEST", "SIZE", "PLATFORMS", "STATE", "NOTE"});
    for (const auto& image : all) {
        auto note = progress_text(image);
        if (const auto reason = text(image, "reason"); !reason.empty())
            note += (note.empty() ? "" : "; ") + reason;
        t.row({names_text(image), short_digest(text(image, "digest")),
               to_size_text(number(image, "size")), platforms_text(image), text(image, "state"),
               note});
    }
    print(t);
}

void show(node_client& node, const context& c, const std::string& name) {
    const auto image = member(node.get(path_of(name)), "image");
    if (c->as_json()) {
        print_json(image);
        return;
    }
    print(
        fmt::format("names       {}\ndigest      {}\nroot        {}\nrepository  {}\n"
                    "size        {}\nstate       {}\ncomplete    {}\nstrategies  {}\n",
                    printable(names_text(image)), printable(text(image, "digest")),
                    printable(text(image, "root")), printable(text(image, "repository")),
                    to_size_text(number(image, "size")), printable(text(image, "state")),
                    truth(image, "complete") ? "yes" : "no",
                    texts(image, "strategies").empty()
                        ? "none"
                        : fmt::format("{}", fmt::join(texts(image, "strategies"), " "))));
    if (const auto reason = text(image, "reason"); !reason.empty())
        print(fmt::format("note        {}\n", printable(reason)));
    print("\n");
    table platforms({"PLATFORM", "MANIFEST", "IMPORTED"});
    for (const auto& p : member(image, "platforms"))
        platforms.row(
            {text(p, "platform"), text(p, "manifest"), truth(p, "imported") ? "yes" : "no"});
    print(platforms);
    print("\n");
    table blobs({"BLOB", "SIZE", "CID"});
    for (const auto& b : member(image, "blobs"))
        blobs.row({text(b, "digest"), to_size_text(number(b, "size")), text(b, "cid")});
    print(blobs);
}

void import(node_client& node, const context& c, const import_options& o) {
    json order{{"ref", o.image}};
    if (!o.platforms.empty())
        order["platforms"] = o.platforms;
    if (!o.from.empty())
        order["from"] = o.from;
    const auto answer = node.post("/image", order);
    const auto id = text(answer, "transfer");
    if (o.no_wait) {
        if (c->as_json())
            print_json(answer);
        else
            print(fmt::format("import of {} has begun as transfer {}\n", printable(o.image), id));
        return;
    }
    const auto t = follow_transfer(node, id);
    if (c->as_json()) {
        print_json(t);
        return;
    }
    print(fmt::format("{} is here: {}, {} of which {} came from {}\n", printable(text(t, "image")),
                      printable(text(t, "digest")), to_size_text(number(t, "bytes_total")),
                      to_size_text(number(t, "bytes_from_source")), printable(text(t, "from"))));
    if (const auto root = text(t, "root"); !root.empty())
        print(fmt::format("root {}\n", printable(root)));
    if (const auto missing = texts(t, "missing_platforms"); !missing.empty())
        print(fmt::format("the image is not for {}\n",
                          printable(fmt::format("{}", fmt::join(missing, ", ")))));
}

}  // namespace

void add_image_commands(CLI::App& app, const context& c) {
    auto& group = add_group(app, "image", "the images that this node has");
    auto& bring = add_command(
        group, c, "import", "bring an image from its registry into the node's store",
        "  distromash image import busybox:1.35.0\n"
        "  distromash image import ghcr.io/a/b:2 --platform linux/amd64 --platform linux/arm64\n"
        "  distromash image import localhost:5000/x@sha256:… --platform all");
    const auto o = std::make_shared<import_options>();
    bring.add_option("image", o->image, "image name, as docker writes it")
        ->type_name("REF")
        ->required();
    bring
        .add_option("--platform", o->platforms,
                    "auto (this machine's, the default), all, or one such as linux/arm64; may be "
                    "repeated")
        ->type_name("PLATFORM")
        ->expected(1)
        ->take_all();
    bring
        .add_option("--from", o->from, "where to get it instead: ipfs:CID, a tree that peers have")
        ->type_name("SOURCE");
    bring.add_flag("--no-wait", o->no_wait, "return at once; `distromash status` shows the rest");
    on_run(bring, c, [c, o](node_client& node) { import(node, c, *o); });

    on_run(add_command(group, c, "ls", "list images"), c,
           [c](node_client& node) { list(node, c); });

    const auto add_named = [&](const std::string& name, const std::string& description,
                               std::function<void(node_client&, const std::string&)> run) {
        auto& command = add_command(group, c, name, description);
        const auto which = std::make_shared<std::string>();
        command.add_option("image", *which, "name, digest or root CID")
            ->type_name("IMAGE")
            ->required();
        on_run(command, c, [which, run = std::move(run)](node_client& node) { run(node, *which); });
    };
    add_named("show", "show one image: names, digests, CIDs, blobs",
              [c](node_client& node, const std::string& which) { show(node, c, which); });
    add_named("rm", "let go of an image that was imported by hand",
              [c](node_client& node, const std::string& which) {
                  const auto answer = node.remove(path_of(which));
                  if (c->as_json())
                      print_json(answer);
                  else
                      print(fmt::format("{} removed\n", printable(which)));
              });
}

}  // namespace dm::cli
