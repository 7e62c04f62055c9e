#pragma once

#include <fmt/format.h>

#include <charconv>
#include <string>

#include "aio/byte_stream.hpp"
#include "aio/timeout.hpp"
#include "http/server/header_list.hpp"
#include "http/server/http_server.hpp"

namespace dm::server {

/// What a test got back.
struct reply {
    int status = 0;
    header_list headers;
    std::string body;       ///< chunks joined
    bool complete = false;  ///< the body ended as its framing says
};

inline std::string request_text(std::string_view method, std::string_view target,
                                const header_list& headers = {}, std::string_view body = {}) {
    auto out = fmt::format("{} {} HTTP/1.1\r\n", method, target);
    if (!headers.find("Host"))
        out += "Host: localhost\r\n";
    for (const auto& h : headers)
        out += fmt::format("{}: {}\r\n", h.name, h.value);
    if (!body.empty())
        out += fmt::format("Content-Length: {}\r\n", body.size());
    return out + "\r\n" + std::string(body);
}

/// Undoes chunking; sets `complete` when the last chunk was there.
inline std::string join_chunks(std::string_view text, bool& complete) {
    std::string out;
    for (;;) {
        const auto line = text.find("\r\n");
        if (line == std::string_view::npos)
            return out;
        std::size_t size = 0;
        const auto digits = text.substr(0, line);
        std::from_chars(digits.data(), digits.data() + digits.size(), size, 16);
        text.remove_prefix(line + 2);
        if (size == 0) {
            complete = text == "\r\n";
            return out;
        }
        out += text.substr(0, size);
        text.remove_prefix(std::min(size + 2, text.size()));
    }
}

/// The first answer in `text`, of which everything after its head is taken as body.
inline reply parse_reply(std::string_view text, bool is_head = false) {
    reply out;
    const auto end = text.find("\r\n\r\n");
    if (!text.starts_with("HTTP/1.1 ") || end == std::string_view::npos)
        return out;
    std::from_chars(text.data() + 9, text.data() + 12, out.status);
    auto head = text.substr(0, end);
    for (auto line = head.find("\r\n"); line != std::string_view::npos; line = head.find("\r\n")) {
        head.remove_prefix(line + 2);
        const auto colon = head.find(": ");
        const auto value = head.substr(colon + 2, head.find("\r\n") - colon - 2);
        out.headers.add(std::string(head.substr(0, colon)), std::string(value));
    }
    const auto body = text.substr(end + 4);
    if (out.headers.value("Transfer-Encoding") == "chunked" && !is_head) {
        out.body = join_chunks(body, out.complete);
        return out;
    }
    std::size_t length = 0;
    const auto announced = out.headers.value("Content-Length");
    std::from_chars(announced.data(), announced.data() + announced.size(), length);
    out.body = body;
    out.complete = is_head ? body.empty() : body.size() == length;
    return out;
}

/// Sends bytes to a server over a pipe in memory, then reads until it closes.
inline awaitable<std::string> talk(http_server& server, std::string raw,
                                   std::size_t pipe_bytes = 1 << 20) {
    auto [client, service] = aio::memory_pipe(co_await asio::this_coro::executor, pipe_bytes);
    server.serve(std::move(service));
    co_await client->write(as_bytes(raw));
    std::string out;
    std::array<std::byte, 16384> buffer;
    while (const auto n = co_await client->read_some(buffer))
        out += as_chars(byte_view(buffer).first(n));
    co_return out;
}

/// One request, one answer, with "Connection: close".
inline awaitable<reply> fetch(http_server& server, std::string method, std::string target,
                              header_list headers = {}, std::string body = {}) {
    headers.add("Connection", "close");
    co_return parse_reply(co_await talk(server, request_text(method, target, headers, body)),
                          method == "HEAD");
}

}  // namespace dm::server
