#include "oci/importer/blob_fetch.hpp"

#include "aio/event.hpp"
#include "aio/task_group.hpp"

namespace dm::importer {
namespace {

/// Lets a transfer run into an arrival and holds it back while the arrival has no room.
class arrival_sink final : public byte_sink {
  public:
    arrival_sink(executor ex, store::arrival& into, std::function<void(std::size_t)> count)
        : into_(into), count_(std::move(count)), paused_changed_(std::move(ex)) {}

    bool on_bytes(byte_view piece) override {
        const bool room = into_.write(piece);
        if (const auto& failed = into_.failed())
            throw failure(*failed);
        count_(piece.size());
        if (!room) {
            paused_ = true;
            paused_changed_.notify_all();
        }
        return room;
    }

    /// Runs beside the transfer and ends with it.
    awaitable<void> resume_when_there_is_room() {
        for (;;) {
            while (!paused_)
                co_await paused_changed_.wait();
            while (!into_.has_room() && !into_.failed())
                co_await into_.changed();
            paused_ = false;
            resume();
        }
    }

  private:
    store::arrival& into_;
    std::function<void(std::size_t)> count_;
    bool paused_ = false;
    aio::event paused_changed_;
};

}  // namespace

awaitable<store::blob_info> fetch_blob(store::content_store& store, image_source& source,
                                       oci::descriptor blob, store::arrival_lease lease,
                                       std::function<void(std::uint64_t bytes)> received) {
    arrival_sink sink(co_await asio::this_coro::executor, *lease, received);
    try {
        if (lease->received() < lease->size() && !co_await source.fill(blob, *lease, received))
            co_await aio::beside(source.blob(blob, lease->received(), sink),
                                 sink.resume_when_there_is_room());
        co_return co_await store.finish(lease);
    } catch (const std::exception& e) {
        lease->mark_failed(error_of(e));  // for those who follow this arrival
        throw;
    }
}

}  // namespace dm::importer
