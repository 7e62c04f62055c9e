#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "aio/task_group.hpp"
#include "base/clock.hpp"
#include "base/rng.hpp"

namespace dm::agent {

/// Runs named pieces of work, each at most once at a time, and holds back those that failed: the
/// pause doubles from `delay_min` to `delay_max`, with jitter. Lives on the loop.
class task_table {
  public:
    struct options {
        std::chrono::milliseconds delay_min{1'000};
        std::chrono::milliseconds delay_max{120'000};
        std::uint64_t seed = 0;
    };
    /// `on_end` is called after each piece of work, however it ended.
    task_table(executor ex, options o, std::function<void()> on_end);

    /// From here on the caller looks at the world: work that ends meanwhile may be missing from
    /// what it sees.
    void begin_round() { ended_.clear(); }

    enum class start {
        started,
        running,
        held_back,
        outdated,  ///< it has been done since the round began
    };
    /// Starts `make()` unless that work is running, held back or just done.
    start run(const std::string& key, const std::function<awaitable<void>()>& make,
              steady_time now);

    /// Cancels running work that is not in `wanted`, and forgets failures of work that is not.
    void keep_only(const std::set<std::string>& wanted);
    /// Lets work whose key starts so be tried at once.
    void forgive(std::string_view key_prefix);

    struct failed_work {
        error why;
        unsigned attempts = 0;
        steady_time next_try;
    };
    const failed_work* failure_of(std::string_view key) const;
    bool is_running(std::string_view key) const;
    /// When the first held back work may be tried.
    std::optional<steady_time> next_due() const;

    awaitable<void> stop();

  private:
    struct entry {
        explicit entry(executor ex) : group(std::move(ex)) {}
        aio::task_group group;
        bool running = false;
        std::optional<failed_work> failed;
    };
    awaitable<void> guard(std::string key, awaitable<void> work);
    std::chrono::milliseconds pause_after(unsigned attempts);
    void sweep();

    executor executor_;
    options options_;
    std::function<void()> on_end_;
    rng random_;
    std::map<std::string, std::unique_ptr<entry>, std::less<>> entries_;
    std::set<std::string> ended_;  ///< done in this round
};

}  // namespace dm::agent
