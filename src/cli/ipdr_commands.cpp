#include <fmt/format.h>
#include <unistd.h>

#include <set>

#include "cli/command.hpp"
#include "cli/errc.hpp"
#include "cli/image_places.hpp"
#include "multiformats/dockerize.hpp"
#include "oci/transport/docker_daemon.hpp"

/// The commands of the prototype's ipdr, with its flags and output, over a node.
namespace dm::cli {
namespace {

constexpr std::string_view ipfs_prefix = "/ipfs/";

struct ipdr_options {
    std::string what;
    std::string registry;
    std::string format = "docker";
    bool silent = false;
    bool is_short = true;
    std::string unused = {};
};

struct server_options {
    std::uint16_t port = 5000;
    std::string cert;
    std::string key;
    std::string unused = {};
    std::vector<std::string> unused_list = {};
    bool silent = false;
};

multiformats::cid root_of(std::string_view name) {
    auto rest = name;
    if (rest.starts_with(ipfs_prefix))
        rest.remove_prefix(ipfs_prefix.size());
    auto root = multiformats::undockerize(rest);
    if (!root)
        root = multiformats::parse_cid(rest);
    if (!root)
        raise(errc::bad_input, fmt::format("{} is neither a CID nor a ciq… name", printable(name)));
    return *std::move(root);
}

std::string convert(std::string_view name, bool to_docker) {
    const auto root = root_of(name);
    return to_docker ? value_or_throw(multiformats::dockerize(root)) : root.to_v1().to_string();
}

/// What an image of Docker is called in the fleet: "busybox:1" is "mesh/busybox:1".
oci::reference fleet_reference(const std::string& name) {
    auto out = value_or_throw(oci::parse_reference(name));
    constexpr std::string_view library = "library/";
    if (out.domain == oci::docker_hub && out.path.starts_with(library))
        out.path.erase(0, library.size());
    out.domain = oci::fleet_domain;
    if (out.tag.empty())
        out.tag = "latest";
    out.digest.reset();
    return out;
}

void push(node_client& node, const ipdr_options& o) {
    const auto from = open_source({transport::form::docker_daemon, "", o.what});
    const auto done =
        bring_image(node, parse_registry(o.registry), fleet_reference(o.what), *from, {});
    print(fmt::format("{}{}\n", o.silent ? "" : ipfs_prefix, printable(done.root)));
}

std::optional<json> find_image(node_client& node, const std::string& which) {
    try {
        return member(node.get("/image/" + segment(which)), "image");
    } catch (const failure& e) {
        if (e.code() == errc::refused)
            return std::nullopt;
        throw;
    }
}

void pull(node_client& node, const ipdr_options& o) {
    const auto root = root_of(o.what);
    const auto name = value_or_throw(multiformats::dockerize(root));
    const auto known = find_image(node, root.to_v1().to_string());
    if (!known || !truth(*known, "complete")) {
        const auto order = node.post("/image", {{"ref", "mesh/ipdr/" + name + ":latest"},
                                                {"from", "ipfs:" + root.to_string()}});
        follow_transfer(node, text(order, "transfer"));
    }
    const auto tag = fmt::format("{}/{}:latest", parse_registry(o.registry).domain, name);
    transport::pull_into_daemon(transport::daemon_socket(), tag);
    print(tag + "\n");
}

void list_tags(node_client& node, const oci::reference& asked) {
    std::set<std::string> tags;
    for (const auto& image : member(node.get("/image"), "images"))
        for (const auto& text : texts(image, "names"))
            if (const auto name = oci::parse_reference(text);
                name && !name->tag.empty() &&
                (name->repository() == asked.repository() ||
                 name->repository() == fleet_reference(asked.familiar()).repository()))
                tags.insert(name->tag);
    if (tags.empty())
        raise(errc::failed, fmt::format("this node knows no image {}", asked.familiar()));
    for (const auto& tag : tags)
        print(printable(tag) + "\n");
}

void dig(node_client& node, const ipdr_options& o) {
    const auto asked = value_or_throw(oci::parse_reference(o.what));
    const bool has_tag = o.what.find(':', o.what.rfind('/') + 1) != std::string::npos;
    if (!has_tag)
        return list_tags(node, asked);
    auto image = find_image(node, fleet_reference(o.what).familiar());
    if (!image)
        image = find_image(node, o.what);
    if (!image)
        raise(errc::failed, fmt::format("this node knows no image {}", printable(o.what)));
    const auto root = printable(text(*image, "root"));
    print(o.is_short ? root + "\n" : fmt::format("{} {}\n", printable(o.what), root));
}

/// The node itself, in place of this command.
int serve(const server_options& o) {
    std::vector<std::string> words{"distromash", "run"};
    for (const auto* host : {"127.0.0.1", "[::1]"}) {
        words.emplace_back("--registry");
        words.push_back(fmt::format("{}:{}", host, o.port));
    }
    if (!o.cert.empty())
        words.insert(words.end(), {"--registry-cert", o.cert});
    if (!o.key.empty())
        words.insert(words.end(), {"--registry-key", o.key});
    if (o.silent)
        words.insert(words.end(), {"--log-level", "error"});
    std::vector<char*> arguments;
    arguments.reserve(words.size() + 1);
    for (auto& word : words)
        arguments.push_back(word.data());
    arguments.push_back(nullptr);
    ::execv("/proc/self/exe", arguments.data());
    raise(errc::failed, "cannot start a node: `distromash run` is the command for it");
}

/// Flags of a Kubo that is not needed: the node is the IPFS peer.
void add_unused(CLI::App& command, std::string& into, const std::vector<const char*>& names) {
    for (const auto* name : names)
        command.add_option(name, into, "as ipdr has it; not needed, the node is the IPFS peer");
}

CLI::App& add_ipdr(CLI::App& group, const context& c, const std::shared_ptr<ipdr_options>& o,
                   const std::string& name, const std::string& description,
                   const std::string& examples) {
    auto& out = add_command(group, c, name, description, examples);
    out.add_flag("-s,--silent", o->silent, "print the bare result only");
    o->registry = default_registry;
    out.add_option("--docker-registry-host,--registry", o->registry,
                   "the node's registry (default 127.0.0.1:5005)")
        ->envname("DISTROMASH_NODE_REGISTRY")
        ->type_name("ADDR");
    add_unused(out, o->unused, {"--ipfs-host", "-g,--ipfs-gateway"});
    return out;
}

void add_convert(CLI::App& group, const context& c) {
    auto& command = *group.add_subcommand(
        "convert", "write the name of an image root the other way; needs no node");
    command.footer(
        "Examples:\n"
        "  distromash ipdr convert QmaCm7VNsmM61FApFevTcJ1PxPabmfY4Tf2dFjpAdVdHLF\n"
        "  distromash ipdr convert ciqlarwwgn3qewftxxsapdx6aqi5yi7scootos7m5bqbjuzshoavapa -f "
        "ipfs");
    const auto o = std::make_shared<ipdr_options>();
    command.add_option("name", o->what, "a CID, /ipfs/<CID>, or a ciq… name")
        ->type_name("NAME")
        ->required();
    command.add_option("-f,--format", o->format, "docker (ciq…, the default) or ipfs (a CID)")
        ->check(CLI::IsMember({"docker", "ipfs"}))
        ->type_name("docker|ipfs");
    command.callback([c, o] {
        *c->chosen = [o] {
            print(convert(o->what, o->format == "docker") + "\n");
            return 0;
        };
    });
}

void add_server(CLI::App& group, const context& c) {
    auto& command = *group.add_subcommand(
        "server", "run a node whose registry listens at this port of this machine");
    const auto o = std::make_shared<server_options>();
    command.add_option("-p,--port", o->port, "port of the registry (default 5000)");
    command.add_option("--tlsCertPath", o->cert, "certificate of the registry (PEM)");
    command.add_option("--tlsKeyPath", o->key, "its key (PEM)");
    command.add_flag("-s,--silent", o->silent, "log errors only");
    add_unused(command, o->unused, {"--ipfs-host", "-g,--ipfs-gateway", "--cid-store"});
    command.add_option("--cid-resolver", o->unused_list,
                       "as ipdr has it; not needed, the node knows its images");
    command.callback([c, o] { *c->chosen = [o] { return serve(*o); }; });
}

}  // namespace

void add_ipdr_commands(CLI::App& app, const context& c) {
    auto& group = add_group(app, "ipdr", "what the ipdr tool of the prototype did");
    const auto pushed = std::make_shared<ipdr_options>();
    auto& give = add_ipdr(group, c, pushed, "push", "bring an image of Docker into the node",
                          "  distromash ipdr push app:1\n"
                          "  distromash ipdr push app:1 --silent");
    give.add_option("image", pushed->what, "its name in Docker")->type_name("IMAGE")->required();
    on_run(give, c, [pushed](node_client& node) { push(node, *pushed); });

    const auto pulled = std::make_shared<ipdr_options>();
    auto& get = add_ipdr(group, c, pulled, "pull", "bring an image into Docker by its root",
                         "  distromash ipdr pull "
                         "bafybeifqi3ldg5yclcz33zahr37aieo4epzbhhjxjpwoqyau2mzdxakqhq");
    get.add_option("cid", pulled->what, "a CID, /ipfs/<CID>, or a ciq… name")
        ->type_name("CID")
        ->required();
    on_run(get, c, [pulled](node_client& node) { pull(node, *pulled); });

    const auto dug = std::make_shared<ipdr_options>();
    auto& look = add_ipdr(group, c, dug, "dig", "print the root of an image, or its tags",
                          "  distromash ipdr dig app:1\n  distromash ipdr dig app");
    look.add_option("name", dug->what, "NAME:TAG; without a tag its tags are listed")
        ->type_name("NAME")
        ->required();
    look.add_option("--short", dug->is_short, "only the root (true, the default)");
    on_run(look, c, [dug](node_client& node) { dig(node, *dug); });

    add_convert(group, c);
    add_server(group, c);
}

}  // namespace dm::cli
