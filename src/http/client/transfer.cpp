#include "http/client/transfer.hpp"

#include <fmt/format.h>
#include <sys/socket.h>

#include <boost/asio/redirect_error.hpp>

#include "http/client/address.hpp"
#include "http/client/curl_error.hpp"

namespace dm::http {
namespace {

/// A redirect's body is read only to keep the connection.
constexpr std::size_t redirect_body_bytes_max = 64 << 10;
constexpr std::uint64_t stall_checks = 4;  // a window

bool is_redirect(int status) noexcept {
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

bool is_one_line(std::string_view text) {
    return std::ranges::none_of(text, [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
}

curl_slist* appended(curl_slist* list, const std::string& line) {
    auto* const longer = curl_slist_append(list, line.c_str());
    if (!longer)
        throw std::bad_alloc();
    return longer;
}

}  // namespace

transfer::transfer(multi& owner, const request& what, const syntax::url& where, body_sink& sink,
                   bool follow, bool public_only)
    : owner_(owner),
      request_(what),
      url_(where),
      sink_(sink),
      follow_(follow),
      public_only_(public_only),
      id_(owner.next_id()),
      easy_(curl_easy_init()),
      wake_(owner.get_executor()) {
    if (!easy_)
        throw std::bad_alloc();
}

transfer::~transfer() {
    owner_.remove(*this);
    curl_easy_cleanup(easy_);
    curl_slist_free_all(header_lines_);
}

awaitable<void> transfer::run() {
    if (owner_.busy())  // called from within a sink, where libcurl cannot be entered again
        co_await asio::post(owner_.get_executor(), use_awaitable);
    set_callbacks();
    set_request();
    set_limits();
    set_tls();
    good_since_ = std::chrono::steady_clock::now();
    owner_.add(*this);
    while (!finished_) {
        if (request_.stall_timeout.count() > 0)
            wake_.expires_after(request_.stall_timeout / static_cast<int>(stall_checks));
        else
            wake_.expires_at(steady_time::max());
        boost::system::error_code woken;  // finish() and cancellation end the wait
        co_await wake_.async_wait(asio::redirect_error(use_awaitable, woken));
        const auto state = co_await asio::this_coro::cancellation_state;
        if (state.cancelled() != asio::cancellation_type::none)
            throw boost::system::system_error(asio::error::operation_aborted);
        if (!finished_ && is_stalled(std::chrono::steady_clock::now()))
            fail({errc::stalled, stall_text(url_, request_)});
    }
    owner_.remove(*this);
    if (thrown_)
        std::rethrow_exception(thrown_);
    if (failure_.code)
        throw failure(failure_);
}

bool transfer::is_stalled(steady_time now) {
    const auto moved = moved_bytes_ - std::exchange(moved_at_check_, moved_bytes_);
    const auto enough = request_.stall_bytes_per_second *
                        static_cast<std::uint64_t>(request_.stall_timeout.count()) /
                        (1000 * stall_checks);
    if (!started_ || paused_ || moved >= std::max<std::uint64_t>(enough, 1)) {
        good_since_ = now;
        return false;
    }
    return now - good_since_ >= request_.stall_timeout;
}

void transfer::finish(CURLcode code) {
    if (finished_)
        return;
    finished_ = true;
    wake_.cancel();
    if (code != CURLE_OK && !thrown_ && !redirected_ && !failure_.code)
        failure_ = error_from(code);
    if (code == CURLE_OK && !head_.complete())
        failure_ = {errc::malformed_answer, fmt::format("{} sent no answer", host_text(url_))};
}

void transfer::fail(error why) {
    if (finished_)
        return;
    failure_ = std::move(why);
    finished_ = true;
    wake_.cancel();
}

void transfer::unpause() {
    paused_ = false;
    good_since_ = std::chrono::steady_clock::now();
    // Hands on what was held back, so sinks run in here.
    if (const auto code = curl_easy_pause(easy_, CURLPAUSE_CONT); code != CURLE_OK)
        finish(code);
}

error transfer::error_from(CURLcode code) const {
    if (private_refused_)
        return {errc::redirect_refused,
                fmt::format("a public server redirected to {}, which is in a private network",
                            host_text(url_))};
    long os_error = 0;
    curl_easy_getinfo(easy_, CURLINFO_OS_ERRNO, &os_error);
    return describe({.code = code,
                     .curl_text = curl_text_.data(),
                     .os_error = static_cast<int>(os_error),
                     .connected = started_,
                     .answered = head_.complete(),
                     .body_bytes = moved_bytes_},
                    url_, request_);
}

// --- what libcurl calls: nothing may be thrown through it ---

std::size_t transfer::on_header(char* data, std::size_t, std::size_t size, void* self) noexcept {
    auto& t = *static_cast<transfer*>(self);
    try {
        t.moved_bytes_ += size;
        const auto complete = t.head_.line({data, size});
        if (!complete) {
            t.failure_ = {complete.error().code,
                          fmt::format("the answer of {} is unusable: {}", host_text(t.url_),
                                      complete.error().message())};
            return 0;
        }
        if (*complete)
            t.take_head();
        return size;
    } catch (...) {
        t.thrown_ = std::current_exception();
        return 0;
    }
}

void transfer::take_head() {
    auto& head = head_.head();
    head.url = syntax::to_string(url_);
    redirected_ = follow_ && is_redirect(head.status) && head.find("Location") != nullptr;
    if (!redirected_)
        sink_.on_head(head, flow_control(owner_, id_));
}

std::size_t transfer::on_data(char* data, std::size_t, std::size_t size, void* self) noexcept {
    auto& t = *static_cast<transfer*>(self);
    if (t.redirected_) {
        t.discarded_bytes_ += size;
        return t.discarded_bytes_ > redirect_body_bytes_max ? 0 : size;
    }
    if (t.paused_)
        return CURL_WRITEFUNC_PAUSE;
    t.moved_bytes_ += size;
    try {
        t.paused_ = !t.sink_.on_body(as_bytes({data, size}));
        return size;
    } catch (...) {
        t.thrown_ = std::current_exception();
        return 0;
    }
}

int transfer::on_request(void* self, char* peer, char*, int, int) noexcept {
    auto& t = *static_cast<transfer*>(self);
    t.started_ = true;
    t.good_since_ = std::chrono::steady_clock::now();
    t.public_ = !is_private_address(peer ? peer : "");
    t.private_refused_ = t.public_only_ && !t.public_;
    return t.private_refused_ ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

int transfer::on_new_socket(void* self, curl_socket_t s, curlsocktype) noexcept {
    const int size = static_cast<const transfer*>(self)->request_.receive_buffer_bytes;
    if (size > 0)  // a wish: without it only more is lost on a kill
        static_cast<void>(::setsockopt(s, SOL_SOCKET, SO_RCVBUF, &size, sizeof size));
    return CURL_SOCKOPT_OK;
}

int transfer::on_progress(void* self, curl_off_t, curl_off_t, curl_off_t,
                          curl_off_t sent) noexcept {
    auto& t = *static_cast<transfer*>(self);
    t.moved_bytes_ += static_cast<std::uint64_t>(sent) - t.sent_bytes_;
    t.sent_bytes_ = static_cast<std::uint64_t>(sent);
    return 0;
}

// --- options ---

template <class T>
void transfer::set(CURLoption option, T value) {
    if ((curl_easy_setopt)(easy_, option, value) != CURLE_OK)
        raise(errc::failed, fmt::format("libcurl refuses option {}", static_cast<int>(option)));
}

void transfer::set_callbacks() {
    set(CURLOPT_PRIVATE, this);
    set(CURLOPT_ERRORBUFFER, curl_text_.data());
    set(CURLOPT_HEADERFUNCTION, &transfer::on_header);
    set(CURLOPT_HEADERDATA, this);
    set(CURLOPT_WRITEFUNCTION, &transfer::on_data);
    set(CURLOPT_WRITEDATA, this);
    set(CURLOPT_PREREQFUNCTION, &transfer::on_request);
    set(CURLOPT_PREREQDATA, this);
    set(CURLOPT_SOCKOPTFUNCTION, &transfer::on_new_socket);
    set(CURLOPT_SOCKOPTDATA, this);
    if (!request_.body.empty()) {
        set(CURLOPT_XFERINFOFUNCTION, &transfer::on_progress);
        set(CURLOPT_XFERINFODATA, this);
        set(CURLOPT_NOPROGRESS, 0L);
    }
}

void transfer::set_request() {
    const auto& method = request_.method;
    set(CURLOPT_URL, syntax::to_string(url_).c_str());
    set(CURLOPT_PATH_AS_IS, 1L);
    if (!request_.unix_socket.empty())
        set(CURLOPT_UNIX_SOCKET_PATH, request_.unix_socket.c_str());
    if (method == "HEAD") {
        set(CURLOPT_NOBODY, 1L);
    } else if (!request_.body.empty() || method == "POST" || method == "PUT" || method == "PATCH") {
        set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_.body.size()));
        set(CURLOPT_POSTFIELDS, request_.body.data());
    }
    if (method != "HEAD")
        set(CURLOPT_CUSTOMREQUEST, method.c_str());
    set(CURLOPT_USERAGENT, owner_.options().user_agent.c_str());

    for (const auto& [name, value] : request_.headers) {
        if (name.empty() || !is_one_line(name) || !is_one_line(value) || name.contains(':'))
            raise(errc::malformed_request, fmt::format("header {} cannot be sent", name));
        header_lines_ = appended(header_lines_, value.empty() ? fmt::format("{};", name)
                                                              : fmt::format("{}: {}", name, value));
    }
    // libcurl's own ideas: a form's type, and a pause before large bodies.
    if (!find_header(request_.headers, "Content-Type"))
        header_lines_ = appended(header_lines_, "Content-Type:");
    header_lines_ = appended(header_lines_, "Expect:");
    set(CURLOPT_HTTPHEADER, header_lines_);
}

void transfer::set_limits() {
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    set(CURLOPT_BUFFERSIZE, static_cast<long>(receive_bytes));
    set(CURLOPT_TCP_KEEPALIVE, 1L);
    set(CURLOPT_NOPROXY, owner_.no_proxy().c_str());
    set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(request_.connect_timeout.count()));
    if (request_.total_timeout)
        set(CURLOPT_TIMEOUT_MS, static_cast<long>(request_.total_timeout->count()));
}

void transfer::set_tls() {
    if (!request_.tls)
        return;
    const auto& tls = *request_.tls;
    if (!tls.ca_pem.empty()) {  // replaces the system's bundle file, not its folder of CAs
        curl_blob blob{const_cast<char*>(tls.ca_pem.data()), tls.ca_pem.size(), CURL_BLOB_COPY};
        set(CURLOPT_CAINFO_BLOB, &blob);
    }
    if (!tls.certificate_file.empty())
        set(CURLOPT_SSLCERT, tls.certificate_file.c_str());
    if (!tls.key_file.empty())
        set(CURLOPT_SSLKEY, tls.key_file.c_str());
}

}  // namespace dm::http
