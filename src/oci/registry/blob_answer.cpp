#include "oci/registry/blob_answer.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "http/syntax/range.hpp"
#include "oci/registry/errc.hpp"
#include "oci/registry/error_body.hpp"

namespace dm::registry {

using syntax::range_kind;

std::string etag_of(const crypto::digest& d) {
    return fmt::format("\"{}\"", d.to_string());
}

bool has_already(const server::request& req, const crypto::digest& d) {
    const auto known = req.headers().value("If-None-Match");
    return known == "*" || known.contains(etag_of(d));
}

server::header_list content_headers(const crypto::digest& d, std::string type) {
    return {{"Content-Type", std::move(type)},
            {"Docker-Content-Digest", d.to_string()},
            {"ETag", etag_of(d)}};
}

awaitable<void> blob_answer::begin(std::uint64_t size) {
    if (std::exchange(begun_, true))
        co_return;
    if (!has_already(request_, digest_)) {
        co_await begin_part(size);
        co_return;
    }
    done_ = true;
    co_await out_.send(304, content_headers(digest_, "application/octet-stream"), {});
}

awaitable<void> blob_answer::begin_part(std::uint64_t size) {
    const auto* only_if = request_.headers().find("If-Range");
    const bool ranged = request_.method() == "GET" && (!only_if || *only_if == etag_of(digest_));
    const auto asked = ranged ? request_.headers().value("Range") : std::string_view();
    const auto [kind, range] = syntax::parse_range(asked, size);
    if (kind == range_kind::multiple)
        raise(errc::range_invalid);
    auto headers = content_headers(digest_, "application/octet-stream");
    headers.add("Accept-Ranges", "bytes");
    headers.add(std::string(source_header), source_);
    if (kind == range_kind::unsatisfiable) {
        done_ = true;
        co_await send_unmet(out_, error{errc::range_unmet, {}},
                            {{"Content-Range", fmt::format("bytes */{}", size)}});
        co_return;
    }
    const bool partial = kind == range_kind::partial;
    if (partial)
        headers.add("Content-Range",
                    fmt::format("bytes {}-{}/{}", range.first, range.last(), size));
    next_ = range.first;
    end_ = range.first + range.size;
    sent_ = request_.method() == "HEAD" ? 0 : range.size;
    co_await out_.start_stream(partial ? 206 : 200, std::move(headers), range.size);
    if (request_.method() == "HEAD")
        co_await finish();
}

awaitable<void> blob_answer::finish() {
    done_ = true;
    co_await out_.end();
}

awaitable<void> blob_answer::send(int file, std::uint64_t size) {
    co_await begin(size);
    if (done_)
        co_return;
    co_await out_.write_file(file, next_, end_ - next_);
    co_await finish();
}

awaitable<void> blob_answer::follow(store::arrival& blob) {
    followed_ = true;
    co_await begin(blob.size());
    if (done_)
        co_return;
    while (next_ < end_) {
        if (const auto& failed = blob.failed()) {
            if (failed->code == store::errc::wrong_digest)
                throw failure(*failed);
            co_return;
        }
        const auto safe = blob.complete() ? blob.size() : blob.size() - 1;
        const auto until = std::min({blob.available(), end_, safe});
        if (until > next_) {
            co_await out_.write_file(blob.file(), next_, until - next_);
            next_ = until;
        } else {
            if (waiting_)
                waiting_(digest_, blob.available());
            co_await blob.changed();
        }
    }
    co_await finish();
}

}  // namespace dm::registry
