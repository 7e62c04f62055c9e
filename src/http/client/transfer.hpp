#pragma once

#include <curl/curl.h>

#include <array>
#include <boost/asio/steady_timer.hpp>
#include <exception>

#include "base/clock.hpp"
#include "http/client/head.hpp"
#include "http/client/multi.hpp"
#include "http/syntax/url.hpp"

namespace dm::http {

/// One request to one URL and its answer: a libcurl easy handle from start to end, without
/// redirects.
class transfer {
  public:
    /// `what`, `where` and `sink` outlive it. `public_only`: send nothing to a private address.
    transfer(multi& owner, const request& what, const syntax::url& where, body_sink& sink,
             bool follow, bool public_only);
    transfer(const transfer&) = delete;
    transfer& operator=(const transfer&) = delete;
    ~transfer();

    /// Sends and receives; throws what went wrong.
    awaitable<void> run();

    const response_head& head() const noexcept { return head_.head(); }
    /// Set when the answer is a redirect to be followed; the sink has then seen nothing.
    bool redirected() const noexcept { return redirected_; }
    /// True when the answer came from an address of the public internet, without a proxy.
    bool from_public_address() const noexcept { return public_; }

    std::uint64_t id() const noexcept { return id_; }
    CURL* easy() const noexcept { return easy_; }

    void finish(CURLcode code);
    void fail(error why);
    void unpause();

  private:
    static std::size_t on_header(char* data, std::size_t, std::size_t size, void* self) noexcept;
    static std::size_t on_data(char* data, std::size_t, std::size_t size, void* self) noexcept;
    static int on_request(void* self, char* peer, char*, int, int) noexcept;
    static int on_new_socket(void* self, curl_socket_t s, curlsocktype) noexcept;
    static int on_progress(void* self, curl_off_t, curl_off_t, curl_off_t,
                           curl_off_t sent) noexcept;

    template <class T>
    void set(CURLoption option, T value);
    void set_callbacks();
    void set_request();
    void set_limits();
    void set_tls();
    void take_head();
    bool is_stalled(steady_time now);
    error error_from(CURLcode code) const;

    multi& owner_;
    const request& request_;
    const syntax::url& url_;
    body_sink& sink_;
    bool follow_;
    bool public_only_;
    std::uint64_t id_;
    CURL* easy_;
    curl_slist* header_lines_ = nullptr;
    std::array<char, CURL_ERROR_SIZE> curl_text_{};

    head_reader head_;
    asio::steady_timer wake_;
    bool finished_ = false;
    bool started_ = false;     ///< connected, the request is on its way
    bool paused_ = false;      ///< by the sink
    bool redirected_ = false;  ///< the body is thrown away
    bool public_ = false;
    bool private_refused_ = false;
    std::size_t discarded_bytes_ = 0;
    std::uint64_t moved_bytes_ = 0;  ///< body bytes in both directions, and header bytes
    std::uint64_t sent_bytes_ = 0;
    std::uint64_t moved_at_check_ = 0;
    steady_time good_since_;  ///< the last check that saw enough movement
    std::exception_ptr thrown_;
    error failure_;
};

}  // namespace dm::http
