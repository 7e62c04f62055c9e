#include <sys/types.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <deque>

#include "aio/byte_stream.hpp"
#include "aio/event.hpp"

namespace dm::aio {
namespace {

struct direction {
    direction(executor ex, std::size_t max) : capacity(max), changed(std::move(ex)) {}

    std::size_t capacity;
    std::deque<std::byte> data;
    bool closed = false;
    event changed;
};

class pipe_end final : public byte_stream {
  public:
    pipe_end(std::shared_ptr<direction> in, std::shared_ptr<direction> out)
        : in_(std::move(in)), out_(std::move(out)) {}
    ~pipe_end() override { close(); }

    awaitable<std::size_t> read_some(std::span<std::byte> into) override {
        const auto in = in_;  // survives this end
        while (in->data.empty() && !in->closed)
            co_await in->changed.wait();
        const auto n = std::min(into.size(), in->data.size());
        const auto end = in->data.begin() + static_cast<std::ptrdiff_t>(n);
        std::copy(in->data.begin(), end, into.begin());
        in->data.erase(in->data.begin(), end);
        in->changed.notify_all();
        co_return n;
    }

    awaitable<void> write(byte_view data) override {
        const auto out = out_;
        while (!data.empty()) {
            while (out->data.size() >= out->capacity && !out->closed)
                co_await out->changed.wait();
            if (out->closed)
                raise(errc::closed);
            const auto n = std::min(data.size(), out->capacity - out->data.size());
            out->data.insert(out->data.end(), data.begin(),
                             data.begin() + static_cast<std::ptrdiff_t>(n));
            data = data.subspan(n);
            out->changed.notify_all();
        }
    }

    awaitable<void> send_file(int file, std::uint64_t offset, std::uint64_t length) override {
        std::array<std::byte, 16384> buffer;
        while (length > 0) {
            const auto want = std::min<std::uint64_t>(buffer.size(), length);
            const auto n = ::pread(file, buffer.data(), want, static_cast<off_t>(offset));
            if (n <= 0)
                raise(errc::end_of_stream, "the file is shorter than announced");
            co_await write(byte_view(buffer).first(static_cast<std::size_t>(n)));
            offset += static_cast<std::uint64_t>(n);
            length -= static_cast<std::uint64_t>(n);
        }
    }

    void shutdown_write() noexcept override { close(*out_); }
    void close() noexcept override {
        close(*in_);
        close(*out_);
    }
    std::string peer() const override { return "memory"; }

  private:
    static void close(direction& d) noexcept {
        d.closed = true;
        d.changed.notify_all();
    }

    std::shared_ptr<direction> in_;
    std::shared_ptr<direction> out_;
};

}  // namespace

std::pair<std::unique_ptr<byte_stream>, std::unique_ptr<byte_stream>> memory_pipe(
    executor ex, std::size_t capacity) {
    const auto a = std::make_shared<direction>(ex, capacity);
    const auto b = std::make_shared<direction>(ex, capacity);
    return {std::make_unique<pipe_end>(a, b), std::make_unique<pipe_end>(b, a)};
}

}  // namespace dm::aio
