#include "oci/transport/docker_daemon.hpp"

#include <fmt/format.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "http/syntax/url.hpp"
#include "oci/transport/errc.hpp"

namespace dm::transport {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using socket = asio::local::stream_protocol::socket;

/// Of an answer that is no archive.
constexpr std::size_t answer_bytes_max = 4 << 20;

class connection {
  public:
    explicit connection(const std::string& path) : socket_(loop_) {
        boost::system::error_code code;
        socket_.connect(asio::local::stream_protocol::endpoint(path), code);
        if (code)
            raise(errc::failed,
                  fmt::format("no Docker daemon answers at {}: {}", path, code.message()));
    }
    socket& operator*() noexcept { return socket_; }
    beast::flat_buffer& buffer() noexcept { return buffer_; }

  private:
    asio::io_context loop_;
    socket socket_;
    beast::flat_buffer buffer_;
};

std::string said(const std::string& body) {
    const auto read = nlohmann::json::parse(body, nullptr, false);
    if (read.is_object() && read.contains("message") && read["message"].is_string())
        return read["message"].get<std::string>();
    return body.substr(0, 200);
}

/// The body of an answer, piece by piece; returns the status.
unsigned read_answer(connection& c, const std::function<void(unsigned status, byte_view)>& take) {
    beast::http::response_parser<beast::http::buffer_body> parser;
    parser.body_limit(boost::none);
    boost::system::error_code code;
    beast::http::read_header(*c, c.buffer(), parser, code);
    bytes piece(64 << 10);
    while (!code && !parser.is_done()) {
        auto& body = parser.get().body();
        body.data = piece.data();
        body.size = piece.size();
        beast::http::read(*c, c.buffer(), parser, code);
        if (code == beast::http::error::need_buffer)
            code = {};
        if (!code)
            take(parser.get().result_int(), byte_view(piece).first(piece.size() - body.size));
    }
    if (code)
        raise(errc::failed, fmt::format("the Docker daemon broke off: {}", code.message()));
    return parser.get().result_int();
}

void send(connection& c, const std::string& head, const file* body) {
    boost::system::error_code code;
    asio::write(*c, asio::buffer(head), code);
    if (body)
        body->read_all([&](byte_view piece) {
            if (!code)
                asio::write(*c, asio::buffer(piece.data(), piece.size()), code);
        });
    // A daemon that has heard enough closes its side and says why.
    if (code && code != asio::error::broken_pipe && code != asio::error::connection_reset)
        raise(errc::failed, fmt::format("cannot send to the Docker daemon: {}", code.message()));
}

/// Answers come in lines after the status, and some say that it failed after all.
void check_lines(const std::string& answer) {
    for (std::size_t at = 0; at < answer.size();) {
        const auto end = std::min(answer.find('\n', at), answer.size());
        const auto line = nlohmann::json::parse(answer.substr(at, end - at), nullptr, false);
        if (line.is_object() && line.contains("error") && line["error"].is_string())
            raise(errc::failed, fmt::format("the Docker daemon could not do it: {}",
                                            line["error"].get<std::string>()));
        at = end + 1;
    }
}

void keep(std::string& into, byte_view piece) {
    if (into.size() < answer_bytes_max)
        into += as_chars(piece);
}

}  // namespace

file save_from_daemon(const std::string& socket, const std::string& reference) {
    connection c(socket);
    send(c,
         fmt::format("GET /images/{}/get HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n",
                     syntax::percent_encode(reference)),
         nullptr);
    auto out = file::temporary();
    std::string answer;
    const auto status = read_answer(c, [&](unsigned s, byte_view piece) {
        if (s == 200)
            out.write(piece);
        else
            keep(answer, piece);
    });
    if (status != 200)
        raise(status == 404 ? errc::not_found : errc::failed,
              fmt::format("the Docker daemon does not give {}: {}", reference, said(answer)));
    out.seek(0);
    return out;
}

void load_into_daemon(const std::string& socket, const file& archive) {
    connection c(socket);
    archive.seek(0);
    send(c,
         fmt::format("POST /images/load?quiet=1 HTTP/1.1\r\nHost: docker\r\n"
                     "Content-Type: application/x-tar\r\nContent-Length: {}\r\n"
                     "Connection: close\r\n\r\n",
                     archive.size()),
         &archive);
    std::string answer;
    const auto status = read_answer(c, [&](unsigned, byte_view piece) { keep(answer, piece); });
    if (status != 200)
        raise(errc::failed, fmt::format("the Docker daemon refuses the image: {}", said(answer)));
    check_lines(answer);
}

void pull_into_daemon(const std::string& socket, const std::string& reference) {
    connection c(socket);
    send(c,
         fmt::format("POST /images/create?fromImage={} HTTP/1.1\r\nHost: docker\r\n"
                     "Content-Length: 0\r\nConnection: close\r\n\r\n",
                     syntax::percent_encode(reference)),
         nullptr);
    std::string answer;
    const auto status = read_answer(c, [&](unsigned, byte_view piece) { keep(answer, piece); });
    if (status != 200)
        raise(status == 404 ? errc::not_found : errc::failed,
              fmt::format("the Docker daemon cannot pull {}: {}", reference, said(answer)));
    check_lines(answer);
}

std::string daemon_socket() {
    const char* const said = std::getenv("DOCKER_HOST");
    std::string where = said && *said ? said : "unix:///var/run/docker.sock";
    constexpr std::string_view scheme = "unix://";
    if (!where.starts_with(scheme))
        raise(errc::unsupported,
              fmt::format("DOCKER_HOST is {}: only unix:// sockets can be used here", where));
    return where.substr(scheme.size());
}

}  // namespace dm::transport
