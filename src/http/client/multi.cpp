#include "http/client/multi.hpp"

#include <boost/asio/post.hpp>
#include <cassert>
#include <csignal>
#include <cstdlib>

#include "http/client/transfer.hpp"

namespace dm::http {
namespace {

void init_curl() {
    static const bool once = [] {
        curl_global_init(CURL_GLOBAL_DEFAULT);
        // OpenSSL writes to closed sockets without MSG_NOSIGNAL.
        std::signal(SIGPIPE, SIG_IGN);
        return true;
    }();
    static_cast<void>(once);
}

std::string no_proxy_from_environment() {
    const char* text = std::getenv("no_proxy");
    if (!text)
        text = std::getenv("NO_PROXY");
    std::string out = text ? text : "";
    if (out == "*")  // has that meaning only when it stands alone
        return out;
    if (!out.empty())
        out += ',';
    return out + "localhost,.localhost,127.0.0.0/8,::1";
}

class scope {
  public:
    explicit scope(bool& flag) : flag_(flag), before_(std::exchange(flag, true)) {}
    scope(const scope&) = delete;
    scope& operator=(const scope&) = delete;
    ~scope() { flag_ = before_; }

  private:
    bool& flag_;
    bool before_;
};

}  // namespace

void flow_control::resume() {
    if (owner_)
        owner_->resume(transfer_);
}

multi::multi(const executor& ex, client_options options)
    : executor_(ex),
      options_(std::move(options)),
      no_proxy_(no_proxy_from_environment()),
      timer_(ex),
      idle_timer_(ex),
      quiet_(ex) {
    init_curl();
}

multi::~multi() {
    assert(transfers_.empty() && handlers_ == 0 && "an http client is stopped before it goes");
    close();
}

void multi::open() {
    if (handle_)
        return;
    handle_ = curl_multi_init();
    if (!handle_)
        throw std::bad_alloc();
    curl_multi_setopt(handle_, CURLMOPT_SOCKETFUNCTION, &multi::on_socket);
    curl_multi_setopt(handle_, CURLMOPT_SOCKETDATA, this);
    curl_multi_setopt(handle_, CURLMOPT_TIMERFUNCTION, &multi::on_timer);
    curl_multi_setopt(handle_, CURLMOPT_TIMERDATA, this);
    curl_multi_setopt(handle_, CURLMOPT_PIPELINING, static_cast<long>(CURLPIPE_NOTHING));
    curl_multi_setopt(handle_, CURLMOPT_MAX_HOST_CONNECTIONS, options_.connections_per_host_max);
    curl_multi_setopt(handle_, CURLMOPT_MAX_TOTAL_CONNECTIONS, options_.connections_max);
    curl_multi_setopt(handle_, CURLMOPT_MAXCONNECTS, options_.connections_max);
}

void multi::close() noexcept {
    if (!handle_)
        return;
    curl_multi_cleanup(handle_);  // takes its sockets back through on_socket
    handle_ = nullptr;
    assert(sockets_.empty());
    timer_.cancel();
}

void multi::add(transfer& t) {
    if (stopping_)
        raise(errc::stopped);
    open();
    idle_timer_.cancel();
    const scope inside(busy_);
    if (const auto code = curl_multi_add_handle(handle_, t.easy()); code != CURLM_OK)
        raise(errc::failed, curl_multi_strerror(code));
    transfers_.emplace(t.id(), &t);
}

void multi::remove(transfer& t) noexcept {
    if (transfers_.erase(t.id()) == 0)
        return;
    {
        const scope inside(busy_);
        curl_multi_remove_handle(handle_, t.easy());
    }
    if (!transfers_.empty())
        return;
    quiet_.notify_all();
    if (!stopping_)
        close_when_idle();
}

void multi::close_when_idle() {
    idle_timer_.expires_after(options_.idle_timeout);
    ++handlers_;
    idle_timer_.async_wait([this](const boost::system::error_code& ec) {
        if (!ec && transfers_.empty())
            close();
        handler_done();
    });
}

awaitable<void> multi::stop() {
    stopping_ = true;
    for (const auto& [id, t] : transfers_)
        t->fail({errc::stopped, {}});
    // A stop that is being cancelled still has to reach its end.
    const bool throws = co_await asio::this_coro::throw_if_cancelled();
    co_await asio::this_coro::throw_if_cancelled(false);
    while (!transfers_.empty())
        co_await quiet_.wait_regardless();
    close();
    idle_timer_.cancel();
    while (handlers_ > 0)
        co_await quiet_.wait_regardless();
    co_await asio::this_coro::throw_if_cancelled(throws);
}

void multi::handler_done() {
    if (--handlers_ == 0)
        quiet_.notify_all();
}

int multi::on_socket(CURL*, curl_socket_t s, int what, void* self, void*) noexcept {
    auto& m = *static_cast<multi*>(self);
    try {
        auto& slot = m.sockets_[s];
        if (what == CURL_POLL_REMOVE) {
            if (slot)
                slot->descriptor.release();  // libcurl closes it
            m.sockets_.erase(s);
            return 0;
        }
        if (!slot)
            slot = std::make_unique<watch>(m.executor_, s, m.next_id());
        slot->wants_read = what & CURL_POLL_IN;
        slot->wants_write = what & CURL_POLL_OUT;
        m.arm(s, *slot);
        return 0;
    } catch (const std::exception&) {
        return -1;  // libcurl then fails all transfers
    }
}

int multi::on_timer(CURLM*, long timeout_ms, void* self) noexcept {
    try {
        static_cast<multi*>(self)->set_timer(timeout_ms);
        return 0;
    } catch (const std::exception&) {
        return -1;
    }
}

void multi::set_timer(long timeout_ms) {
    if (timeout_ms < 0) {
        timer_.cancel();
        return;
    }
    timer_.expires_after(std::chrono::milliseconds(timeout_ms));
    ++handlers_;
    timer_.async_wait([this](const boost::system::error_code& ec) {
        if (!ec)
            act(CURL_SOCKET_TIMEOUT, 0);
        handler_done();
    });
}

void multi::arm(curl_socket_t s, watch& w) {
    if (w.wants_read && !w.reading)
        wait(s, w, true);
    if (w.wants_write && !w.writing)
        wait(s, w, false);
}

void multi::wait(curl_socket_t s, watch& w, bool for_reading) {
    (for_reading ? w.reading : w.writing) = true;
    ++handlers_;
    w.descriptor.async_wait(
        for_reading ? asio::posix::stream_descriptor::wait_read
                    : asio::posix::stream_descriptor::wait_write,
        [this, s, id = w.id, for_reading](const boost::system::error_code& ec) {
            const auto current = [&]() -> watch* {
                const auto found = sockets_.find(s);
                return found != sockets_.end() && found->second->id == id ? found->second.get()
                                                                          : nullptr;
            };
            if (auto* here = current(); here && ec != asio::error::operation_aborted) {
                (for_reading ? here->reading : here->writing) = false;
                const bool wanted = for_reading ? here->wants_read : here->wants_write;
                if (wanted)
                    act(s, ec            ? CURL_CSELECT_ERR
                           : for_reading ? CURL_CSELECT_IN
                                         : CURL_CSELECT_OUT);
                if (auto* still = current())
                    arm(s, *still);
            }
            handler_done();
        });
}

void multi::act(curl_socket_t s, int events) {
    if (!handle_)
        return;
    {
        const scope inside(busy_);
        int running = 0;
        curl_multi_socket_action(handle_, s, events, &running);
    }
    collect();
}

void multi::collect() {
    int left = 0;
    while (auto* const message = curl_multi_info_read(handle_, &left)) {
        if (message->msg != CURLMSG_DONE)
            continue;
        transfer* t = nullptr;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &t);
        t->finish(message->data.result);
    }
}

void multi::resume(std::uint64_t transfer_id) {
    if (!transfers_.contains(transfer_id))
        return;
    resumed_.push_back(transfer_id);
    if (resumed_.size() > 1)
        return;  // already under way
    ++handlers_;
    asio::post(executor_, [this] {
        resume_all();
        handler_done();
    });
}

void multi::resume_all() {
    for (const auto id : std::exchange(resumed_, {})) {
        const auto found = transfers_.find(id);
        if (found == transfers_.end())
            continue;
        const scope inside(busy_);
        found->second->unpause();
    }
}

}  // namespace dm::http
