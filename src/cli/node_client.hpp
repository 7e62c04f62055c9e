#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <string>

#include "cli/json.hpp"
#include "http/client/client.hpp"

namespace dm::cli {

inline constexpr std::string_view default_api = "127.0.0.1:3000";

/// Bytes of one JSON answer that are read at most.
constexpr std::size_t answer_bytes_max = 256 << 20;
/// Of one line in an answer that comes in lines.
constexpr std::size_t line_bytes_max = 16 << 20;

/// The node whose API a command talks to. Calls block. They throw failure: no_node, refused (with
/// the node's own sentence), bad_answer.
class node_client {
  public:
    /// `address`: "127.0.0.1:3000", "[::1]:3000", "box.lan", or an http URL.
    explicit node_client(std::string_view address);
    node_client(const node_client&) = delete;
    ~node_client();

    json get(const std::string& path) { return call("GET", path, nullptr); }
    json post(const std::string& path, const json& body = nullptr) {
        return call("POST", path, body);
    }
    json put(const std::string& path, const json& body) { return call("PUT", path, body); }
    json remove(const std::string& path) { return call("DELETE", path, nullptr); }

    /// Hands on an answer that comes in lines, as they come.
    void lines(const std::string& method, const std::string& path,
               std::function<void(std::string_view line)> take);
    /// Hands on the bytes of an answer.
    void read(const std::string& path, std::function<void(byte_view piece)> take);

    const std::string& address() const noexcept { return address_; }

  private:
    json call(const char* method, const std::string& path, const json& body);
    http::request request_for(const std::string& method, const std::string& path) const;
    void stream(http::request what, std::function<void(byte_view piece)> take);
    /// Runs the loop until `work` has ended; rethrows in the words of this module.
    void run(awaitable<void> work);

    std::string base_;
    std::string address_;
    asio::io_context loop_;
    http::client client_;
};

/// A path segment: percent-encoded.
std::string segment(std::string_view text);

}  // namespace dm::cli
