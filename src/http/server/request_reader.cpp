#include "http/server/request_reader.hpp"

#include <algorithm>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/fields.hpp>
#include <boost/beast/http/parser.hpp>
#include <cassert>
#include <limits>

#include "http/syntax/scan.hpp"

namespace dm::server {
namespace {

namespace beast_http = boost::beast::http;
using beast_http::error;

/// Holds more than the longest line of a chunked body, so that only a head can fill it.
constexpr std::size_t buffer_bytes_min = 2 * chunk_head_bytes_max;
constexpr char tls_handshake_record = 0x16;

errc errc_of(const boost::system::error_code& code) {
    return code == error::bad_version ? errc::unsupported_version : errc::malformed_request;
}

std::unexpected<dm::error> refuse(const boost::system::error_code& code) {
    return fail(errc_of(code), code == error::bad_version ? std::string() : code.message());
}

/// What the message syntax allows and we do not; nullopt when all is well.
std::optional<dm::error> objection(const request_head& head, bool chunked) {
    const auto no = [](errc code, const char* why) { return dm::error{code, why}; };
    if (const auto* coding = head.headers.find("Transfer-Encoding")) {
        if (!syntax::equals_ignoring_case(*coding, "chunked"))
            return no(errc::unsupported_coding, "");
        if (!head.understands_chunks || !chunked)
            return no(errc::malformed_request, "Transfer-Encoding in an HTTP/1.0 request");
    }
    const auto hosts = head.headers.count("Host");
    if (hosts > 1 || (hosts == 0 && head.understands_chunks))
        return no(errc::malformed_request, "the request needs exactly one Host header");
    if (const auto* expected = head.headers.find("Expect");
        expected && !syntax::equals_ignoring_case(*expected, "100-continue"))
        return no(errc::expectation_failed, "");
    return std::nullopt;
}

}  // namespace

request_reader::request_reader(std::size_t head_bytes_max)
    : head_bytes_max_(head_bytes_max), buffer_(buffer_bytes_min) {}

std::string_view request_reader::input() const noexcept {
    return as_chars(byte_view(buffer_).subspan(begin_, end_ - begin_));
}

std::span<std::byte> request_reader::space(std::size_t wanted) {
    if (begin_ > 0) {
        std::copy(buffer_.begin() + static_cast<std::ptrdiff_t>(begin_),
                  buffer_.begin() + static_cast<std::ptrdiff_t>(end_), buffer_.begin());
        end_ -= begin_;
        begin_ = 0;
    }
    if (body_done() && buffer_.size() > head_bytes_max_ + buffer_bytes_min &&
        end_ <= buffer_bytes_min) {
        buffer_.resize(buffer_bytes_min);  // a connection at rest keeps no large buffer
        buffer_.shrink_to_fit();
    }
    wanted = std::min(wanted, body_buffer_bytes_max);
    if (!body_done() && wanted > buffer_.size())
        buffer_.resize(wanted);
    if (end_ == buffer_.size())
        buffer_.resize(std::max(buffer_.size(),
                                std::min(2 * buffer_.size(), head_bytes_max_ + buffer_bytes_min)));
    return std::span(buffer_).subspan(end_);
}

bool request_reader::body_done() const noexcept {
    return body_left_ == 0 && (!chunks_ || chunks_->done());
}

result<std::optional<request_head>> request_reader::next_head() {
    assert(body_done());
    chunks_.reset();
    while (searched_ == 0 && input().starts_with("\r\n"))  // RFC 9112 §2.2
        begin_ += 2;
    const auto text = input();
    if (text.empty() || text == "\r")
        return std::nullopt;
    if (text.front() == tls_handshake_record)
        return fail(errc::tls_on_plain_port);
    if (!syntax::is_token_char(text.front()))
        return fail(errc::malformed_request);
    const auto end = text.find("\r\n\r\n", searched_);
    const auto size = end == std::string_view::npos ? text.size() : end + 4;
    if (size > head_bytes_max_ || (size == head_bytes_max_ && end == std::string_view::npos))
        return fail(errc::head_too_large);
    if (end == std::string_view::npos) {
        searched_ = size > 3 ? size - 3 : 0;
        return std::nullopt;
    }
    searched_ = 0;
    auto head = parse_head(size);
    if (!head)
        return fail(std::move(head.error()));
    return std::optional(*std::move(head));
}

result<request_head> request_reader::parse_head(std::size_t size) {
    beast_http::request_parser<beast_http::empty_body> parser;
    parser.header_limit(std::numeric_limits<std::uint32_t>::max());
    parser.body_limit(boost::none);
    boost::system::error_code failed;
    const auto used = parser.put(boost::asio::buffer(input().data(), size), failed);
    if (failed)
        return refuse(failed);
    if (used != size || !parser.is_header_done())
        return fail(errc::malformed_request);
    begin_ += size;

    const auto& message = parser.get();
    request_head head;
    head.method = std::string_view(message.method_string());
    head.understands_chunks = message.version() >= 11;
    head.keep_alive = parser.keep_alive();
    for (const auto& field : message) {
        if (head.headers.size() == header_fields_max)
            return fail(errc::head_too_large, "too many headers");
        head.headers.add(std::string(field.name_string()), std::string(field.value()));
    }
    if (const auto length = parser.content_length())
        head.content_length = body_left_ = *length;
    if (parser.chunked())
        chunks_.emplace();
    if (auto no = objection(head, parser.chunked()))
        return fail(*std::move(no));
    head.expects_continue = head.understands_chunks && head.headers.find("Expect");
    auto where = parse_target(std::string_view(message.target()));
    if (!where)
        return fail(std::move(where.error()));
    head.where = *std::move(where);
    return head;
}

result<std::size_t> request_reader::next_body(std::span<std::byte> into) {
    const auto available = byte_view(buffer_).subspan(begin_, end_ - begin_);
    if (chunks_) {
        const auto done = chunks_->take(available, into);
        if (!done)
            return fail(done.error());
        begin_ += done->used;
        return done->moved;
    }
    const auto n = std::min<std::uint64_t>({available.size(), into.size(), body_left_});
    std::ranges::copy(available.first(n), into.begin());
    begin_ += n;
    body_left_ -= n;
    return n;
}

}  // namespace dm::server
