#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>

#include "base/json/read.hpp"
#include "base/unique_fd.hpp"
#include "oci/reference.hpp"
#include "oci/upstream/credentials.hpp"
#include "oci/upstream/errc.hpp"

extern char** environ;

namespace dm::upstream {
namespace {

using clock = std::chrono::steady_clock;

constexpr std::size_t helper_output_bytes_max = 64 << 10;
constexpr std::string_view none_found = "credentials not found in native keychain";

/// Two connected ends; sockets, because writing to a pipe that the helper closed would be a signal.
struct channel {
    unique_fd ours;
    unique_fd theirs;
};

result<channel> make_channel() {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
        return fail(errc::bad_credentials, "no channel to a credential helper");
    return channel{unique_fd(ends[0]), unique_fd(ends[1])};
}

/// A running helper; killed and reaped at the end, whatever happens.
class child {
  public:
    explicit child(pid_t pid) : pid_(pid) {}
    child(const child&) = delete;
    child& operator=(const child&) = delete;
    ~child() {
        if (pid_ > 0) {
            ::kill(pid_, SIGKILL);
            ::waitpid(pid_, nullptr, 0);
        }
    }
    /// Its exit status, once it has closed its output.
    int wait(clock::time_point deadline) {
        int status = 0;
        while (::waitpid(pid_, &status, WNOHANG) == 0) {
            if (clock::now() >= deadline)
                return -1;
            ::usleep(2000);
        }
        pid_ = 0;
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    }

  private:
    pid_t pid_;
};

result<pid_t> start(const std::string& program, const channel& in, const channel& out) {
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in.theirs.get(), STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, out.theirs.get(), STDOUT_FILENO);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
    std::string get = "get";
    std::string name = program;
    const std::array<char*, 3> arguments{name.data(), get.data(), nullptr};
    posix_spawnattr_t attributes;  // a signal that we ignore would be ignored there, too
    posix_spawnattr_init(&attributes);
    sigset_t pipe_only;
    sigemptyset(&pipe_only);
    sigaddset(&pipe_only, SIGPIPE);
    posix_spawnattr_setsigdefault(&attributes, &pipe_only);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
    pid_t pid = 0;
    const int code =
        ::posix_spawnp(&pid, program.c_str(), &actions, &attributes, arguments.data(), environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    if (code != 0)
        return fail(errc::bad_credentials,
                    fmt::format("{} cannot be run: is it installed?", program));
    return pid;
}

result<std::string> read_all(int fd, clock::time_point deadline, const std::string& program) {
    std::string out;
    for (;;) {
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(deadline - clock::now());
        pollfd waiting{fd, POLLIN, 0};
        if (left.count() <= 0 || ::poll(&waiting, 1, static_cast<int>(left.count())) == 0)
            return fail(errc::bad_credentials, fmt::format("{} did not answer in time", program));
        std::array<char, 4096> piece;
        const auto n = ::read(fd, piece.data(), piece.size());
        if (n == 0)
            return out;
        if (n < 0 && errno != EINTR)
            return fail(errc::bad_credentials, fmt::format("{} cannot be read", program));
        if (n > 0)
            out.append(piece.data(), static_cast<std::size_t>(n));
        if (out.size() > helper_output_bytes_max)
            return fail(errc::bad_credentials, fmt::format("{} says too much", program));
    }
}

result<credential> parse_answer(const std::string& text, const std::string& program) {
    const auto value = json::read(text, {.bytes_max = helper_output_bytes_max});
    const auto* user = value ? json::string_member(*value, "Username") : nullptr;
    const auto* secret = value ? json::string_member(*value, "Secret") : nullptr;
    if (!user || !secret)
        return fail(errc::bad_credentials,
                    fmt::format("{} did not answer with user and secret", program));
    if (*user == "<token>")
        return credential{credential::kind::identity_token, {}, *secret};
    return credential{credential::kind::password, *user, *secret};
}

bool is_helper_name(std::string_view name) {
    return !name.empty() && name.size() <= 64 && std::ranges::all_of(name, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '-' || c == '_' || c == '.';
    });
}

}  // namespace

result<credential> ask_credential_helper(const std::string& name, const std::string& domain,
                                         std::chrono::milliseconds limit) {
    if (!is_helper_name(name))
        return fail(errc::bad_credentials, "the name of its credential helper is unusable");
    const auto program = "docker-credential-" + name;
    const auto server =
        domain == oci::docker_hub ? std::string("https://index.docker.io/v1/") : domain;
    auto in = make_channel();
    auto out = make_channel();
    if (!in || !out)
        return fail(!in ? in.error() : out.error());
    const auto pid = start(program, *in, *out);
    if (!pid)
        return fail(pid.error());
    child helper(*pid);
    in->theirs = {};
    out->theirs = {};
    // Fits into the socket's buffer; a helper that does not read it need not hear it.
    const auto line = server + '\n';
    static_cast<void>(::send(in->ours.get(), line.data(), line.size(), MSG_NOSIGNAL));
    in->ours = {};
    const auto deadline = clock::now() + limit;
    const auto text = read_all(out->ours.get(), deadline, program);
    if (!text)
        return fail(text.error());
    const int status = helper.wait(deadline);
    if (status != 0 && text->contains(none_found))
        return credential{};
    if (status != 0)
        return fail(errc::bad_credentials, fmt::format("{} failed", program));
    return parse_answer(*text, program);
}

}  // namespace dm::upstream
