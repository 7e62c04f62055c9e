#include "content/store/arrival.hpp"

#include <fmt/format.h>

#include <cassert>
#include <cstring>

#include "base/log.hpp"
#include "content/store/arrival_parts.hpp"

namespace dm::store {
namespace {

constexpr std::uint64_t checkpoint_bytes = 64 << 20;
constexpr std::chrono::seconds checkpoint_interval{5};

}  // namespace

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
    chain_ = std::make_unique<chain>(std::move(old.hash), leaves_.size());
    for (std::size_t i = 0; i < leaves_.size(); ++i)
        chain_->here[i] = has(i);
    lane_ = std::make_unique<lane>();
    checkpoint_time_ = std::chrono::steady_clock::now();
    if (received_ > 0)
        log::info("partial blob taken up", {{"digest", digest.to_string()},
                                            {"bytes", received_},
                                            {"rehashed_bytes", old.rehashed_bytes}});
}

arrival::~arrival() {
    assert(settled() && "an arrival is settled before it is destroyed");
}

bool arrival::write(byte_view data) {
    if (failed_)
        return false;
    by_leaf_ = false;
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
    const bool throwing = co_await asio::this_coro::throw_if_cancelled();
    co_await asio::this_coro::throw_if_cancelled(false);
    while (!settled())
        co_await changed_.wait_regardless();
    co_await asio::this_coro::throw_if_cancelled(throwing);
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
