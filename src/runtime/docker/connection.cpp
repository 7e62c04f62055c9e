#include "runtime/docker/connection.hpp"

#include <fmt/format.h>

#include "runtime/docker/line_splitter.hpp"

namespace dm::docker {
namespace {

using namespace std::chrono_literals;

constexpr auto version_limit = 30s;
constexpr int bad_request = 400;

/// What kept an exchange from happening, in the engine's terms.
[[noreturn]] void rethrow(const failure& e) {
    const auto& why = e.reason();
    if (why.code.category() != errc_category<http::errc>::instance() ||
        why.code == http::errc::stopped)
        throw e;
    if (why.code == http::errc::stalled)
        raise(engine::errc::stalled, "Docker hangs: it has said nothing for too long");
    raise(engine::errc::unavailable, fmt::format("Docker is not available: {}", why.message()));
}

/// The daemon is another than the one the version was agreed with.
bool wants_other_version(int status, std::string_view body) {
    return status == bad_request && body.contains("client version");
}

class lines_sink final : public http::body_sink {
  public:
    explicit lines_sink(const connection::line_handlers& handlers) : handlers_(handlers) {}

    void on_head(const http::response_head& head, http::flow_control) override {
        end_.status = head.status;
        if (end_.status == 200 && handlers_.on_open)
            handlers_.on_open();
    }

    bool on_body(byte_view piece) override {
        if (end_.status != 200) {
            const auto room = line_bytes_max - std::min(line_bytes_max, end_.error_body.size());
            end_.error_body += as_chars(piece).substr(0, room);
            return true;
        }
        value_or_throw(lines_.feed(as_chars(piece)));
        while (const auto line = lines_.poll())
            handlers_.on_line(*line);
        if (handlers_.on_pause)
            handlers_.on_pause();
        return true;
    }

    connection::end_of_lines finish() {
        if (const auto last = lines_.rest())
            handlers_.on_line(*last);
        return std::move(end_);
    }

  private:
    const connection::line_handlers& handlers_;
    connection::end_of_lines end_;
    line_splitter lines_;
};

}  // namespace

connection::connection(http::client& client, std::string socket_path)
    : client_(client), socket_path_(std::move(socket_path)) {}

awaitable<daemon_version> connection::negotiate() {
    const auto answer = co_await fetch("GET", "/version", version_limit);
    if (answer.head.status != 200)
        throw failure(refusal(answer.head.status, answer.body));
    auto daemon = value_or_throw(read_version(answer.body));
    api_ = value_or_throw(choose_api(daemon)).to_string();
    co_return daemon;
}

awaitable<http::response> connection::ask(std::string method, std::string path,
                                          std::chrono::milliseconds limit) {
    if (api_.empty())
        co_await negotiate();
    auto answer = co_await fetch(method, fmt::format("/v{}{}", api_, path), limit);
    if (wants_other_version(answer.head.status, answer.body)) {
        co_await negotiate();
        answer = co_await fetch(method, fmt::format("/v{}{}", api_, path), limit);
    }
    co_return answer;
}

awaitable<connection::end_of_lines> connection::read_lines(std::string method, std::string path,
                                                           std::chrono::milliseconds stall,
                                                           line_handlers handlers) {
    end_of_lines end;
    for (int attempt = 0; attempt < 2; ++attempt) {
        if (api_.empty())
            co_await negotiate();
        auto what = request_to(method, fmt::format("/v{}{}", api_, path));
        what.stall_timeout = stall;
        lines_sink sink(handlers);
        co_await stream(std::move(what), &sink);
        end = sink.finish();
        if (!wants_other_version(end.status, end.error_body))
            break;
        forget();
    }
    co_return end;
}

http::request connection::request_to(std::string method, std::string_view target) const {
    http::request out;
    out.method = std::move(method);
    out.url = fmt::format("http://localhost{}", target);  // a name that no proxy is asked for
    out.unix_socket = socket_path_;
    out.body_bytes_max = answer_bytes_max;
    return out;
}

awaitable<http::response> connection::fetch(std::string method, std::string target,
                                            std::chrono::milliseconds limit) {
    auto what = request_to(std::move(method), target);
    what.total_timeout = limit;
    what.stall_timeout = {};
    try {
        co_return co_await client_.fetch(std::move(what));
    } catch (const failure& e) {
        rethrow(e);
    }
}

awaitable<http::response_head> connection::stream(http::request what, http::body_sink* sink) {
    try {
        co_return co_await client_.stream(std::move(what), *sink);
    } catch (const failure& e) {
        rethrow(e);
    }
}

}  // namespace dm::docker
