#include <algorithm>

#include "base/log.hpp"
#include "mesh/trust/driver_table.hpp"

/// What goes on beside the table: looking through all that was ever written when the operators are
/// others, and remembering on disk what has been verified.
namespace dm::trust {
namespace {

/// Signatures that are checked in one piece of work.
constexpr std::size_t checked_at_once = 256;

}  // namespace

awaitable<void> signed_table::work() {
    for (;;) {
        if (std::exchange(scan_due_, false)) {
            co_await scan();
            if (!scan_due_ && !std::exchange(is_ready_, true)) {
                try {
                    co_await declare_root();
                } catch (const failure& e) {
                    if (aio::is_cancelled(e))
                        throw;
                    log::warn("the mesh cannot be told of its operator", {{"reason", e.what()}});
                }
                became_ready_.notify_all();
            }
            continue;
        }
        if (!unsaved_.empty()) {
            co_await save();
            continue;
        }
        co_await changed_.wait();
    }
}

awaitable<void> signed_table::scan() {
    const take_entries take = [this](std::vector<entry> piece) {
        return consider(std::move(piece));
    };
    if (is_open()) {
        if (options_.learns_root)
            co_await raw_.each_written("/dm1/operator/", take);
        co_return;
    }
    // Statements first: they say whose records count.
    for (const char* prefix : {"/dm1/operator/", "/dm1/"}) {
        co_await raw_.each_written(prefix, take);
        if (scan_due_)
            co_return;
    }
}

awaitable<void> signed_table::consider(std::vector<entry> piece) {
    if (is_open()) {
        for (const auto& e : piece)
            if (is_open())
                learn(e);
        co_return;
    }
    std::erase_if(piece, [this](const entry& e) {
        const auto shown = view_.find(e.first);
        return writer_of(e.first) == writer::anyone ||
               (shown != view_.end() && shown->second == e.second);
    });
    while (!piece.empty()) {
        const auto count = std::min(piece.size(), checked_at_once);
        std::vector<entry> some(
            std::make_move_iterator(piece.end() - static_cast<std::ptrdiff_t>(count)),
            std::make_move_iterator(piece.end()));
        piece.resize(piece.size() - count);
        // Only what would count is worth the check of a signature.
        std::erase_if(some, [this](const entry& e) {
            const auto claimed = read_envelope(e.second);
            return !claimed || !may_sign(e.first, claimed->author) ||
                   (!operator_of(e.first) && !counts_more(e.first, e.second, *claimed));
        });
        const auto opened = co_await workers_.run([&] {
            std::vector<std::optional<envelope>> out;
            for (const auto& [key, text] : some) {
                const auto said = open(key, text);
                out.push_back(said ? std::optional(*said) : std::nullopt);
            }
            return out;
        });
        for (std::size_t i = 0; i < some.size(); ++i) {
            const auto& [key, text] = some[i];
            if (!opened[i] || !may_sign(key, opened[i]->author))
                continue;
            if (operator_of(key))
                take_statement({key, text, *opened[i]});
            else if (counts_more(key, text, *opened[i]) && accept(key, text, *opened[i]))
                tell({key, opened[i]->is_deleted ? std::nullopt : std::optional(text)});
        }
    }
}

awaitable<void> signed_table::save() {
    const auto rows = std::exchange(unsaved_, {});
    if (rows.empty())
        co_return;
    co_await workers_.run([&] {
        sqlite::transaction t(db_);
        auto s = db_.prepare(
            "insert into trust_record values(?, ?, ?, ?, ?) on conflict(key, author) do update set "
            "sequence = excluded.sequence, deleted = excluded.deleted, value = excluded.value "
            "where excluded.sequence >= sequence");
        for (const auto& r : rows)
            s.bind(1, std::string_view(r.key))
                .bind(2, std::string_view(r.said.author.to_string()))
                .bind(3, static_cast<std::int64_t>(r.said.sequence))
                .bind(4, std::int64_t{r.said.is_deleted})
                .bind(5, std::string_view(r.text))
                .run();
        t.commit();
    });
}

/// The root says so in the shared state, for those who join without having been told. What was
/// written before there were operators it signs, so that it stays in force.
awaitable<void> signed_table::declare_root() {
    if (is_open() || !std::ranges::count(authority_.roots(), self_))
        co_return;
    const auto key = operator_key(self_);
    if (raw_.find(key))
        co_return;
    std::vector<entry> changes;
    for (const auto& [name, value] : raw_.list(record_prefix))
        if (writer_of(name) == writer::operators && !operator_of(name) &&
            !accepted_.contains(name) && !read_envelope(value))
            if (auto text = seal(identity_, name, value, next_sequence(name)))
                changes.emplace_back(name, *std::move(text));
    if (!changes.empty()) {
        log::info("records from before there were operators are signed by this node",
                  {{"records", changes.size()}});
        co_await raw_.set_all(std::move(changes));
    }
    std::vector<entry> last;
    last.emplace_back(key, sealed(key, R"({"operator":true,"v":1})"));
    co_await raw_.set_all(std::move(last));
}

}  // namespace dm::trust
