#include <fmt/format.h>

#include "base/format.hpp"
#include "cli/command.hpp"
#include "cli/errc.hpp"
#include "cli/image_places.hpp"

namespace dm::cli {
namespace {

struct import_options {
    std::string image;
    std::vector<std::string> platforms;
    std::string from;
    std::string registry;
    bool no_wait = false;
};

struct export_options {
    std::string from;
    std::string to;
    std::vector<std::string> platforms;
    std::string registry;
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

void print_copied(const context& c, const std::string& name, const transport::copied& what,
                  const std::string& root) {
    if (c->as_json()) {
        json out{{"image", name},
                 {"digest", what.digest.to_string()},
                 {"bytes_written", what.bytes_written}};
        if (!root.empty())
            out["root"] = root;
        print_json(out);
        return;
    }
    print(fmt::format("{} is there: {}, {} of which were new\n", printable(name),
                      what.digest.to_string(), to_size_text(what.bytes_written)));
    if (!root.empty())
        print(fmt::format("root {}\n", printable(root)));
}

/// Reads it here, with the rights of whoever runs the command, and gives it to the node.
void import_from(node_client& node, const context& c, const import_options& o) {
    const auto name = value_or_throw(oci::parse_reference(o.image));
    const auto from = open_source(value_or_throw(transport::parse_location(o.from)));
    const auto done = bring_image(node, parse_registry(o.registry), name, *from,
                                  {.platforms = platforms_of(o.platforms)});
    print_copied(c, name.familiar(), done.what, done.root);
}

void export_to(node_client& node, const context& c, const export_options& o) {
    const auto to = value_or_throw(transport::parse_location(o.to));
    const auto from = open_image(node, parse_registry(o.registry), o.from);
    const bool has_name = !crypto::parse_digest(o.from) && oci::parse_reference(o.from);
    print_copied(
        c, o.to,
        copy_to(*from, to, has_name ? o.from : "", {.platforms = platforms_of(o.platforms)}), "");
}

void copy(const context& c, const export_options& o) {
    const auto to = value_or_throw(transport::parse_location(o.to));
    const auto where = value_or_throw(transport::parse_location(o.from));
    print_copied(
        c, o.to,
        copy_to(*open_source(where), to, where.name, {.platforms = platforms_of(o.platforms)}), "");
}

void import(node_client& node, const context& c, const import_options& o) {
    if (transport::has_transport(o.from))
        return import_from(node, c, o);
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

namespace {

constexpr const char* platform_help =
    "all that there is (the default), auto (this machine's), or one such as linux/arm64; may be "
    "repeated";

void add_export_commands(CLI::App& group, const context& c) {
    const auto o = std::make_shared<export_options>();
    auto& give = add_command(
        group, c, "export", "write an image that this node has into a folder, archive or registry",
        "  distromash image export busybox:1.35.0 oci:DIR:1.35.0\n"
        "  distromash image export busybox:1.35.0 docker-archive:busybox.tar\n"
        "  distromash image export busybox:1.35.0 docker://registry.lan/busybox:1.35.0");
    give.add_option("image", o->from, "name, digest or root CID")->type_name("IMAGE")->required();
    auto& both = add_command(
        group, c, "copy", "copy an image from one place to another; needs neither node nor Docker",
        "  distromash image copy docker.io/library/busybox:1 docker://registry.lan/busybox:1\n"
        "  distromash image copy docker-archive:saved.tar oci:DIR:1");
    both.add_option("source", o->from, "where it is")->type_name("SOURCE")->required();
    for (auto* command : {&give, &both}) {
        command
            ->add_option("target", o->to,
                         "oci:DIR[:TAG], oci-archive:TAR[:TAG], docker-archive:TAR[:REF], "
                         "docker-daemon:REF or docker://REF")
            ->type_name("TARGET")
            ->required();
        command->add_option("--platform", o->platforms, platform_help)
            ->type_name("PLATFORM")
            ->expected(1)
            ->take_all();
    }
    add_registry_option(give, o->registry);
    on_run(give, c, [c, o](node_client& node) { export_to(node, c, *o); });
    both.callback([c, o] {
        *c->chosen = [c, o] {
            copy(c, *o);
            return 0;
        };
    });
}

}  // namespace

void add_image_commands(CLI::App& app, const context& c) {
    auto& group = add_group(app, "image", "the images that this node has");
    auto& bring = add_command(
        group, c, "import", "bring an image into the node's store, from its registry or elsewhere",
        "  distromash image import busybox:1.35.0\n"
        "  distromash image import ghcr.io/a/b:2 --platform linux/amd64 --platform linux/arm64\n"
        "  distromash image import localhost:5000/x@sha256:… --platform all\n"
        "  distromash image import busybox:1.35.0 --from docker-archive:busybox.tar\n"
        "  distromash image import mesh/team/app:1 --from oci:DIR:1");
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
        .add_option("--from", o->from,
                    "where to get it instead: oci:DIR[:TAG], oci-archive:TAR[:TAG], "
                    "docker-archive:TAR[:REF] (TAR may be - for standard input), "
                    "docker-daemon:REF, docker://REF, or ipfs:CID, a tree that peers have")
        ->type_name("SOURCE");
    add_registry_option(bring, o->registry);
    bring.add_flag("--no-wait", o->no_wait, "return at once; `distromash status` shows the rest");
    on_run(bring, c, [c, o](node_client& node) { import(node, c, *o); });

    add_export_commands(group, c);

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
