#include "daemon/doctor.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/timex.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <cstring>
#include <memory>

#include "aio/reason.hpp"
#include "aio/timeout.hpp"
#include "base/format.hpp"
#include "base/log.hpp"
#include "base/unique_fd.hpp"
#include "daemon/data_dir.hpp"
#include "daemon/engine.hpp"
#include "daemon/errc.hpp"
#include "daemon/files.hpp"
#include "daemon/platform.hpp"
#include "daemon/run_options.hpp"
#include "libp2p/host/net_address.hpp"
#include "libp2p/host/tcp_host.hpp"

namespace dm::daemon {
namespace {

namespace fs = std::filesystem;
using asio::ip::tcp;

constexpr std::uint64_t disk_free_least = 1'000'000'000;
constexpr std::uint64_t disk_free_comfortable = 10'000'000'000;
/// No machine that runs this has an earlier clock: 2025-01-01.
constexpr std::int64_t year_2025 = 1'735'689'600;
constexpr std::chrono::seconds peer_timeout{20};
constexpr std::chrono::seconds engine_timeout{5};
constexpr std::size_t peers_tried_max = 32;

using findings = std::vector<finding>;

void good(findings& out, std::string what, std::string is) {
    out.push_back({health::good, std::move(what), std::move(is), {}});
}

/// Whether a node runs on the folder now.
bool is_in_use(const fs::path& folder) {
    const unique_fd lock(::open((folder / "lock").c_str(), O_RDWR | O_CLOEXEC));
    if (!lock)
        return false;
    if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0)
        return true;
    ::flock(lock.get(), LOCK_UN);
    return false;
}

/// The nearest folder that is there.
fs::path existing(fs::path folder) {
    std::error_code code;
    folder = fs::absolute(folder, code);
    while (!fs::exists(folder, code) && folder.has_parent_path() && folder != folder.parent_path())
        folder = folder.parent_path();
    return folder;
}

void examine_folder(findings& out, const config& c, bool running) {
    const auto there = existing(c.data_dir);
    if (::access(there.c_str(), W_OK | X_OK) != 0)
        out.push_back(
            {health::bad, "folder",
             fmt::format("{} cannot be written: {}", there.string(), std::strerror(errno)),
             "run as a user who may, or choose another --data-dir"});
    else
        good(out, "folder",
             fmt::format("{}{}", c.data_dir.string(), running ? ", in use by a running node" : ""));
    std::error_code code;
    const auto space = fs::space(there, code);
    if (code) {
        out.push_back({health::bad, "disk", code.message(), "look at the disk"});
        return;
    }
    const auto is = fmt::format("{} free at {}", to_size_text(space.available), there.string());
    if (space.available < disk_free_least)
        out.push_back({health::bad, "disk", is,
                       "make room: images need it; or put --data-dir on a larger disk"});
    else if (space.available < disk_free_comfortable)
        out.push_back({health::warning, "disk", is,
                       "large images may not fit; --store-limit keeps some for others"});
    else
        good(out, "disk", is);
}

void examine_secret(findings& out, const fs::path& file, const char* what) {
    struct stat about{};
    if (::stat(file.c_str(), &about) == 0 && (about.st_mode & 077) != 0)
        out.push_back({health::warning, what,
                       fmt::format("{} can be read by other users", file.string()),
                       fmt::format("chmod 600 {}", file.string())});
}

void examine_identity(findings& out, const fs::path& folder) {
    const auto file = folder / "privateKey";
    const auto data = read_if_there(file, crypto::key_data_max);
    if (!data) {
        good(out, "identity", "none yet: made at the first start");
        return;
    }
    const auto key = multiformats::unmarshal_private_key(*data);
    if (!key)
        out.push_back(
            {health::bad, "identity",
             fmt::format("{} is no private key: {}", file.string(), key.error().message()),
             "restore it from a backup, or move it away for a new identity"});
    else
        good(out, "identity", multiformats::peer_id(key->public_key()).to_string());
    examine_secret(out, file, "identity");
}

void examine_mesh(findings& out, const config& c) {
    const auto file = c.data_dir / swarm_key_name;
    const auto key = read_swarm_key(file);
    if (key && c.open_mesh)
        out.push_back({health::bad, "mesh key", "there is one, and --open-mesh",
                       fmt::format("leave the option away, or move {} away", file.string())});
    else if (key)
        good(out, "mesh key", pnet::fingerprint(*key) + " (the same on every member)");
    else if (c.open_mesh)
        out.push_back({health::warning, "mesh key", "none: --open-mesh admits everybody",
                       "`distromash init` begins a private mesh"});
    else
        out.push_back({health::warning, "mesh key", "none: this node is alone on this machine",
                       "`distromash init` begins a mesh, `distromash join` enters one"});
    if (key)
        examine_secret(out, file, "mesh key");
    if (key && fs::exists(c.data_dir / former_swarm_key_name))
        out.push_back({health::warning, "mesh key", "the former key is taken, too",
                       "`distromash mesh-key finish` when every node has the new one"});
}

void examine_operators(findings& out, const config& c) {
    const auto file = c.data_dir / operators_name;
    std::string names;
    std::string wrong;
    each_line(file, [&](std::string_view line, int) {
        if (!multiformats::parse_peer_id(line))
            wrong = line;
        names += fmt::format("{}{}", names.empty() ? "" : ", ", line);
    });
    if (!wrong.empty()) {
        out.push_back({health::bad, "operators", fmt::format("\"{}\" is no peer id", wrong),
                       fmt::format("mend {}", file.string())});
        return;
    }
    if (c.open_operators)
        out.push_back({health::warning, "operators", "--open-operators: every member may steer",
                       "leave the option away where members are not all trusted"});
    else if (!names.empty())
        good(out, "operators", names);
    else if (read_swarm_key(c.data_dir / swarm_key_name))
        out.push_back({health::warning, "operators",
                       "none known: the first that declares itself will be obeyed",
                       "`distromash join … --operator PEER` says whom to obey"});
}

void examine_clock(findings& out) {
    if (std::chrono::system_clock::now() < wall_time(std::chrono::seconds(year_2025))) {
        out.push_back({health::bad, "clock", "it is years behind",
                       "set it, or start chrony or systemd-timesyncd: certificates of registries "
                       "are not valid by it"});
        return;
    }
    timex state{};
    if (::adjtimex(&state) == TIME_ERROR || (state.status & STA_UNSYNC) != 0)
        out.push_back({health::warning, "clock", "nothing keeps it right",
                       "start chrony or systemd-timesyncd"});
    else
        good(out, "clock", "kept right");
}

void examine_port(findings& out, const executor& ex, const std::string& what, const char* option,
                  const tcp::endpoint& at, bool by_default, bool running) {
    if (running || at.port() == 0)
        return;
    boost::system::error_code code;
    tcp::acceptor probe(ex);
    probe.open(at.protocol(), code);
    if (!code && at.address().is_v6())
        probe.set_option(asio::ip::v6_only(true), code);
    if (!code)
        probe.set_option(tcp::acceptor::reuse_address(true), code);
    if (!code)
        probe.bind(at, code);
    if (!code)
        probe.listen(1, code);
    if (!code) {
        good(out, what, fmt::format("{} is free", aio::to_string(at)));
        return;
    }
    if (by_default && at.address().is_v6() && code != asio::error::address_in_use)
        return;
    out.push_back(
        {health::bad, what, fmt::format("{}: {}", aio::to_string(at), code.message()),
         fmt::format("stop what uses it (`ss -ltnp`), or choose another address with {}", option)});
}

void examine_ports(findings& out, const executor& ex, const config& c, bool running) {
    if (running) {
        good(out, "ports", "in use by the running node");
        return;
    }
    for (const auto& at : c.api.at)
        examine_port(out, ex, "API", "--api", at, c.api.by_default, running);
    for (const auto& at : c.registry.at)
        examine_port(out, ex, "registry", "--registry", at, c.registry.by_default, running);
    if (c.p2p.empty()) {
        examine_port(out, ex, "peers", "--p2p", {tcp::v4(), p2p_port}, true, running);
        examine_port(out, ex, "peers", "--p2p", {tcp::v6(), p2p_port}, true, running);
    }
    for (const auto& address : c.p2p)
        if (const auto at = host::to_endpoint(address))
            examine_port(out, ex, "peers", "--p2p", *at, false, running);
}

awaitable<void> examine_engine(findings& out, executor ex, const config& c) {
    if (c.engine == engine_kind::none) {
        good(out, "engine", "none: this node stores and serves images only");
        co_return;
    }
    http::client client(ex);
    std::string trouble;
    try {
        const auto engine = make_engine(ex, client, c, host_platform());
        const auto info = co_await aio::with_timeout(engine->info(), engine_timeout);
        good(out, "engine",
             fmt::format("{} {}, API {}, {}", info.name, info.version, info.api_version,
                         engine::to_string(info.runs_on)));
    } catch (const std::exception& e) {
        if (aio::is_cancelled(e))
            throw;
        trouble = aio::reason_of(e);
    }
    co_await client.stop();
    if (!trouble.empty())
        out.push_back({health::bad, "engine", fmt::format("{}: {}", c.docker_host, trouble),
                       "start Docker, add this user to the group docker, or use --docker-host; "
                       "--engine none for a node without"});
}

std::vector<host::known_peer> first_peers(findings& out, const config& c) {
    auto all = c.bootstrap;
    const auto file = c.data_dir / "peerstore";
    each_line(file, [&](std::string_view line, int) {
        if (auto peer = host::parse_known_peer(line))
            all.push_back(*std::move(peer));
        else
            out.push_back({health::bad, "peer", peer.error().message(),
                           fmt::format("mend {}", file.string())});
    });
    if (all.size() > peers_tried_max)
        all.erase(all.begin() + peers_tried_max, all.end());
    return all;
}

/// With an identity made up for this: the node's own may be in use.
awaitable<void> examine_peers(findings& out, executor ex, const config& c) {
    const auto all = first_peers(out, c);
    if (all.empty()) {
        good(out, "peers", "none named in peerstore or by --bootstrap");
        co_return;
    }
    aio::pool workers(1);
    host::tcp_host_options options;
    options.network = read_swarm_key(c.data_dir / swarm_key_name);
    options.former_network = read_swarm_key(c.data_dir / former_swarm_key_name);
    host::tcp_host probe(ex, workers, crypto::private_key::generate(), options);
    probe.start();
    for (const auto& peer : all) {
        const auto name = peer.address.with_peer(peer.id).to_string();
        std::string trouble;
        try {
            co_await aio::with_timeout(probe.connect(peer.id, {peer.address}), peer_timeout);
        } catch (const std::exception& e) {
            if (aio::is_cancelled(e))
                throw;
            trouble = aio::reason_of(e);
        }
        if (trouble.empty())
            good(out, "peer", name + " answers");
        else
            out.push_back({health::bad, "peer", fmt::format("{}: {}", name, trouble),
                           "look whether it runs, whether a firewall lets its port through, and "
                           "whether it has the same mesh key (`distromash mesh-key show`)"});
    }
    co_await probe.stop();
}

/// What cannot be looked at is a finding, too.
template <class Look>
void look(findings& out, const char* what, Look examine_it) {
    try {
        examine_it();
    } catch (const failure& e) {
        out.push_back({health::bad, what, e.what(), "mend or move that file"});
    }
}

int doctor(const config& c) {
    log::configure(log_level::off, log_format::text);
    asio::io_context loop(1);
    findings all;
    std::exception_ptr failed;
    asio::co_spawn(
        loop,
        [](config about, findings* into) -> awaitable<void> {
            *into = co_await examine(std::move(about));
        }(c, &all),
        [&](std::exception_ptr e) { failed = e; });
    loop.run();
    if (failed)
        std::rethrow_exception(failed);
    fmt::print("{}", to_text(all));
    return is_healthy(all) ? 0 : 1;
}

}  // namespace

