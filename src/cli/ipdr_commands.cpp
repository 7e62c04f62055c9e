#include <fmt/format.h>

#include "cli/command.hpp"
#include "cli/errc.hpp"
#include "multiformats/dockerize.hpp"

namespace dm::cli {
namespace {

std::string convert(std::string_view name, bool to_docker) {
    constexpr std::string_view prefix = "/ipfs/";
    if (name.starts_with(prefix))
        name.remove_prefix(prefix.size());
    auto root = multiformats::undockerize(name);
    if (!root)
        root = multiformats::parse_cid(name);
    if (!root)
        raise(errc::bad_input, fmt::format("{} is neither a CID nor a ciq… name", printable(name)));
    if (!to_docker)
        return root->to_v1().to_string();
    return value_or_throw(multiformats::dockerize(*root));
}

}  // namespace

void add_ipdr_commands(CLI::App& app, const context& c) {
    auto& group = add_group(app, "ipdr", "what the ipdr tool of the prototype did");
    auto& command = *group.add_subcommand(
        "convert", "write the name of an image root the other way; needs no node");
    command.footer(
        "Examples:\n"
        "  distromash ipdr convert QmaCm7VNsmM61FApFevTcJ1PxPabmfY4Tf2dFjpAdVdHLF\n"
        "  distromash ipdr convert ciqlarwwgn3qewftxxsapdx6aqi5yi7scootos7m5bqbjuzshoavapa -f "
        "ipfs");
    const auto name = std::make_shared<std::string>();
    const auto format = std::make_shared<std::string>("docker");
    command.add_option("name", *name, "a CID, /ipfs/<CID>, or a ciq… name")
        ->type_name("NAME")
        ->required();
    command.add_option("-f,--format", *format, "docker (ciq…, the default) or ipfs (a CID)")
        ->check(CLI::IsMember({"docker", "ipfs"}))
        ->type_name("docker|ipfs");
    command.callback([c, name, format] {
        *c->chosen = [name, format] {
            print(convert(*name, *format == "docker") + "\n");
            return 0;
        };
    });
}

}  // namespace dm::cli
