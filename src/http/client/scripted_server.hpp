#pragma once

#include <fmt/format.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <functional>

#include "aio/event.hpp"
#include "aio/task_group.hpp"
#include "aio/timeout.hpp"
#include "http/client/request.hpp"

/// For tests: an HTTP server that answers what the test says, byte for byte.
namespace dm::http::testing {

struct seen_request {
    std::string method;
    std::string target;
    header_list headers;
    std::string body;

    std::string header_or(std::string_view name, const std::string& otherwise) const {
        const auto* value = find_header(headers, name);
        return value ? *value : otherwise;
    }
};

/// Bytes to write `times` times after a pause.
struct step {
    std::string bytes;
    std::uint64_t times = 1;
    std::chrono::milliseconds wait_before{0};
};

struct reply {
    std::vector<step> steps;
    enum class end { keep_alive, close, hang } then = end::keep_alive;
};

/// A complete answer with its Content-Length.
inline reply answer(int status, const header_list& headers, const std::string& body) {
    auto head = fmt::format("HTTP/1.1 {} Scripted\r\n", status);
    for (const auto& h : headers)
        head += fmt::format("{}: {}\r\n", h.name, h.value);
    if (!find_header(headers, "Content-Length"))
        head += fmt::format("Content-Length: {}\r\n", body.size());
    return {{{head + "\r\n" + body}}};
}

class scripted_server {
  public:
    using handler = std::function<reply(const seen_request&)>;
    using socket = asio::generic::stream_protocol::socket;

    /// On a free port of 127.0.0.1.
    scripted_server(const executor& ex, handler h)
        : handler_(std::move(h)), changed_(ex), group_(ex) {
        asio::ip::tcp::acceptor a(ex, {asio::ip::address_v4::loopback(), 0});
        port_ = a.local_endpoint().port();
        group_.spawn("accept", accept_all<asio::ip::tcp>(this, std::move(a)));
    }
    /// On a unix socket.
    scripted_server(const executor& ex, const std::string& path, handler h)
        : handler_(std::move(h)), changed_(ex), group_(ex) {
        asio::local::stream_protocol::acceptor a(ex, path);
        group_.spawn("accept", accept_all<asio::local::stream_protocol>(this, std::move(a)));
    }

    std::uint16_t port() const { return port_; }
    std::string authority() const { return fmt::format("127.0.0.1:{}", port_); }
    std::string url(std::string_view target) const {
        return fmt::format("http://127.0.0.1:{}{}", port_, target);
    }
    awaitable<void> stop() { return group_.stop(); }

    /// Until `holds`: asked again whenever a connection comes or goes, or a request arrives.
    awaitable<void> until(std::function<bool()> holds) {
        while (!holds())
            co_await changed_.wait();
    }
    awaitable<void> until_all_left() {
        return until([this] { return open_connections == 0; });
    }

    std::vector<seen_request> requests;
    int connections = 0;
    int open_connections = 0;
    std::uint64_t sent_bytes = 0;

  private:
    template <class Protocol>
    static awaitable<void> accept_all(scripted_server* self, typename Protocol::acceptor a) {
        for (;;) {
            socket s(co_await a.async_accept(use_awaitable));
            ++self->connections;
            self->group_.spawn("connection", serve(self, std::move(s)));
        }
    }

    static awaitable<void> serve(scripted_server* self, socket s) {
        struct count {
            scripted_server& s;
            explicit count(scripted_server& server) : s(server) { step(1); }
            ~count() { step(-1); }
            void step(int by) {
                s.open_connections += by;
                s.changed_.notify_all();
            }
        } const alive(*self);
        std::string buffer;
        for (;;) {
            auto [ec, size] = co_await asio::async_read_until(
                s, asio::dynamic_buffer(buffer), "\r\n\r\n", asio::as_tuple(use_awaitable));
            if (ec)
                co_return;
            auto request = parse(buffer.substr(0, size));
            buffer.erase(0, size);
            const auto length = std::stoul(request.header_or("Content-Length", "0"));
            while (buffer.size() < length) {
                std::array<char, 65536> more;
                buffer.append(more.data(),
                              co_await s.async_read_some(asio::buffer(more), use_awaitable));
            }
            request.body = buffer.substr(0, length);
            buffer.erase(0, length);
            self->requests.push_back(request);
            self->changed_.notify_all();
            const auto what = self->handler_(request);
            if (!co_await write(self, &s, &what) || what.then == reply::end::close)
                co_return;
            if (what.then == reply::end::hang) {
                char byte = 0;
                co_await s.async_read_some(asio::buffer(&byte, 1), asio::as_tuple(use_awaitable));
                co_return;
            }
        }
    }

    static awaitable<bool> write(scripted_server* self, socket* s, const reply* what) {
        for (const auto& part : what->steps) {
            if (part.wait_before.count() > 0)
                co_await aio::sleep_for(part.wait_before);
            for (std::uint64_t i = 0; i < part.times; ++i) {
                const auto [ec, n] = co_await asio::async_write(*s, asio::buffer(part.bytes),
                                                                asio::as_tuple(use_awaitable));
                self->sent_bytes += n;
                if (ec)
                    co_return false;
            }
        }
        co_return true;
    }

    static seen_request parse(const std::string& text) {
        seen_request out;
        std::size_t at = text.find("\r\n");
        const auto first = text.substr(0, at);
        const auto space = first.find(' ');
        out.method = first.substr(0, space);
        out.target = first.substr(space + 1, first.rfind(' ') - space - 1);
        for (at += 2; at < text.size();) {
            const auto end = text.find("\r\n", at);
            const auto line = text.substr(at, end - at);
            if (const auto colon = line.find(": "); colon != std::string::npos)
                out.headers.push_back({line.substr(0, colon), line.substr(colon + 2)});
            at = end + 2;
        }
        return out;
    }

    handler handler_;
    aio::event changed_;
    aio::task_group group_;
    std::uint16_t port_ = 0;
};

}  // namespace dm::http::testing