awaitable<std::vector<finding>> examine(config c) {
    const auto ex = co_await asio::this_coro::executor;
    findings out;
    const bool running = is_in_use(c.data_dir);
    examine_folder(out, c, running);
    look(out, "identity", [&] { examine_identity(out, c.data_dir); });
    look(out, "mesh key", [&] { examine_mesh(out, c); });
    look(out, "operators", [&] { examine_operators(out, c); });
    examine_clock(out);
    examine_ports(out, ex, c, running);
    co_await examine_engine(out, ex, c);
    co_await examine_peers(out, ex, c);
    co_return out;
}

std::string to_text(const std::vector<finding>& all) {
    std::string out;
    for (const auto& f : all) {
        const auto* how = f.how == health::good ? "ok" : f.how == health::warning ? "warn" : "BAD";
        out += fmt::format("{:<5} {:<10} {}\n", how, f.what, f.is);
        if (!f.remedy.empty())
            out += fmt::format("{:<16} → {}\n", "", f.remedy);
    }
    return out;
}

bool is_healthy(const std::vector<finding>& all) {
    return std::ranges::none_of(all, [](const finding& f) { return f.how == health::bad; });
}

void add_doctor(CLI::App& app, action& chosen) {
    auto& command = *app.add_subcommand(
        "doctor", "say what keeps a node with these options from working, and what to do");
    command.footer("It takes the options of `run`. Exit code 1 when something is bad.");
    const auto options = std::make_shared<run_options>();
    add_run_options(command, *options);
    command.callback([&command, &chosen, options] {
        auto c = config_of(command, *options);
        if (!c && c.error().code == errc::bad_option)
            throw CLI::ValidationError(c.error().message());
        chosen = [c = std::move(c)] { return doctor(value_or_throw(c)); };
    });
}

}  // namespace dm::daemon
