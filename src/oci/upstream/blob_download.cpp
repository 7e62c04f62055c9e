#include "oci/upstream/blob_download.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "http/syntax/content_range.hpp"
#include "oci/upstream/exchange.hpp"
#include "oci/upstream/probe.hpp"

namespace dm::upstream {

void blob_sink::resume() {
    if (download_)
        download_->resume();
}

blob_download::blob_download(executor ex, const oci::descriptor& blob, std::uint64_t offset,
                             blob_sink& sink, std::string host, std::string what)
    : size_(blob.size),
      position_(offset),
      sink_(sink),
      host_(std::move(host)),
      what_(std::move(what)),
      resumed_(std::move(ex)) {
    sink_.download_ = this;
}

blob_download::~blob_download() {
    sink_.download_ = nullptr;
}

void blob_download::begin_attempt() {
    skip_ = 0;
    is_blob_ = false;
    error_body_.clear();
    flow_ = {};
}

awaitable<void> blob_download::ready() {
    while (paused_)
        co_await resumed_.wait();
}

void blob_download::resume() {
    paused_ = false;
    flow_.resume();
    resumed_.notify_all();
}

void blob_download::corrupt(const std::string& why) const {
    throw exchange_failed({errc::corrupt, fmt::format("{} {} of {}", host_, why, what_)});
}

void blob_download::on_head(const http::response_head& head, http::flow_control flow) {
    flow_ = flow;
    if (head.status == 206)
        check_part(head);
    else if (head.status == 200)
        check_whole(head);
    else if (head.status == 416)
        corrupt(fmt::format("has fewer than {} bytes", position_));
    is_blob_ = head.status == 200 || head.status == 206;
    answered_ = answered_ || is_blob_;
    skip_ = head.status == 200 ? position_ : 0;
}

void blob_download::check_whole(const http::response_head& head) const {
    const auto length = head.content_length();
    if (length && *length != size_)
        corrupt(fmt::format("sends {} instead of {} bytes", *length, size_));
}

void blob_download::check_part(const http::response_head& head) const {
    const auto* text = head.find("Content-Range");
    const auto range = text ? syntax::parse_content_range(*text) : result<syntax::content_range>{};
    if (!range || !range->range || range->range->first != position_)
        corrupt(fmt::format("sends another range than the one from byte {} on", position_));
    if (range->total && *range->total != size_)
        corrupt(fmt::format("has {} instead of {} bytes", *range->total, size_));
}

bool blob_download::on_body(byte_view piece) {
    if (!is_blob_) {
        const auto room = error_body_bytes_max - error_body_.size();
        error_body_.append(as_chars(piece.first(std::min(room, piece.size()))));
        return true;
    }
    const auto skipped = std::min<std::uint64_t>(skip_, piece.size());
    skip_ -= skipped;
    piece = piece.subspan(static_cast<std::size_t>(skipped));
    if (piece.empty())
        return true;
    if (piece.size() > size_ - position_)
        corrupt(fmt::format("sends more than {} bytes", size_));
    position_ += piece.size();
    count_received(piece.size());
    // Set before the call: the sink may resume from within it, or before it has even returned.
    paused_ = true;
    try {
        if (sink_.on_bytes(piece))
            paused_ = false;
    } catch (...) {
        sink_failed_ = true;
        throw;
    }
    return !paused_;
}

}  // namespace dm::upstream
