#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "aio/byte_stream.hpp"
#include "base/clock.hpp"
#include "http/server/options.hpp"
#include "http/server/probe.hpp"
#include "http/server/request_reader.hpp"

namespace dm::server {

/// One client: reads requests, runs the handler on each, writes the answers. Internal to the
/// module; handlers see it as request and response_writer.
class connection {
  public:
    /// The references outlive it.
    connection(std::unique_ptr<aio::byte_stream> stream, const options& o, const handler& h,
               probe& p, std::function<void()> became_idle);

    /// Serves until either side ends it, or it is cancelled.
    awaitable<void> run();

    /// Whether it waits for a request of which nothing has arrived.
    bool is_idle() const noexcept { return idle_; }
    steady_time idle_since() const noexcept { return idle_since_; }
    /// Ends it at once.
    void close() noexcept;
    /// Ends it when the answer in progress is out; now if there is none.
    void finish() noexcept;

  private:
    friend class request;
    friend class response_writer;

    enum class progress { nothing, streaming, done, broken };
    /// The answer in progress.
    struct answer {
        progress state = progress::nothing;
        int status = 0;
        bool is_head = false;
        bool long_request = false;  ///< its body is too long to skip what nobody reads
        bool keep_alive = false;
        bool may_chunk = false;
        bool chunked = false;
        std::optional<std::uint64_t> left;  ///< announced body bytes not written yet
        std::uint64_t body_bytes = 0;
    };

    awaitable<bool> serve_one();
    awaitable<std::optional<result<request_head>>> read_head();
    awaitable<bool> handle(request_head head);
    awaitable<void> run_handler(request& req);
    awaitable<void> answer_problem(problem p);
    void report(const request& req, steady_time::duration took) const;
    awaitable<bool> finish_request();
    awaitable<void> linger();

    awaitable<std::size_t> read_some(steady_time::duration limit, std::size_t wanted = 0);
    awaitable<void> write_all(byte_view data);
    awaitable<void> push(awaitable<void> written, std::uint64_t size);
    std::string begin_answer(int status, const header_list& headers,
                             std::optional<std::uint64_t> length);
    bool sends_body() const noexcept;

    awaitable<std::size_t> read_body_some(std::span<std::byte> into);
    awaitable<void> read_whole_body(std::size_t bytes_max, bytes* into);
    awaitable<void> send(int status, header_list headers, std::string body);
    awaitable<void> send_file(int status, header_list headers, int file, std::uint64_t offset,
                              std::uint64_t length);
    awaitable<void> start_stream(int status, header_list headers,
                                 std::optional<std::uint64_t> length);
    bool takes_body(std::uint64_t size);
    awaitable<void> write_body(byte_view data);
    awaitable<void> write_body_file(int file, std::uint64_t offset, std::uint64_t length);
    awaitable<void> end_body();

    std::unique_ptr<aio::byte_stream> stream_;
    const options& options_;
    const handler& handler_;
    probe& probe_;
    std::function<void()> became_idle_;

    request_reader reader_;
    answer answer_;
    std::size_t requests_ = 0;
    bool idle_ = false;
    steady_time idle_since_{};
    std::uint64_t slice_bytes_ = 256 << 10;  ///< written at a time
    bool finishing_ = false;
    bool closed_ = false;
    bool owes_continue_ = false;  ///< the client waits for "100 Continue"
    std::function<void()> on_stop_;
};

}  // namespace dm::server
