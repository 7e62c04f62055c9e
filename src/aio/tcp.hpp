#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <memory>

#include "aio/byte_stream.hpp"
#include "aio/pool.hpp"

namespace dm::aio {

/// A connected TCP socket as a byte_stream; files go out with sendfile(2) on the pool.
std::unique_ptr<byte_stream> tcp_stream(asio::ip::tcp::socket socket, pool& workers);

/// "127.0.0.1:3000", "[::1]:3000", ":3000" is refused, port 0 lets the system choose.
result<asio::ip::tcp::endpoint> parse_endpoint(std::string_view text);
std::string to_string(const asio::ip::tcp::endpoint& endpoint);

/// Opens, binds (address reuse on, IPv6 sockets carry IPv6 only) and listens; throws failure that
/// names the address.
asio::ip::tcp::acceptor listen(executor ex, const asio::ip::tcp::endpoint& endpoint);

}  // namespace dm::aio
