#pragma once

#include <string>

#include "aio/event.hpp"
#include "http/client/request.hpp"
#include "oci/descriptor.hpp"
#include "oci/upstream/blob_sink.hpp"

namespace dm::upstream {

/// One blob on its way into a sink, over as many answers as it takes. Each answer must continue
/// where the last one broke: a 206 for the right range, or a 200 whose start is skipped.
class blob_download final : public http::body_sink {
  public:
    /// From byte `offset`; `host` and `what` are for sentences.
    blob_download(executor ex, const oci::descriptor& blob, std::uint64_t offset, blob_sink& sink,
                  std::string host, std::string what);
    blob_download(const blob_download&) = delete;
    blob_download& operator=(const blob_download&) = delete;
    ~blob_download() override;

    bool complete() const noexcept { return position_ == size_ && answered_; }
    /// The next byte that is wanted.
    std::uint64_t position() const noexcept { return position_; }
    /// True when the sink threw: not the registry's fault.
    bool sink_failed() const noexcept { return sink_failed_; }
    /// Body of an answer that is no blob.
    const std::string& error_body() const noexcept { return error_body_; }

    void begin_attempt();
    /// Until the sink has room.
    awaitable<void> ready();
    void resume();

    void on_head(const http::response_head& head, http::flow_control flow) override;
    bool on_body(byte_view piece) override;

    static constexpr std::size_t error_body_bytes_max = 64 << 10;

  private:
    void check_whole(const http::response_head& head) const;
    void check_part(const http::response_head& head) const;
    [[noreturn]] void corrupt(const std::string& why) const;

    std::uint64_t size_;
    std::uint64_t position_;
    blob_sink& sink_;
    std::string host_;
    std::string what_;
    std::uint64_t skip_ = 0;
    bool is_blob_ = false;
    bool answered_ = false;  ///< also an empty blob has to be asked for
    bool paused_ = false;
    bool sink_failed_ = false;
    std::string error_body_;
    http::flow_control flow_;
    aio::event resumed_;
};

}  // namespace dm::upstream
