#include "daemon/mesh_commands.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>

#include "base/hex.hpp"
#include "crypto/random.hpp"
#include "daemon/config.hpp"
#include "daemon/data_dir.hpp"
#include "daemon/errc.hpp"
#include "daemon/files.hpp"
#include "daemon/run_options.hpp"
#include "libp2p/host/net_address.hpp"

namespace dm::daemon {
namespace {

namespace fs = std::filesystem;
using multiformats::peer_id;

constexpr const char* mesh_key_variable = "DISTROMASH_MESH_KEY";

pnet::swarm_key parsed_mesh_key(const std::string& text) {
    const auto data = from_hex(text);
    pnet::swarm_key out{};
    if (!data || data->size() != out.size())
        raise(errc::bad_swarm_key,
              "--mesh-key: write the 64 hex digits that `distromash init` printed");
    std::ranges::copy(*data, out.begin());
    return out;
}

std::vector<peer_id> parsed_operators(const std::vector<std::string>& texts) {
    std::vector<peer_id> out;
    for (const auto& text : texts) {
        const auto id = multiformats::parse_peer_id(text);
        if (!id)
            raise(errc::bad_option, fmt::format("--operator: \"{}\" is no peer id", text));
        out.push_back(*id);
    }
    return out;
}

/// Where others can reach a node that listens on all interfaces: those of other machines first.
std::vector<std::string> reachable_at(const peer_id& self) {
    using asio::ip::tcp;
    std::vector<multiformats::multiaddr> all;
    for (const tcp::endpoint& any :
         {tcp::endpoint(tcp::v4(), p2p_port), tcp::endpoint(tcp::v6(), p2p_port)})
        for (auto& a : host::interface_addresses(any))
            all.push_back(std::move(a));
    std::erase_if(all, [&](const auto& a) {
        return host::reach_of(a) == host::reach::loopback &&
               std::ranges::any_of(
                   all, [](const auto& b) { return host::reach_of(b) != host::reach::loopback; });
    });
    std::vector<std::string> out;
    for (const auto& a : all)
        out.push_back(a.with_peer(self).to_string());
    return out;
}

struct init_options {
    std::string folder = "data";
    std::vector<std::string> addresses;
    bool open_operators = false;
};

int init(const init_options& o) {
    const data_dir data(o.folder);
    const peer_id self(data.identity().public_key());
    const bool made = data.make_swarm_key();
    const auto key = *data.swarm_key();
    auto roots = data.operators();
    // A node of a mesh that somebody else has begun does not declare itself.
    if (made && roots.empty() && !o.open_operators) {
        roots.push_back(self);
        data.write_operators(roots);
    }
    fmt::print("peer      {}\nmesh      {}\nkey       {} ({})\n", self.to_string(),
               pnet::fingerprint(key), (data / swarm_key_name).string(),
               made ? "new" : "was there already");
    std::string operators;
    for (const auto& id : roots) {
        fmt::print("operator  {}{}\n", id.to_string(), id == self ? " (this node)" : "");
        if (roots.size() > 1 || id != self)
            operators += fmt::format(" --operator {}", id.to_string());
    }
    if (roots.empty())
        fmt::print("operator  every member\n");
    auto where = o.addresses;
    for (auto& a : where)
        if (!a.contains("/p2p/"))
            a += "/p2p/" + self.to_string();
    if (where.empty())
        where = reachable_at(self);
    fmt::print(
        "\nStart this node with `distromash run`. Each other node becomes a member with one\n"
        "line, which is secret, since it holds the key of the mesh:\n\n");
    for (std::size_t i = 0; i < where.size(); ++i)
        fmt::print("{}  distromash join {} --mesh-key {}{}\n",
                   i == 1 ? "\nor, where that address cannot be reached:\n\n" : "", where[i],
                   to_hex(key), operators);
    return 0;
}

struct join_options {
    std::string folder = "data";
    std::string address;
    std::string mesh_key;
    std::vector<std::string> operators;
};

int join(const join_options& o) {
    const auto peer = value_or_throw(host::parse_known_peer(o.address));
    const auto key = parsed_mesh_key(o.mesh_key);
    auto roots = parsed_operators(o.operators);
    const data_dir data(o.folder);
    const peer_id self(data.identity().public_key());
    if (peer.id == self)
        raise(errc::bad_option, "that is the address of this node: run the line on another one");
    if (const auto known = data.swarm_key(); known && *known != key)
        raise(errc::bad_swarm_key,
              fmt::format("{} is the key of another mesh: move it away to leave that one, or use "
                          "`distromash mesh-key rotate` to change the key of this one",
                          (data / swarm_key_name).string()));
    if (roots.empty() && data.operators().empty())
        roots.push_back(peer.id);
    data.write_swarm_key(key);
    if (!roots.empty())
        data.write_operators(roots);
    data.add_to_peerstore(peer.address.with_peer(peer.id).to_string());
    fmt::print("peer      {}\nmesh      {}\n", self.to_string(), pnet::fingerprint(key));
    for (const auto& id : data.operators())
        fmt::print("operator  {}\n", id.to_string());
    fmt::print(
        "\nThis node is a member: start it with `distromash run`. `distromash doctor` says\n"
        "whether all is well.\n");
    return 0;
}

int show_keys(const fs::path& folder) {
    const auto key = read_swarm_key(folder / swarm_key_name);
    const auto former = read_swarm_key(folder / former_swarm_key_name);
    if (!key)
        raise(errc::bad_swarm_key, fmt::format("{} belongs to no private mesh: `distromash init` "
                                               "or `distromash join` makes it a member of one",
                                               folder.string()));
    fmt::print("mesh      {}\n", pnet::fingerprint(*key));
    if (former)
        fmt::print("former    {} (taken as well, until `distromash mesh-key finish`)\n",
                   pnet::fingerprint(*former));
    return 0;
}

/// Also while the node runs, which looks at the files every few seconds.
int rotate(const fs::path& folder, const std::string& text) {
    const auto current = read_swarm_key(folder / swarm_key_name);
    if (!current)
        return show_keys(folder);
    pnet::swarm_key next{};
    if (text.empty())
        crypto::fill_random(next);
    else
        next = parsed_mesh_key(text);
    if (next != *current) {
        const auto unfinished = read_swarm_key(folder / former_swarm_key_name);
        if (unfinished && *unfinished != next)
            raise(errc::bad_swarm_key,
                  "the last change of the key is not finished: `distromash mesh-key finish` when "
                  "all nodes have it");
        // In this order: whatever happens in between, the node has a key that the others take.
        write_new_file(folder / former_swarm_key_name, as_bytes(pnet::to_text(*current)), 0600);
        write_new_file(folder / swarm_key_name, as_bytes(pnet::to_text(next)), 0600);
    }
    show_keys(folder);
    fmt::print(
        "\nThis node takes both keys now, a running one within seconds. On every other node,\n"
        "one after the other (the line is secret):\n\n"
        "  distromash mesh-key rotate --mesh-key {}\n\n"
        "When all have it, on every node:\n\n  distromash mesh-key finish\n",
        to_hex(next));
    return 0;
}

int finish(const fs::path& folder) {
    remove_file(folder / former_swarm_key_name);
    return show_keys(folder);
}

void add_init(CLI::App& app, action& chosen) {
    auto& command = *app.add_subcommand("init",
                                        "begin a private mesh: the identity of this node, the key "
                                        "of the mesh, and this node as its "
                                        "operator; prints how others join");
    const auto o = std::make_shared<init_options>();
    add_data_dir_option(command, o->folder);
    command
        .add_option(
            "--p2p", o->addresses,
            "where others reach this node, for the line that they join with; may be repeated "
            "(its interfaces)")
        ->type_name("MULTIADDR");
    command.add_flag("--open-operators", o->open_operators,
                     "name no operator: every member may steer the mesh");
    command.callback([&chosen, o] { chosen = [o] { return init(*o); }; });
}

void add_join(CLI::App& app, action& chosen) {
    auto& command =
        *app.add_subcommand("join", "make this node a member of a mesh, by the line of `init`");
    const auto o = std::make_shared<join_options>();
    command.add_option("address", o->address, "a member's address")
        ->type_name("MULTIADDR")
        ->required();
    command.add_option("--mesh-key", o->mesh_key, "the key of the mesh, 64 hex digits")
        ->envname(mesh_key_variable)
        ->type_name("KEY")
        ->required();
    command
        .add_option("--operator", o->operators,
                    "whom this node obeys; may be repeated (the member at the address)")
        ->type_name("PEER");
    add_data_dir_option(command, o->folder);
    command.callback([&chosen, o] { chosen = [o] { return join(*o); }; });
}

void add_mesh_key(CLI::App& app, action& chosen) {
    auto& group = *app.add_subcommand("mesh-key", "the key of the mesh: show, change");
    group.require_subcommand(1);
    const auto folder = std::make_shared<std::string>("data");
    auto& show = *group.add_subcommand("show", "print its fingerprint");
    add_data_dir_option(show, *folder);
    show.callback([&chosen, folder] { chosen = [folder] { return show_keys(*folder); }; });
    auto& change = *group.add_subcommand(
        "rotate", "change it, node after node, without an outage: this node then takes both");
    const auto key = std::make_shared<std::string>();
    change.add_option("--mesh-key", *key, "the new key, 64 hex digits (a new random one)")
        ->envname(mesh_key_variable)
        ->type_name("KEY");
    add_data_dir_option(change, *folder);
    change.callback(
        [&chosen, folder, key] { chosen = [folder, key] { return rotate(*folder, *key); }; });
    auto& end = *group.add_subcommand("finish", "take the new key only");
    add_data_dir_option(end, *folder);
    end.callback([&chosen, folder] { chosen = [folder] { return finish(*folder); }; });
}

}  // namespace

void add_mesh_commands(CLI::App& app, action& chosen) {
    add_init(app, chosen);
    add_join(app, chosen);
    add_mesh_key(app, chosen);
}

}  // namespace dm::daemon
