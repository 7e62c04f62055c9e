#include "content/store/arrival.hpp"

#include <fmt/format.h>

#include <boost/asio/post.hpp>
#include <cassert>
#include <cstring>

#include "base/log.hpp"

namespace dm::store {
namespace {

constexpr std::uint64_t checkpoint_bytes = 64 << 20;
constexpr std::chrono::seconds checkpoint_interval{5};

}  // namespace

struct arrival::chunk {
    std::uint64_t index = 0;
    std::size_t used = 0;
    std::atomic<int> users = 0;  ///< the leaf job and the chain
    std::array<std::byte, leaf_bytes> data;

    byte_view view() const noexcept { return byte_view(data).first(used); }
};

/// The hash of the whole blob, fed leaf by leaf in order by one job at a time.
struct arrival::chain {
    explicit chain(crypto::hasher h) : hash(std::move(h)) {}

    std::mutex mutex;
    std::deque<chunk*> queue;
    bool running = false;
    crypto::hasher hash;
    std::uint64_t readable = 0;  ///< that may be read out of the file for hashing
    bool reading = false;        ///< catch_up() is on the pool
    std::atomic<bool> snapshot_wanted = false;
    std::optional<crypto::hasher> snapshot;
};

arrival::arrival(executor ex, aio::pool& workers, const std::filesystem::path& folder,
                 const crypto::digest& digest, std::uint64_t size)
    : executor_(ex),
      workers_(workers),
      digest_(digest),
      file_(folder, digest, size),
      changed_(std::move(ex)) {
    auto old = file_.recover();
    leaves_ = std::move(old.leaves);
    received_ = available_ = old.hash.size();
    chain_ = std::make_unique<chain>(std::move(old.hash));
    checkpoint_time_ = std::chrono::steady_clock::now();
    if (received_ > 0)
        log::info("partial blob taken up", {{"digest", digest.to_string()},
                                            {"bytes", received_},
                                            {"rehashed_bytes", old.rehashed_bytes}});
}

arrival::~arrival() {
    assert(settled() && "an arrival is settled before it is destroyed");
}

template <class F>
void arrival::on_loop(F f) {
    asio::post(executor_, std::move(f));
}

bool arrival::write(byte_view data) {
    if (failed_)
        return false;
    if (data.size() > size() - received_) {
        mark_failed(
            {make_error_code(errc::wrong_size),
             fmt::format("{} has more bytes than the {} announced", digest_.to_string(), size())});
        return false;
    }
    while (!data.empty()) {
        if (!current_) {
            if (spare_.empty()) {
                current_ = std::make_unique_for_overwrite<chunk>();
            } else {
                current_ = std::move(spare_.back());
                spare_.pop_back();
            }
            current_->index = received_ / leaf_bytes;
            current_->used = 0;
        }
        const auto n = std::min<std::size_t>(data.size(), leaf_bytes - current_->used);
        std::memcpy(current_->data.data() + current_->used, data.data(), n);
        current_->used += n;
        received_ += n;
        data = data.subspan(n);
        if (current_->used == leaf_bytes || received_ == size())
            submit();
    }
    return has_room();
}

void arrival::submit() {
    auto* const c = current_.release();
    c->users = 2;
    ++in_flight_;
    ++jobs_;
    workers_.post([this, c] { store_leaf(c); });

    const std::scoped_lock lock(chain_->mutex);
    chain_->queue.push_back(c);
    if (!chain_->running) {
        chain_->running = true;
        ++jobs_;
        workers_.post([this] { run_chain(); });
    }
}

void arrival::store_leaf(chunk* c) {
    const auto index = c->index;
    const auto hash = crypto::sha256(c->view());
    std::optional<error> wrong;
    try {
        file_.write_leaf(index, c->view(), hash);
    } catch (const std::exception& e) {
        wrong = error_of(e);  // carried to the loop, where the writer sees it
    }
    release(c);
    on_loop([this, index, hash, wrong = std::move(wrong)] {
        --jobs_;
        if (wrong)
            mark_failed(*wrong);
        else
            leaf_done(index, hash);
        changed_.notify_all();
    });
}

void arrival::run_chain() {
    for (;;) {
        chunk* c = nullptr;
        {
            const std::scoped_lock lock(chain_->mutex);
            if (chain_->queue.empty()) {
                chain_->running = false;
                break;
            }
            c = chain_->queue.front();
            chain_->queue.pop_front();
        }
        chain_->hash.update(c->view());
        if (chain_->snapshot_wanted.exchange(false)) {
            const std::scoped_lock lock(chain_->mutex);
            chain_->snapshot = chain_->hash;
        }
        release(c);
    }
    on_loop([this] {
        --jobs_;
        changed_.notify_all();
    });
}

void arrival::release(chunk* c) {
    if (c->users.fetch_sub(1) != 1)
        return;
    on_loop([this, c] {
        std::unique_ptr<chunk> free(c);
        --in_flight_;
        if (spare_.size() < leaves_in_flight_max && received_ < size())
            spare_.push_back(std::move(free));
        changed_.notify_all();
    });
}

void arrival::leaf_done(std::uint64_t index, const leaf_hash& hash) {
    leaves_[index] = hash;
    while (available_ < size() && leaves_[available_ / leaf_bytes] != leaf_hash{})
        available_ = std::min(size(), available_ + leaf_bytes);
    stored_since_checkpoint_ += leaf_bytes;
    maybe_checkpoint();
    if (on_leaf_)
        on_leaf_(index);
}

awaitable<bool> arrival::put(std::uint32_t index, bytes data, leaf_hash expected) {
    if (failed_)
        throw failure(*failed_);
    if (has(index))
        co_return true;
    const auto at = std::uint64_t{index} * leaf_bytes;
    if (data.size() != std::min<std::uint64_t>(leaf_bytes, size() - at))
        co_return false;
    ++jobs_;
    struct settle_later {
        arrival& a;
        ~settle_later() {
            --a.jobs_;
            a.changed_.notify_all();
        }
    } const at_end{*this};
    bool right = false;
    try {
        right = co_await workers_.run([&] {
            if (crypto::sha256(data) != expected)
                return false;
            file_.write_leaf(index, data, expected);
            return true;
        });
    } catch (const std::exception& e) {
        mark_failed(error_of(e));
        throw;
    }
    if (right && !has(index)) {
        by_leaf_ = true;
        leaf_done(index, expected);
        extend_chain();
    }
    co_return right;
}

awaitable<bytes> arrival::leaf(std::uint64_t index) {
    const auto length = std::min<std::uint64_t>(leaf_bytes, size() - index * leaf_bytes);
    ++jobs_;
    struct settle_later {
        arrival& a;
        ~settle_later() {
            --a.jobs_;
            a.changed_.notify_all();
        }
    } const at_end{*this};
    co_return co_await workers_.run([&] { return file_.read(index * leaf_bytes, length); });
}

/// What put() has stored is hashed from the file, as far as it is there without a gap.
void arrival::extend_chain() {
    received_ = available_;
    const std::scoped_lock lock(chain_->mutex);
    chain_->readable = available_;
    if (chain_->reading || chain_->readable <= chain_->hash.size())
        return;
    chain_->reading = true;
    ++jobs_;
    workers_.post([this] { catch_up(); });
}

void arrival::catch_up() {
    std::optional<error> wrong;
    try {
        for (;;) {
            const auto at = chain_->hash.size();
            std::uint64_t end = 0;
            {
                const std::scoped_lock lock(chain_->mutex);
                end = chain_->readable;
                if (at >= end) {
                    chain_->reading = false;
                    chain_->snapshot = chain_->hash;
                    break;
                }
            }
            const auto data = file_.read(at, std::min<std::uint64_t>(leaf_bytes, end - at));
            if (data.empty())
                raise(errc::failed, "a partial blob became shorter");
            chain_->hash.update(data);
        }
    } catch (const std::exception& e) {
        wrong = error_of(e);  // carried to the loop, where the writer sees it
    }
    on_loop([this, wrong = std::move(wrong)] {
        --jobs_;
        if (wrong)
            mark_failed(*wrong);
        changed_.notify_all();
    });
}

void arrival::maybe_checkpoint() {
    if (checkpoint_running_)
        return;
    const auto now = std::chrono::steady_clock::now();
    const bool due =
        stored_since_checkpoint_ >= checkpoint_bytes ||
        (now - checkpoint_time_ >= checkpoint_interval && stored_since_checkpoint_ > 0);
    if (!due)
        return;
    std::optional<crypto::hasher> snapshot;
    {
        const std::scoped_lock lock(chain_->mutex);
        snapshot = chain_->snapshot;
        if (!by_leaf_)
            chain_->snapshot.reset();
    }
    if (by_leaf_ && !snapshot)
        snapshot = crypto::hasher(digest_.algorithm());  // nothing is here from the beginning on
    if (!snapshot || snapshot->size() > available_) {
        chain_->snapshot_wanted = true;
        return;
    }
    checkpoint_running_ = true;
    stored_since_checkpoint_ = 0;
    checkpoint_time_ = now;
    ++jobs_;
    workers_.post([this, leaves = leaves_, hash = *snapshot] {
        std::optional<error> wrong;
        try {
            file_.checkpoint(leaves, hash);
        } catch (const std::exception& e) {
            wrong = error_of(e);
        }
        on_loop([this, wrong = std::move(wrong)] {
            --jobs_;
            checkpoint_running_ = false;
            if (wrong)
                mark_failed(*wrong);
            changed_.notify_all();
        });
    });
}

awaitable<void> arrival::ready() {
    while (!failed_ && !has_room())
        co_await changed_.wait();
    if (failed_)
        throw failure(*failed_);
}

awaitable<void> arrival::ended() {
    while (!complete_ && !failed_)
        co_await changed_.wait();
}

awaitable<void> arrival::settle() {
    while (!settled())
        co_await changed_.wait();
}

awaitable<void> arrival::finish() {
    if (size() == 0 && leaves_[0] == leaf_hash{}) {
        current_ = std::make_unique_for_overwrite<chunk>();
        submit();
    }
    co_await settle();
    spare_.clear();
    if (failed_)
        throw failure(*failed_);
    if (received_ < size())
        raise(errc::incomplete,
              fmt::format("{} of {} bytes of {} are here", received_, size(), digest_.to_string()));
    auto hash = chain_->hash;
    if (hash.finish() != digest_)
        raise(errc::wrong_digest, fmt::format("the {} bytes received for {} do not match it",
                                              size(), digest_.to_string()));
}

void arrival::mark_complete() {
    complete_ = true;
    changed_.notify_all();
}

void arrival::mark_failed(error e) {
    if (!failed_)
        failed_ = std::move(e);
    changed_.notify_all();
}

}  // namespace dm::store
