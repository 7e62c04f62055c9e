#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "http/server/http_server.hpp"
#include "http/server/request.hpp"
#include "http/server/response_writer.hpp"

namespace dm::cli {

/// A node whose answers a test writes down beforehand. It runs on a thread of its own, because
/// commands block.
class fake_node {
  public:
    fake_node()
        : server_(loop_.get_executor(), workers_,
                  [this](server::request& req, server::response_writer& out) {
                      return answer(req, out);
                  },
                  {}) {
        server_.listen({asio::ip::address_v4::loopback(), 0});
        server_.start();
        thread_ = std::jthread([this] { loop_.run(); });
    }
    fake_node(const fake_node&) = delete;
    ~fake_node() {
        asio::co_spawn(loop_, server_.stop(), [](const std::exception_ptr&) {});
    }

    std::string address() const { return aio::to_string(server_.bound().front()); }

    /// What `request` ("GET /api/v1/x") is answered; several are given one after the other, the
    /// last of them ever again.
    void on(const std::string& request, std::string body, int status = 200) {
        const std::lock_guard lock(mutex_);
        answers_[request].push_back({status, std::move(body)});
    }

    /// What has been asked: "POST /api/v1/x {…}".
    std::vector<std::string> asked() const {
        const std::lock_guard lock(mutex_);
        return asked_;
    }

  private:
    struct prepared {
        int status;
        std::string body;
    };

    awaitable<void> answer(server::request& req, server::response_writer& out) {
        auto target = req.where().path;
        for (const char* mark = "?"; const auto& [name, value] : req.where().query) {
            target += mark + name + "=" + value;
            mark = "&";
        }
        const auto name = req.method() + " " + target;
        const auto body = co_await req.body(1 << 20);
        auto [status, text] = next(name, as_chars(body));
        co_await out.send(status, {{"Content-Type", "application/json"}}, std::move(text));
    }

    prepared next(const std::string& name, std::string_view body) {
        const std::lock_guard lock(mutex_);
        asked_.push_back(body.empty() ? name : name + " " + std::string(body));
        const auto found = answers_.find(name);
        if (found == answers_.end())
            return {404, R"({"error":true,"msg":"the test foresees no )" + name +
                             R"(","code":"no_such_path"})"};
        auto& line = found->second;
        auto out = line.front();
        if (line.size() > 1)
            line.pop_front();
        return out;
    }

    aio::pool workers_{1};
    asio::io_context loop_{1};
    server::http_server server_;
    mutable std::mutex mutex_;
    std::map<std::string, std::deque<prepared>> answers_;
    std::vector<std::string> asked_;
    std::jthread thread_;  ///< ends before what it uses
};

}  // namespace dm::cli
