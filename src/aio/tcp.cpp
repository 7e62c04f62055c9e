#include "aio/tcp.hpp"

#include <fmt/format.h>
#include <netinet/tcp.h>
#include <sys/sendfile.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/write.hpp>
#include <charconv>

namespace dm::aio {
namespace {

using asio::ip::tcp;

/// Bytes a pool thread hands to the kernel before it goes back for other work.
constexpr std::uint64_t sendfile_turn_bytes_max = 8 << 20;

struct sent {
    std::uint64_t bytes = 0;
    int error = 0;
};

sent send_now(int socket, int file, std::uint64_t offset, std::uint64_t length) {
    sent done;
    while (done.bytes < length) {
        auto position = static_cast<off_t>(offset + done.bytes);
        const auto n = ::sendfile(socket, file, &position, length - done.bytes);
        if (n > 0) {
            done.bytes += static_cast<std::uint64_t>(n);
        } else if (n == 0) {
            done.error = ENODATA;
            return done;
        } else if (errno != EINTR) {
            done.error = errno;
            return done;
        }
    }
    return done;
}

/// Within one machine there is no congestion to control, but pacing (BBR) costs a timer for each
/// 64 KiB: a third of the CPU of a download. Reno does not pace and is always allowed.
void do_not_pace(tcp::socket& socket) {
    static constexpr std::string_view algorithm = "reno";
    // No harm where it is refused: the bytes go out all the same.
    ::setsockopt(socket.native_handle(), IPPROTO_TCP, TCP_CONGESTION, algorithm.data(),
                 algorithm.size());
}

class socket_stream final : public byte_stream {
  public:
    socket_stream(tcp::socket socket, pool& workers)
        : socket_(std::move(socket)), workers_(workers) {
        boost::system::error_code ignored;  // the peer may be gone already: the first read tells
        socket_.set_option(tcp::no_delay(true), ignored);
        const auto remote = socket_.remote_endpoint(ignored);
        peer_ = to_string(remote);
        if (remote.address().is_loopback())
            do_not_pace(socket_);
    }

    awaitable<std::size_t> read_some(std::span<std::byte> into) override {
        const auto [code, n] = co_await socket_.async_read_some(
            asio::buffer(into.data(), into.size()), asio::as_tuple(use_awaitable));
        if (code == asio::error::eof)
            co_return 0;
        if (code)
            throw boost::system::system_error(code);
        co_return n;
    }

    awaitable<void> write(byte_view data) override {
        co_await asio::async_write(socket_, asio::buffer(data.data(), data.size()), use_awaitable);
    }

    awaitable<void> send_file(int file, std::uint64_t offset, std::uint64_t length) override {
        socket_.native_non_blocking(true);
        while (length > 0) {
            const auto turn = std::min(length, sendfile_turn_bytes_max);
            const auto done =
                co_await workers_.run([fd = socket_.native_handle(), file, offset, turn] {
                    return send_now(fd, file, offset, turn);
                });
            offset += done.bytes;
            length -= done.bytes;
            if (done.error == EAGAIN)
                co_await socket_.async_wait(tcp::socket::wait_write, use_awaitable);
            else if (done.error == ENODATA)
                raise(errc::end_of_stream, "the file is shorter than announced");
            else if (done.error != 0)
                throw std::system_error(done.error, std::generic_category(), "sendfile");
        }
    }

    void shutdown_write() noexcept override {
        boost::system::error_code ignored;
        socket_.shutdown(tcp::socket::shutdown_send, ignored);
    }

    void close() noexcept override {
        boost::system::error_code ignored;
        // Not close(): the descriptor may be in use by sendfile on the pool, and its number must
        // not be reused.
        socket_.shutdown(tcp::socket::shutdown_both, ignored);
        socket_.cancel(ignored);
    }

    std::string peer() const override { return peer_; }

  private:
    tcp::socket socket_;
    pool& workers_;
    std::string peer_;
};

}  // namespace

std::unique_ptr<byte_stream> tcp_stream(tcp::socket socket, pool& workers) {
    return std::make_unique<socket_stream>(std::move(socket), workers);
}

result<tcp::endpoint> parse_endpoint(std::string_view text) {
    const auto wrong = [&] {
        return error{make_error_code(std::errc::invalid_argument),
                     fmt::format("\"{}\" is no address: write 127.0.0.1:3000 or [::1]:3000", text)};
    };
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos || colon == 0)
        return fail(wrong());
    auto host = text.substr(0, colon);
    const auto port_text = text.substr(colon + 1);
    if (host.front() == '[' && host.back() == ']')
        host = host.substr(1, host.size() - 2);
    else if (host.find(':') != std::string_view::npos)
        return fail(wrong());
    if (host == "localhost")
        host = "127.0.0.1";
    std::uint16_t port = 0;
    const auto [end, ec] =
        std::from_chars(port_text.data(), port_text.data() + port_text.size(), port);
    if (ec != std::errc{} || end != port_text.data() + port_text.size())
        return fail(wrong());
    boost::system::error_code code;
    const auto address = asio::ip::make_address(std::string(host), code);
    if (code)
        return fail(wrong());
    return tcp::endpoint(address, port);
}

std::string to_string(const tcp::endpoint& endpoint) {
    const auto host = endpoint.address().to_string();
    return endpoint.address().is_v6() ? fmt::format("[{}]:{}", host, endpoint.port())
                                      : fmt::format("{}:{}", host, endpoint.port());
}

tcp::acceptor listen(executor ex, const tcp::endpoint& endpoint) {
    try {
        tcp::acceptor acceptor(ex);
        acceptor.open(endpoint.protocol());
        acceptor.set_option(tcp::acceptor::reuse_address(true));
        if (endpoint.address().is_v6())
            acceptor.set_option(asio::ip::v6_only(true));
        acceptor.bind(endpoint);
        acceptor.listen();
        return acceptor;
    } catch (const boost::system::system_error& e) {
        throw failure(
            error{std::error_code(e.code()),
                  fmt::format("cannot listen on {}: {}", to_string(endpoint), e.code().message())});
    }
}

}  // namespace dm::aio
