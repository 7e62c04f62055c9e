#include <fmt/format.h>

#include "mesh/trust/driver_table.hpp"

/// Appointing and dismissing operators.
namespace dm::trust {
namespace {

std::string operator_record(bool is_operator) {
    return fmt::format(R"({{"operator":{},"v":1}})", is_operator);
}

}  // namespace

std::vector<operator_info> signed_table::list() const {
    std::vector<operator_info> out;
    for (const bool roots : {true, false})
        for (const auto& [id, rank] : authority_.operators())
            if (rank.added_by.has_value() != roots)
                out.push_back({id, id == self_, rank.added_by});
    return out;
}

awaitable<void> signed_table::add(peer_id who) {
    if (is_open())
        raise(errc::no_operators);
    require_operator();
    if (authority_.is_operator(who))
        co_return;
    if (authority_.operators().size() >= operators_max)
        raise(errc::too_many_operators);
    const auto key = operator_key(who);
    std::vector<entry> changes;
    changes.emplace_back(key, sealed(key, operator_record(true)));
    co_await raw_.set_all(std::move(changes));
}

awaitable<removal> signed_table::remove(peer_id who, bool keep_records) {
    if (is_open())
        raise(errc::no_operators);
    require_operator();
    if (!authority_.is_operator(who))
        raise(errc::unknown_operator, fmt::format("{} is no operator", who.to_string()));
    if (!authority_.may_remove(self_, who))
        raise(errc::not_senior,
              fmt::format("{} is not below this node: only who added it, or one above, may remove "
                          "it; a root is replaced in the file `operators` of each node",
                          who.to_string()));
    removal out;
    const auto key = operator_key(who);
    const auto statement = sealed(key, operator_record(false));
    auto after = authority_;
    after.take({self_, who, false, value_or_throw(read_envelope(statement)).sequence});
    for (const auto& [id, rank] : authority_.operators())
        if (id != who && !after.is_operator(id))
            out.also_removed.push_back(id);
    std::vector<entry> changes;
    if (keep_records)
        for (const auto& [record, a] : accepted_) {
            if (writer_of(record) != writer::operators || after.is_operator(a.author))
                continue;
            if (a.is_deleted)
                changes.emplace_back(record,
                                     seal_deletion(identity_, record, next_sequence(record)));
            else
                changes.emplace_back(record, sealed(record, view_.at(record)));
        }
    out.records_kept = changes.size();
    // First what stays, then the removal: nobody sees a moment without those records.
    if (!changes.empty())
        co_await raw_.set_all(std::move(changes));
    std::vector<entry> last;
    last.emplace_back(key, statement);
    co_await raw_.set_all(std::move(last));
    co_return out;
}

}  // namespace dm::trust
