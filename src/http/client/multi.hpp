#pragma once

#include <curl/curl.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <unordered_map>
#include <vector>

#include "aio/event.hpp"
#include "http/client/client.hpp"

namespace dm::http {

class transfer;

/// Runs libcurl's transfers on an Asio loop: libcurl says which sockets and which timer it waits
/// for, we wait for them and tell it. The multi handle exists only while there is work or a recent
/// connection.
class multi {
  public:
    multi(const executor& ex, client_options options);
    multi(const multi&) = delete;
    multi& operator=(const multi&) = delete;
    ~multi();

    const executor& get_executor() const noexcept { return executor_; }
    const client_options& options() const noexcept { return options_; }
    const std::string& no_proxy() const noexcept { return no_proxy_; }

    /// For transfers and watches: never the same twice.
    std::uint64_t next_id() noexcept { return ++last_id_; }

    /// Takes part from now on; removed again by `remove`. Throws when stopping. Not to be called
    /// from within a sink (see `busy`).
    void add(transfer& t);
    void remove(transfer& t) noexcept;

    /// True while libcurl is on the stack: sinks run then.
    bool busy() const noexcept { return busy_; }

    void resume(std::uint64_t transfer_id);
    awaitable<void> stop();

  private:
    struct watch {
        watch(const executor& ex, curl_socket_t s, std::uint64_t number)
            : descriptor(ex, s), id(number) {}
        asio::posix::stream_descriptor descriptor;
        std::uint64_t id;  ///< a socket number may be used again: this is not
        bool wants_read = false;
        bool wants_write = false;
        bool reading = false;
        bool writing = false;
    };

    static int on_socket(CURL*, curl_socket_t s, int what, void* self, void*) noexcept;
    static int on_timer(CURLM*, long timeout_ms, void* self) noexcept;

    void open();
    void close() noexcept;
    void arm(curl_socket_t s, watch& w);
    void wait(curl_socket_t s, watch& w, bool for_reading);
    void act(curl_socket_t s, int events);
    void collect();
    void set_timer(long timeout_ms);
    void resume_all();
    void close_when_idle();
    void handler_done();

    executor executor_;
    client_options options_;
    std::string no_proxy_;
    CURLM* handle_ = nullptr;
    asio::steady_timer timer_;
    asio::steady_timer idle_timer_;
    std::unordered_map<curl_socket_t, std::unique_ptr<watch>> sockets_;
    std::unordered_map<std::uint64_t, transfer*> transfers_;
    std::vector<std::uint64_t> resumed_;
    std::uint64_t last_id_ = 0;
    std::size_t handlers_ = 0;  ///< handlers queued in Asio that refer to this object
    aio::event quiet_;
    bool busy_ = false;
    bool stopping_ = false;
};

}  // namespace dm::http
