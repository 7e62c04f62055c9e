#include "http/server/connection.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cassert>

#include "aio/timeout.hpp"
#include "base/log.hpp"
#include "http/server/response_head.hpp"

namespace dm::server {
namespace {

/// The write_timeout applies to one slice: short for a slow client, so that it has done its share
/// in time; long for a fast one, so that few turns are taken.
constexpr std::uint64_t slice_bytes_min = 64 << 10;
constexpr std::uint64_t slice_bytes_max = 8 << 20;
constexpr std::chrono::milliseconds slice_time_min{50};
constexpr std::chrono::milliseconds slice_time_max{1'000};
/// Bodies up to this size go out in one write with their head.
constexpr std::size_t joined_body_bytes_max = 32 << 10;
/// An unread body up to this size is skipped rather than the connection closed.
constexpr std::size_t skipped_body_bytes_max = 64 << 10;

steady_time now() {
    return std::chrono::steady_clock::now();
}

}  // namespace

connection::connection(std::unique_ptr<aio::byte_stream> stream, const options& o, const handler& h,
                       probe& p, std::function<void()> became_idle)
    : stream_(std::move(stream)),
      options_(o),
      handler_(h),
      probe_(p),
      became_idle_(std::move(became_idle)),
      reader_(o.head_bytes_max) {}

void connection::close() noexcept {
    closed_ = true;
    answer_.state = progress::broken;
    stream_->close();
}

void connection::finish() noexcept {
    finishing_ = true;
    if (idle_)
        stream_->close();
    else if (on_stop_)
        std::exchange(on_stop_, nullptr)();
}

awaitable<void> connection::run() {
    try {
        while (co_await serve_one()) {
        }
    } catch (const std::exception& e) {  // the boundary of a connection: others go on
        log::debug("http connection ended", {{"server", options_.name},
                                             {"peer", stream_->peer()},
                                             {"reason", error_of(e).message()}});
    }
    stream_->close();
}

awaitable<bool> connection::serve_one() {
    idle_ = true;
    idle_since_ = now();
    became_idle_();
    auto head = co_await read_head();
    idle_ = false;
    answer_ = {};
    owes_continue_ = false;
    if (!head)
        co_return false;
    if (!*head) {
        co_await answer_problem(problem_of(head->error()));
        probe_.answered(answer_.status);
        co_await linger();
        co_return false;
    }
    co_return co_await handle(**std::move(head));
}

/// nullopt: the client has left, or never began.
awaitable<std::optional<result<request_head>>> connection::read_head() {
    auto deadline = now() + (requests_ == 0 ? options_.header_timeout : options_.idle_timeout);
    bool timed_out = false;
    for (;;) {
        if (reader_.has_input() && idle_) {
            idle_ = false;
            deadline = now() + options_.header_timeout;
        }
        auto head = reader_.next_head();
        if (!head)
            co_return fail(std::move(head.error()));
        if (*head)
            co_return **std::move(head);
        try {
            if (co_await read_some(deadline - now()) == 0)
                co_return std::nullopt;
        } catch (const failure& e) {
            if (e.code() != aio::errc::timed_out)
                throw;
            timed_out = true;
        }
        if (timed_out && !reader_.has_input())
            co_return std::nullopt;
        if (timed_out)
            co_return fail(errc::request_timeout);
    }
}

awaitable<bool> connection::handle(request_head head) {
    const auto began = now();
    answer_.is_head = head.method == "HEAD";
    answer_.may_chunk = head.understands_chunks;
    answer_.long_request =
        head.content_length.value_or(skipped_body_bytes_max + 1) > skipped_body_bytes_max;
    answer_.keep_alive = head.keep_alive && ++requests_ < options_.requests_per_connection_max;
    owes_continue_ = head.expects_continue && !reader_.body_done();
    request req(std::move(head), stream_->peer(), *this);
    co_await run_handler(req);
    report(req, now() - began);
    co_return co_await finish_request();
}

awaitable<void> connection::run_handler(request& req) {
    response_writer out(*this);
    std::optional<problem> failed;
    try {
        co_await handler_(req, out);
        if (answer_.state == progress::nothing)
            raise(errc::wrong_length, "the handler did not answer");
    } catch (const std::exception& e) {
        failed = problem_of(e);
    }
    on_stop_ = nullptr;
    const auto state = co_await asio::this_coro::cancellation_state;
    if (!failed || state.cancelled() != asio::cancellation_type::none)
        co_return;
    if (failed->status >= 500 && answer_.state != progress::broken)
        log::warn("request failed", {{"server", options_.name},
                                     {"method", req.method()},
                                     {"path", req.where().path},
                                     {"reason", failed->message}});
    if (answer_.state == progress::nothing)
        co_await answer_problem(*std::move(failed));
}

awaitable<void> connection::answer_problem(problem p) {
    auto body = options_.describe(p);
    p.headers.add("Content-Type", std::move(body.type));
    co_await send(p.status, std::move(p.headers), std::move(body.text));
}

void connection::report(const request& req, steady_time::duration took) const {
    if (answer_.status != 0)
        probe_.answered(answer_.status);
    log::debug("http request", {{"server", options_.name},
                                {"method", req.method()},
                                {"path", req.where().path},
                                {"status", answer_.status},
                                {"bytes", answer_.body_bytes},
                                {"ms", std::chrono::duration<double, std::milli>(took).count()},
                                {"peer", req.peer()}});
}

/// Whether the connection can take another request.
awaitable<bool> connection::finish_request() {
    if (answer_.state != progress::done)
        co_return false;  // a cut answer must not look complete
    std::array<std::byte, 8192> sink;
    std::size_t skipped = 0;
    while (answer_.keep_alive && !finishing_ && !reader_.body_done() && !owes_continue_ &&
           skipped < skipped_body_bytes_max)
        skipped += co_await read_body_some(sink);
    if (!reader_.body_done()) {
        co_await linger();
        co_return false;
    }
    co_return answer_.keep_alive && !finishing_;
}

/// Lets the client read the answer: closing with its bytes unread would reset the connection.
awaitable<void> connection::linger() {
    stream_->shutdown_write();
    const auto deadline = now() + options_.linger_timeout;
    std::array<std::byte, 16384> sink;
    try {
        while (now() < deadline &&
               co_await aio::with_timeout(stream_->read_some(sink), deadline - now()) > 0) {
        }
    } catch (const failure& e) {
        if (e.code() != aio::errc::timed_out)
            throw;
    }
}

awaitable<std::size_t> connection::read_some(steady_time::duration limit, std::size_t wanted) {
    const auto n = co_await aio::with_timeout(stream_->read_some(reader_.space(wanted)), limit);
    reader_.added(n);
    probe_.received(n);
    co_return n;
}

awaitable<void> connection::write_all(byte_view data) {
    while (!data.empty()) {
        const auto slice = data.first(std::min<std::uint64_t>(data.size(), slice_bytes_));
        co_await push(stream_->write(slice), slice.size());
        data = data.subspan(slice.size());
    }
}

/// One write of `size` bytes; after a failed one the client counts as gone.
awaitable<void> connection::push(awaitable<void> written, std::uint64_t size) {
    const auto before = std::exchange(answer_.state, progress::broken);
    const auto began = now();
    co_await aio::with_timeout(std::move(written), options_.write_timeout);
    if (!closed_)
        answer_.state = before;
    const auto took = now() - began;
    if (took < slice_time_min && size == slice_bytes_)
        slice_bytes_ = std::min(2 * slice_bytes_, slice_bytes_max);
    else if (took > slice_time_max)
        slice_bytes_ = std::max(slice_bytes_ / 2, slice_bytes_min);
    probe_.sent(size);
}

bool connection::sends_body() const noexcept {
    return !answer_.is_head && !is_bodyless(answer_.status);
}

/// The head's text; afterwards the answer is `streaming`.
std::string connection::begin_answer(int status, const header_list& headers,
                                     std::optional<std::uint64_t> length) {
    if (answer_.state == progress::broken)
        raise(aio::errc::closed);
    assert(answer_.state == progress::nothing && "a request is answered once");
    answer_.state = progress::streaming;
    answer_.status = status;
    framing f;
    if (!is_bodyless(status)) {
        f.content_length = length;
        f.chunked = answer_.chunked = !length && answer_.may_chunk;
        if (!length && !answer_.may_chunk)
            answer_.keep_alive = false;
    }
    const bool may_be_left = !reader_.body_done() && (owes_continue_ || answer_.long_request);
    if (finishing_ || may_be_left || status == 408)
        answer_.keep_alive = false;
    f.close = !answer_.keep_alive;
    answer_.left = length;
    auto all = headers;
    all.add(options_.common_headers);
    return format_head(status, all, f, std::chrono::system_clock::now());
}

awaitable<void> connection::send(int status, header_list headers, std::string body) {
    auto text = begin_answer(status, headers, body.size());
    const bool joined = sends_body() && body.size() <= joined_body_bytes_max;
    if (joined)
        text += body;
    co_await write_all(as_bytes(text));
    if (sends_body() && !joined)
        co_await write_all(as_bytes(body));
    answer_.body_bytes = sends_body() ? body.size() : 0;
    answer_.state = progress::done;
}

awaitable<void> connection::send_file(int status, header_list headers, int file,
                                      std::uint64_t offset, std::uint64_t length) {
    co_await write_all(as_bytes(begin_answer(status, headers, length)));
    co_await write_body_file(file, offset, length);
    co_await end_body();
}

awaitable<void> connection::start_stream(int status, header_list headers,
                                         std::optional<std::uint64_t> length) {
    co_await write_all(as_bytes(begin_answer(status, headers, length)));
}

/// Counts a piece of the body; false when it is not to be sent.
bool connection::takes_body(std::uint64_t size) {
    if (answer_.state != progress::streaming)
        raise(aio::errc::closed);
    if (answer_.left && size > *answer_.left)
        raise(errc::wrong_length);
    if (answer_.left)
        *answer_.left -= size;
    if (size == 0 || !sends_body())
        return false;
    answer_.body_bytes += size;
    return true;
}

awaitable<void> connection::write_body(byte_view data) {
    if (!takes_body(data.size()))
        co_return;
    if (!answer_.chunked) {
        co_await write_all(data);
        co_return;
    }
    auto text = fmt::format("{:x}\r\n", data.size());
    if (data.size() > joined_body_bytes_max) {
        co_await write_all(as_bytes(text));
        co_await write_all(data);
        text.clear();
    } else {
        text += as_chars(data);
    }
    text += "\r\n";
    co_await write_all(as_bytes(text));
}

awaitable<void> connection::write_body_file(int file, std::uint64_t offset, std::uint64_t length) {
    if (!takes_body(length))
        co_return;
    if (answer_.chunked)
        co_await write_all(as_bytes(fmt::format("{:x}\r\n", length)));
    while (length > 0) {
        const auto slice = std::min(length, slice_bytes_);
        co_await push(stream_->send_file(file, offset, slice), slice);
        offset += slice;
        length -= slice;
    }
    if (answer_.chunked)
        co_await write_all(as_bytes("\r\n"));
}

awaitable<void> connection::end_body() {
    if (answer_.state != progress::streaming)
        raise(aio::errc::closed);
    if (answer_.left.value_or(0) > 0 && sends_body())
        raise(errc::wrong_length);
    if (answer_.chunked && sends_body())
        co_await write_all(as_bytes("0\r\n\r\n"));
    answer_.state = progress::done;
}

awaitable<std::size_t> connection::read_body_some(std::span<std::byte> into) {
    for (;;) {
        const auto n = value_or_throw(reader_.next_body(into));
        if (n > 0 || reader_.body_done())
            co_return n;
        if (std::exchange(owes_continue_, false) && answer_.state == progress::nothing)
            co_await write_all(as_bytes("HTTP/1.1 100 Continue\r\n\r\n"));
        if (co_await read_some(options_.body_timeout, into.size()) == 0)
            raise(aio::errc::end_of_stream);
    }
}

awaitable<void> connection::read_whole_body(std::size_t bytes_max, bytes* into) {
    std::array<std::byte, 8192> piece;
    while (const auto n = co_await read_body_some(piece)) {
        if (n > bytes_max - into->size())
            raise(errc::body_too_large,
                  fmt::format("the request body is larger than {} bytes", bytes_max));
        append(*into, byte_view(piece).first(n));
    }
}

bool request::has_body() const noexcept {
    return head_.content_length.value_or(0) > 0 || head_.headers.find("Transfer-Encoding");
}

std::string_view request::host() const noexcept {
    return head_.where.authority.empty() ? head_.headers.value("Host") : head_.where.authority;
}

const std::string& request::parameter(std::string_view name) const {
    const auto found =
        std::ranges::find(parameters_, name, &std::pair<std::string, std::string>::first);
    assert(found != parameters_.end());
    return found->second;
}

void request::set_parameter(std::string name, std::string value) {
    parameters_.emplace_back(std::move(name), std::move(value));
}

awaitable<bytes> request::body(std::size_t bytes_max) {
    if (head_.content_length.value_or(0) > bytes_max)
        raise(errc::body_too_large,
              fmt::format("the request body is larger than {} bytes", bytes_max));
    bytes out;
    std::optional<error> late;
    try {
        co_await aio::with_timeout(from_.read_whole_body(bytes_max, &out),
                                   from_.options_.body_timeout);
    } catch (const failure& e) {
        if (e.code() != aio::errc::timed_out)
            throw;
        late = error{errc::request_timeout, {}};
    }
    if (late)
        throw failure(*std::move(late));
    co_return out;
}

awaitable<std::size_t> request::read_body_some(std::span<std::byte> into) {
    std::optional<std::size_t> n;
    try {
        n = co_await from_.read_body_some(into);
    } catch (const failure& e) {
        if (e.code() != aio::errc::timed_out)
            throw;
    }
    if (!n)
        raise(errc::request_timeout);
    co_return *n;
}

awaitable<void> response_writer::send(int status, header_list headers, std::string body) {
    return to_.send(status, std::move(headers), std::move(body));
}

awaitable<void> response_writer::send_file(int status, header_list headers, int file,
                                           std::uint64_t offset, std::uint64_t length) {
    return to_.send_file(status, std::move(headers), file, offset, length);
}

awaitable<void> response_writer::start_stream(int status, header_list headers,
                                              std::optional<std::uint64_t> content_length) {
    return to_.start_stream(status, std::move(headers), content_length);
}

awaitable<void> response_writer::write(byte_view data) {
    return to_.write_body(data);
}

awaitable<void> response_writer::write_file(int file, std::uint64_t offset, std::uint64_t length) {
    return to_.write_body_file(file, offset, length);
}

awaitable<void> response_writer::end() {
    return to_.end_body();
}

void response_writer::abort() noexcept {
    to_.close();
}

bool response_writer::started() const noexcept {
    return to_.answer_.state != connection::progress::nothing;
}

void response_writer::on_stop(std::function<void()> f) {
    if (to_.finishing_)
        f();
    else
        to_.on_stop_ = std::move(f);
}

}  // namespace dm::server
