#pragma once

#include <filesystem>
#include <memory>
#include <mutex>
#include <set>

#include "aio/event.hpp"
#include "aio/pool.hpp"
#include "aio/task_group.hpp"
#include "base/clock.hpp"
#include "base/sqlite/database.hpp"
#include "mesh/state/table.hpp"
#include "mesh/trust/authority.hpp"
#include "mesh/trust/driver_operators.hpp"
#include "mesh/trust/envelope.hpp"
#include "mesh/trust/policy.hpp"

namespace dm::trust {

struct table_options {
    /// The first operators; none: every member steers.
    std::vector<peer_id> roots{};
    /// Where there are none: believe the first node that signs itself as one.
    bool learns_root = false;
    std::function<void(const peer_id&)> on_learned = [](const peer_id&) {};
    std::size_t nodes_max = 10'000;  ///< node records that are believed
};

/// The shared state as far as it may be believed: of our own records those that are signed by who
/// may write them (trust::writer), for each key the one with the greatest sequence number of all
/// that were ever written, whatever the replicated map shows there; deleted means a signed
/// deletion. Images are passed on as they are. Other keys are told of and can be written, but are
/// not in all(). What this node may write it signs. Without roots it is the shared state itself.
class signed_table final : public state::table, public operators {
  public:
    /// Reads what was verified before; blocks. `raw` and `identity` outlive it.
    signed_table(executor ex, aio::pool& workers, state::table& raw,
                 const crypto::private_key& identity, const std::filesystem::path& file,
                 table_options o = {});
    ~signed_table() override;

    void start();
    /// Before `raw` is stopped.
    awaitable<void> stop();
    /// When all that `raw` had at the start has been looked at.
    awaitable<void> ready();

    const entries& all() const noexcept override;
    awaitable<void> set_all(std::vector<entry> changes) override;
    awaitable<std::size_t> erase_if(std::function<bool(std::string_view key)> doomed) override;
    std::optional<error> refusal(std::string_view key) const override;
    awaitable<void> each_written(std::string prefix, take_entries take) override;

    bool is_open() const noexcept override { return authority_.roots().empty(); }
    std::vector<operator_info> list() const override;
    awaitable<void> add(peer_id who) override;
    awaitable<removal> remove(peer_id who, bool keep_records) override;

    /// Whether a value is a record of an operator, as of the operators of now. Of any
    /// thread; outlives the table.
    using voucher = std::function<bool(std::string_view key, std::string_view value)>;
    voucher make_voucher() const;

    /// Writes that were not believed, since the start.
    std::uint64_t ignored() const noexcept { return ignored_; }

  private:
    /// The record that counts under a key; its text is in view_, unless it is a deletion.
    struct accepted {
        peer_id author;
        std::uint64_t sequence = 0;
        bool is_deleted = false;
    };
    struct row {
        std::string key;
        std::string text;
        trust::envelope said;
    };
    struct operator_snapshot {
        std::mutex mutex;
        std::set<peer_id> ids;
    };

    void load();
    bool may_sign(std::string_view key, const peer_id& author) const;
    bool counts_more(std::string_view key, std::string_view text, const envelope& said) const;
    void hear(const entry& e);
    void hear_raw(const state::change& c);
    void learn(const entry& e);
    bool accept(std::string_view key, std::string_view text, const envelope& said);
    void take_statement(const row& r);
    void ignore(std::string_view key, std::string_view why);
    void operators_changed();
    void close_with(const peer_id& root);

    awaitable<void> work();
    awaitable<void> scan();
    awaitable<void> consider(std::vector<entry> piece);
    awaitable<void> save();
    awaitable<void> declare_root();

    std::string sealed(const std::string& key, std::string_view record) const;
    std::uint64_t next_sequence(std::string_view key) const;
    std::optional<error> no_operator() const;
    void require_operator() const;
    void check_may_write(std::string_view key) const;

    aio::pool& workers_;
    state::table& raw_;
    const crypto::private_key& identity_;
    peer_id self_;
    table_options options_;
    sqlite::database db_;
    authority authority_;
    std::shared_ptr<operator_snapshot> snapshot_;
    entries view_;
    std::map<std::string, accepted, std::less<>> accepted_;
    std::map<std::string, std::uint64_t, std::less<>> statement_sequences_;
    std::size_t nodes_ = 0;
    std::vector<row> unsaved_;
    bool scan_due_ = true;
    bool is_ready_ = false;
    std::uint64_t ignored_ = 0;
    steady_time ignored_told_{};
    aio::event changed_;
    aio::event became_ready_;
    aio::task_group group_;
    write_subscription hearing_;
    subscription watching_;
};

}  // namespace dm::trust
