#include "content/store/arrival_parts.hpp"
#include "crypto/twin_hash.hpp"

/// Leaves in any order: put(), and the hash of the blob behind them.
namespace dm::store {
namespace {

/// Leaves of put() go through one job, in order as far as possible; where it does not keep up, and
/// this many wait, a second one helps.
constexpr std::size_t lane_backlog_max = 6;
constexpr int lane_jobs_max = 2;
/// The hash of the blob may be this many leaves behind what is here; more are hashed from the file,
/// before further leaves are taken.
constexpr std::size_t behind_max = 16;

}  // namespace

awaitable<bool> arrival::put(std::uint32_t index, byte_view data, leaf_hash expected) {
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
    by_leaf_ = true;
    handed_leaf leaf(executor_, index, data, expected);
    hand_in(leaf);
    const bool throwing = co_await asio::this_coro::throw_if_cancelled();
    co_await asio::this_coro::throw_if_cancelled(false);
    while (!leaf.done)
        co_await leaf.changed.wait_regardless();
    co_await asio::this_coro::throw_if_cancelled(throwing);
    if (leaf.failed) {
        try {
            std::rethrow_exception(leaf.failed);
        } catch (const std::exception& e) {
            mark_failed(error_of(e));
            throw;
        }
    }
    if (leaf.right && !has(index))
        leaf_done(index, expected);
    if (leaf.whole)
        keep_snapshot(*std::move(leaf.whole));
    received_ = available_;
    co_return leaf.right;
}

void arrival::keep_snapshot(crypto::hasher hash) {
    const std::scoped_lock lock(chain_->mutex);
    if (hash.size() <= available_ && (!chain_->snapshot || chain_->snapshot->size() < hash.size()))
        chain_->snapshot = std::move(hash);
}

void arrival::hand_in(handed_leaf& leaf) {
    {
        const std::scoped_lock lock(lane_->mutex);
        lane_->waiting.push_back(&leaf);
        const auto enough = lane_->waiting.size() > lane_backlog_max ? lane_jobs_max : 1;
        if (lane_->jobs >= enough)
            return;
        ++lane_->jobs;
    }
    ++jobs_;
    workers_.post([this] { run_lane(); });
}

void arrival::run_lane() {
    std::optional<error> wrong;
    for (;;) {
        handed_leaf* leaf = nullptr;
        {
            const std::scoped_lock lock(lane_->mutex);
            if (!lane_->waiting.empty()) {
                const auto follows =
                    std::ranges::find(lane_->waiting, lane_->next, &handed_leaf::index);
                const auto it = follows == lane_->waiting.end() ? lane_->waiting.begin() : follows;
                leaf = *it;
                lane_->waiting.erase(it);
                lane_->next = std::uint64_t{leaf->index} + 1;
            }
        }
        if (leaf) {
            try {
                check_and_store(*leaf);
            } catch (...) {
                leaf->failed = std::current_exception();  // rethrown in put()
            }
            on_loop([leaf] {
                leaf->done = true;
                leaf->changed.notify_all();
            });
        }
        try {
            if (!wrong && advance_chain(leaf ? behind_max : 1))
                continue;
        } catch (const std::exception& e) {
            wrong = error_of(e);  // carried to the loop, where the writer sees it
        }
        if (leaf)
            continue;
        const std::scoped_lock lock(lane_->mutex);
        if (lane_->waiting.empty()) {
            --lane_->jobs;
            break;
        }
    }
    on_loop([this, wrong = std::move(wrong)] {
        --jobs_;
        if (wrong)
            mark_failed(*wrong);
        changed_.notify_all();
    });
}

/// Hashes what is here, out of the file, if that many leaves are, and nobody else is at it.
bool arrival::advance_chain(std::size_t behind_min) {
    std::optional<chain::claim> claim;
    std::size_t leaves = 0;
    {
        const std::scoped_lock lock(chain_->mutex);
        leaves = chain_->behind(behind_max);
        if (chain_->claimed || leaves < behind_min)
            return false;
        claim.emplace(*chain_);
    }
    hash_from_file(claim->hash, leaves);
    on_loop([this, hash = claim->hash] { keep_snapshot(hash); });
    return true;
}

void arrival::hash_from_file(crypto::hasher& hash, std::size_t leaves) {
    bytes buffer(leaf_bytes);
    for (; leaves > 0; --leaves) {
        const auto want = std::min<std::uint64_t>(leaf_bytes, size() - hash.size());
        if (file_.read(hash.size(), std::span(buffer).first(want)) < want)
            raise(errc::failed, "a partial blob became shorter");
        hash.update(byte_view(buffer).first(want));
    }
}

void arrival::check_and_store(handed_leaf& leaf) {
    // Where it continues the blob, or nearly, the blob is hashed along.
    std::optional<chain::claim> claim;
    std::size_t gap = 0;
    {
        const std::scoped_lock lock(chain_->mutex);
        const auto first = chain_->leaves();
        if (!chain_->claimed && first <= leaf.index &&
            first + chain_->behind(behind_max) >= leaf.index) {
            claim.emplace(*chain_);
            gap = leaf.index - first;
        }
    }
    if (claim) {
        if (gap > 0)
            hash_from_file(claim->hash, gap);
        auto whole = claim->hash;
        leaf.right = crypto::sha256_and_update(whole, leaf.data) == leaf.expected;
        if (leaf.right)
            leaf.whole = claim->hash = std::move(whole);
    } else {
        leaf.right = crypto::sha256(leaf.data) == leaf.expected;
    }
    claim.reset();
    if (!leaf.right)
        return;
    file_.write_leaf(leaf.index, leaf.data, leaf.expected);
    const std::scoped_lock lock(chain_->mutex);
    chain_->here[leaf.index] = true;
}

awaitable<bool> arrival::read_leaf(std::uint64_t index, std::span<std::byte> into) {
    if (into.size() != std::min<std::uint64_t>(leaf_bytes, size() - index * leaf_bytes))
        co_return false;
    ++jobs_;
    struct settle_later {
        arrival& a;
        ~settle_later() {
            --a.jobs_;
            a.changed_.notify_all();
        }
    } const at_end{*this};
    co_return co_await workers_.run(
        [&] { return file_.read(index * leaf_bytes, into) == into.size(); });
}

}  // namespace dm::store
