#include "cli/node_client.hpp"

#include <fmt/format.h>

#include <boost/asio/co_spawn.hpp>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include "cli/errc.hpp"
#include "http/syntax/url.hpp"

namespace dm::cli {
namespace {

constexpr std::uint16_t default_port = 3000;
constexpr std::chrono::seconds connect_limit{10};
/// A node that waits for an upstream registry says nothing meanwhile.
constexpr std::chrono::minutes silence_limit{10};

syntax::url parse_address(std::string_view text) {
    const auto wrong = [&] {
        raise(errc::bad_input,
              fmt::format("\"{}\" is no address of a node: write 127.0.0.1:3000", text));
    };
    if (text.contains("://")) {
        auto url = syntax::parse_url(text);
        if (!url || url->target != "/")
            wrong();
        return *std::move(url);
    }
    auto where = syntax::parse_authority(text);
    if (!where)
        wrong();
    return {.scheme = "http", .host = where->host, .port = where->port.value_or(default_port)};
}

/// The sentence of an error answer.
error refusal(int status, std::string_view body) {
    const auto document = json::parse(body, nullptr, false);
    auto why = text(document, "msg");
    if (why.empty())
        return {make_error_code(errc::bad_answer),
                fmt::format("the answer has status {} and is not one of a node", status)};
    return {make_error_code(errc::refused), std::move(why)};
}

/// Takes the body of a good answer; keeps that of a bad one.
class piece_sink final : public http::body_sink {
  public:
    explicit piece_sink(std::function<void(byte_view)> take) : take_(std::move(take)) {}

    void on_head(const http::response_head& head, http::flow_control) override {
        status_ = head.status;
    }
    bool on_body(byte_view piece) override {
        if (status_ < 300)
            take_(piece);
        else if (refusal_.size() < line_bytes_max)
            refusal_ += as_chars(piece);
        return true;
    }
    void check() const {
        if (status_ >= 300)
            throw failure(refusal(status_, refusal_));
    }

  private:
    std::function<void(byte_view)> take_;
    int status_ = 0;
    std::string refusal_;
};

bool is_absence(const std::error_code& code) {
    return code == http::errc::connect_failed || code == http::errc::resolve_failed ||
           code == http::errc::timed_out;
}

std::string variable(const char* name) {
    const char* const value = std::getenv(name);
    return value ? value : "";
}

/// The certificates that DISTROMASH_API_CA names.
std::shared_ptr<const http::tls_options> trusted_authority() {
    const auto file = variable("DISTROMASH_API_CA");
    if (file.empty())
        return nullptr;
    std::ifstream in(file, std::ios::binary);
    auto out = std::make_shared<http::tls_options>();
    out->ca_pem.assign(std::istreambuf_iterator<char>(in), {});
    if (out->ca_pem.empty())
        raise(errc::bad_input, fmt::format("DISTROMASH_API_CA: cannot read {}", file));
    return out;
}

awaitable<void> fetch_into(http::client* client, http::request what, http::response* into) {
    *into = co_await client->fetch(std::move(what));
}

awaitable<void> stream_into(http::client* client, http::request what, http::body_sink* sink) {
    co_await client->stream(std::move(what), *sink);
}

}  // namespace

std::string segment(std::string_view text) {
    return syntax::percent_encode(text);
}

node_client::node_client(std::string_view address) : client_(loop_.get_executor()) {
    const auto where = parse_address(address);
    base_ = syntax::to_string(where);
    base_.pop_back();  // the slash of an empty path
    address_ = syntax::to_string(syntax::authority{where.host, where.port});
}

node_client::~node_client() {
    run(client_.stop());
}

http::request node_client::request_for(const std::string& method, const std::string& path) const {
    http::request out;
    out.method = method;
    out.url = base_ + "/api/v1" + path;
    out.connect_timeout = connect_limit;
    out.stall_timeout = silence_limit;
    out.body_bytes_max = answer_bytes_max;
    if (const auto token = variable("DISTROMASH_API_TOKEN"); !token.empty())
        out.headers.push_back({"Authorization", "Bearer " + token});
    if (base_.starts_with("https:"))
        out.tls = trusted_authority();
    return out;
}

void node_client::run(awaitable<void> work) {
    bool ended = false;
    std::exception_ptr failed;
    asio::co_spawn(loop_, std::move(work), [&](std::exception_ptr e) {
        failed = std::move(e);
        ended = true;
    });
    loop_.restart();
    while (!ended)
        loop_.run_one();
    if (!failed)
        return;
    try {
        std::rethrow_exception(failed);
    } catch (const failure& e) {
        if (is_absence(e.code()))
            raise(errc::no_node, fmt::format("no node answers at {}: start one with `distromash "
                                             "run`, or name it with --api",
                                             address_));
        if (e.code() == http::errc::closed_early)
            raise(errc::no_node,
                  fmt::format("the node at {} ended the connection: it has stopped or is stopping",
                              address_));
        throw;
    }
}

json node_client::call(const char* method, const std::string& path, const json& body) {
    auto what = request_for(method, path);
    if (!body.is_null()) {
        what.body = body.dump(-1, ' ', false, json::error_handler_t::replace);
        what.headers.push_back({"Content-Type", "application/json"});
    }
    http::response answer;
    run(fetch_into(&client_, std::move(what), &answer));
    if (answer.head.status >= 300)
        throw failure(refusal(answer.head.status, answer.body));
    auto document = json::parse(answer.body, nullptr, false);
    if (!document.is_object())
        raise(errc::bad_answer, fmt::format("what answers at {} is no DistroMash node", address_));
    return document;
}

void node_client::stream(http::request what, std::function<void(byte_view)> take) {
    piece_sink sink(std::move(take));
    run(stream_into(&client_, std::move(what), &sink));
    sink.check();
}

void node_client::lines(const std::string& method, const std::string& path,
                        std::function<void(std::string_view)> take) {
    std::string pending;
    stream(request_for(method, path), [&](byte_view piece) {
        pending += as_chars(piece);
        for (auto end = pending.find('\n'); end != std::string::npos; end = pending.find('\n')) {
            take(std::string_view(pending).substr(0, end));
            pending.erase(0, end + 1);
        }
        if (pending.size() > line_bytes_max)
            raise(errc::bad_answer, "a line of the node's answer is too long");
    });
}

void node_client::read(const std::string& path, std::function<void(byte_view)> take) {
    stream(request_for("GET", path), std::move(take));
}

}  // namespace dm::cli
