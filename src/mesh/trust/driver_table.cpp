#include "mesh/trust/driver_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>

#include "base/json/read.hpp"
#include "base/log.hpp"

namespace dm::trust {
namespace {

constexpr const char* schema =
    "create table if not exists trust_record(key text not null, author text not null, "
    "sequence integer not null, deleted integer not null, value text not null, "
    "primary key(key, author)) without rowid";
/// Between two lines about records that are not believed.
constexpr std::chrono::seconds ignored_told_interval{10};

steady_time now() {
    return std::chrono::steady_clock::now();
}

/// What a record of an operator says of its subject; nullopt when it says nothing.
std::optional<bool> operator_word(std::string_view text) {
    const auto value = json::read(text, {.bytes_max = envelope_bytes_max});
    return value ? json::bool_member(*value, "operator") : std::nullopt;
}

}  // namespace

signed_table::signed_table(executor ex, aio::pool& workers, state::table& raw,
                           const crypto::private_key& identity, const std::filesystem::path& file,
                           table_options o)
    : workers_(workers),
      raw_(raw),
      identity_(identity),
      self_(identity.public_key()),
      options_(std::move(o)),
      db_(file, sqlite::durability::normal),
      authority_(options_.roots),
      snapshot_(std::make_shared<operator_snapshot>()),
      changed_(ex),
      became_ready_(ex),
      group_(ex),
      hearing_(raw.watch_written([this](const entry& e) { hear(e); })),
      watching_(raw.watch([this](const state::change& c) { hear_raw(c); })) {
    db_.execute(schema);
    load();
}

signed_table::~signed_table() {
    assert(group_.size() == 0 && "a signed_table is stopped before it is destroyed");
}

void signed_table::start() {
    group_.spawn("signed records", work());
}

awaitable<void> signed_table::stop() {
    co_await group_.stop();
    co_await save();
}

awaitable<void> signed_table::ready() {
    while (!is_ready_)
        co_await became_ready_.wait();
}

/// Records that were verified by an earlier run, and images as they are.
void signed_table::load() {
    operators_changed();
    if (is_open())
        return;
    std::vector<row> rows;
    auto s = db_.prepare("select key, author, sequence, deleted, value from trust_record");
    while (s.step()) {
        const auto author = multiformats::parse_peer_id(s.text(1));
        if (author)
            rows.push_back({s.text(0),
                            s.text(4),
                            {.author = *author,
                             .sequence = static_cast<std::uint64_t>(s.integer(2)),
                             .is_deleted = s.integer(3) != 0}});
    }
    std::vector<row> statements;
    for (const auto& r : rows)
        if (operator_of(r.key))
            statements.push_back(r);
    for (bool more = true; std::exchange(more, false);)
        for (const auto& r : statements)
            if (const auto word = operator_word(r.text)) {
                auto& seen = statement_sequences_[r.key];
                seen = std::max(seen, r.said.sequence);
                more |=
                    authority_.take({r.said.author, *operator_of(r.key), *word, r.said.sequence});
            }
    operators_changed();
    for (const auto& r : rows)
        if (!operator_of(r.key) && may_sign(r.key, r.said.author) &&
            counts_more(r.key, r.text, r.said))
            accept(r.key, r.text, r.said);
    unsaved_.clear();
    for (const auto& [key, value] : raw_.list(record_prefix))
        if (writer_of(key) == writer::anyone)
            view_.emplace(key, value);
}

const state::table::entries& signed_table::all() const noexcept {
    return is_open() ? raw_.all() : view_;
}

bool signed_table::may_sign(std::string_view key, const peer_id& author) const {
    switch (writer_of(key)) {
        case writer::anyone:
            return true;
        case writer::node:
            return node_of(key) == author;
        case writer::operators:
            return authority_.is_operator(author);
    }
    return false;
}

/// Of two with the same number a deletion counts, then the greater text: on every node the same.
bool signed_table::counts_more(std::string_view key, std::string_view text,
                               const envelope& said) const {
    const auto it = accepted_.find(key);
    if (it == accepted_.end())
        return true;
    const auto& old = it->second;
    if (said.sequence != old.sequence)
        return said.sequence > old.sequence;
    if (said.is_deleted || old.is_deleted)
        return said.is_deleted && !old.is_deleted;
    const auto shown = view_.find(key);
    return shown == view_.end() || text > shown->second;
}

/// Somebody has written something, here or elsewhere.
void signed_table::hear(const entry& e) {
    const auto& [key, text] = e;
    if (writer_of(key) == writer::anyone)
        return;
    if (is_open()) {
        learn(e);
        return;
    }
    const auto claimed = read_envelope(text);
    if (!claimed)
        return ignore(key, "it is not signed");
    if (!may_sign(key, claimed->author))
        return ignore(key,
                      fmt::format("its author {} may not write it", claimed->author.to_string()));
    if (!operator_of(key) && !counts_more(key, text, *claimed))
        return;
    if (const auto said = open(key, text); !said)
        ignore(key, said.error().message());
    else if (operator_of(key))
        take_statement({key, text, *said});
    else if (accept(key, text, *said))
        tell({key, said->is_deleted ? std::nullopt : std::optional(text)});
}

/// What the replicated map shows is ours only where anyone may write.
void signed_table::hear_raw(const state::change& c) {
    if (!is_open() && writer_of(c.key) != writer::anyone)
        return;
    if (!is_open() && c.key.starts_with(record_prefix)) {
        if (c.value)
            view_[c.key] = *c.value;
        else
            view_.erase(c.key);
    }
    tell(c);
}

bool signed_table::accept(std::string_view key, std::string_view text, const envelope& said) {
    auto it = accepted_.find(key);
    if (it == accepted_.end()) {
        if (writer_of(key) == writer::node && nodes_ >= options_.nodes_max) {
            ignore(key, "there are too many nodes");
            return false;
        }
        nodes_ += writer_of(key) == writer::node ? 1 : 0;
        it = accepted_.emplace(key, accepted{said.author, 0, false}).first;
    }
    it->second = {said.author, said.sequence, said.is_deleted};
    if (said.is_deleted)
        view_.erase(it->first);
    else
        view_[it->first] = text;
    unsaved_.push_back({it->first, std::string(text), said});
    changed_.notify_all();
    return true;
}

void signed_table::take_statement(const row& r) {
    const auto word = operator_word(r.text);
    if (!word)
        return;
    auto& seen = statement_sequences_[r.key];
    seen = std::max(seen, r.said.sequence);
    const bool is_known = authority_.is_operator(r.said.author);
    if (is_known) {
        unsaved_.push_back(r);
        changed_.notify_all();
    }
    const auto subject = *operator_of(r.key);
    if (!authority_.take({r.said.author, subject, *word, r.said.sequence}))
        return;
    log::warn("operators have changed", {{"peer", subject.to_string()},
                                         {"is_operator", *word ? "yes" : "no"},
                                         {"by", r.said.author.to_string()}});
    operators_changed();
    tell({r.key, r.text});
}

void signed_table::operators_changed() {
    {
        const std::scoped_lock lock(snapshot_->mutex);
        snapshot_->ids.clear();
        for (const auto& [id, rank] : authority_.operators())
            snapshot_->ids.insert(id);
    }
    // What former operators have signed is gone, what others wrote under the same keys is back.
    std::vector<std::string> gone;
    for (const auto& [key, a] : accepted_)
        if (!may_sign(key, a.author))
            gone.push_back(key);
    for (auto& key : gone) {
        accepted_.erase(key);
        if (view_.erase(key) > 0)
            tell({std::move(key), std::nullopt});
    }
    scan_due_ = true;
    changed_.notify_all();
}

void signed_table::ignore(std::string_view key, std::string_view why) {
    ++ignored_;
    if (ignored_told_ != steady_time{} && now() < ignored_told_ + ignored_told_interval)
        return;
    ignored_told_ = now();
    log::warn("a record is not obeyed", {{"key", key}, {"reason", why}, {"so_far", ignored_}});
}

/// A node that joined without being told whom to believe: the first that declares itself.
void signed_table::learn(const entry& e) {
    if (!options_.learns_root)
        return;
    const auto subject = operator_of(e.first);
    const auto said =
        subject ? open(e.first, e.second) : result<envelope>(fail(errc::bad_signature));
    if (said && said->author == *subject && operator_word(e.second) == true)
        close_with(*subject);
}

void signed_table::close_with(const peer_id& root) {
    log::warn("this mesh has an operator, whom this node obeys from now on",
              {{"peer", root.to_string()}});
    authority_ = authority({root});
    std::vector<std::string> unsigned_ones;
    for (const auto& [key, value] : raw_.list(record_prefix))
        if (writer_of(key) == writer::anyone)
            view_.emplace(key, value);
        else
            unsigned_ones.emplace_back(key);
    options_.on_learned(root);
    operators_changed();
    // What was shown so far is gone until it is found to be signed; this node's own record is
    // written again by whoever watches it.
    for (auto& key : unsigned_ones)
        tell({std::move(key), std::nullopt});
}

std::optional<error> signed_table::no_operator() const {
    if (is_open() || authority_.is_operator(self_))
        return std::nullopt;
    std::string names;
    constexpr std::size_t named_max = 8;
    std::size_t named = 0;
    for (const auto& o : list())
        if (named++ < named_max)
            names += fmt::format("{}{}", names.empty() ? "" : ", ", o.id.to_string());
    return error{
        make_error_code(errc::not_operator),
        fmt::format("this node is no operator of the mesh: use the API of an operator, {}", names)};
}

void signed_table::require_operator() const {
    if (auto why_not = no_operator())
        throw failure(*std::move(why_not));
}

std::optional<error> signed_table::refusal(std::string_view key) const {
    if (is_open() || writer_of(key) == writer::anyone)
        return std::nullopt;
    if (writer_of(key) == writer::operators)
        return no_operator();
    if (node_of(key) == self_)
        return std::nullopt;
    return error{make_error_code(errc::not_operator),
                 "what a node says of itself is written by that node only"};
}

void signed_table::check_may_write(std::string_view key) const {
    if (auto why_not = refusal(key))
        throw failure(*std::move(why_not));
}

std::uint64_t signed_table::next_sequence(std::string_view key) const {
    std::uint64_t last = 0;
    if (const auto it = accepted_.find(key); it != accepted_.end())
        last = it->second.sequence;
    if (const auto it = statement_sequences_.find(key); it != statement_sequences_.end())
        last = std::max(last, it->second);
    const auto clock = std::chrono::duration_cast<std::chrono::milliseconds>(
                           std::chrono::system_clock::now().time_since_epoch())
                           .count();
    return std::min(
        std::max<std::uint64_t>(last + 1, clock > 0 ? static_cast<std::uint64_t>(clock) : 0),
        sequence_max - 1);
}

std::string signed_table::sealed(const std::string& key, std::string_view record) const {
    return value_or_throw(seal(identity_, key, record, next_sequence(key)));
}

awaitable<void> signed_table::set_all(std::vector<entry> changes) {
    if (is_open()) {
        co_await raw_.set_all(std::move(changes));
        co_return;
    }
    for (const auto& [key, value] : changes)
        check_may_write(key);
    std::erase_if(changes, [&](const entry& e) {
        const auto old = view_.find(e.first);
        return old != view_.end() && writer_of(e.first) != writer::anyone &&
               says_the_same(old->second, e.second);
    });
    for (auto& [key, value] : changes)
        if (writer_of(key) != writer::anyone)
            value = sealed(key, value);
    if (!changes.empty())
        co_await raw_.set_all(std::move(changes));
}

awaitable<std::size_t> signed_table::erase_if(std::function<bool(std::string_view)> doomed) {
    if (is_open())
        co_return co_await raw_.erase_if(std::move(doomed));
    std::vector<entry> deletions;
    for (const auto& [key, value] : view_) {
        if (writer_of(key) == writer::anyone || !doomed(key))
            continue;
        check_may_write(key);
        deletions.emplace_back(key, seal_deletion(identity_, key, next_sequence(key)));
    }
    auto count = deletions.size();
    if (count > 0)
        co_await raw_.set_all(std::move(deletions));
    count += co_await raw_.erase_if(
        [&](std::string_view key) { return writer_of(key) == writer::anyone && doomed(key); });
    co_return count;
}

awaitable<void> signed_table::each_written(std::string prefix, take_entries take) {
    co_await raw_.each_written(std::move(prefix), std::move(take));
}

signed_table::voucher signed_table::make_voucher() const {
    return [operators = snapshot_](std::string_view key, std::string_view value) {
        if (writer_of(key) != writer::operators)
            return false;  // identities cost nothing: nodes are not vouched for
        const auto claimed = read_envelope(value);
        if (!claimed)
            return false;
        {
            const std::scoped_lock lock(operators->mutex);
            if (!operators->ids.contains(claimed->author))
                return false;
        }
        return open(key, value).has_value();
    };
}

}  // namespace dm::trust
