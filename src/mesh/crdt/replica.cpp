#include "mesh/crdt/replica.hpp"

#include <algorithm>

#include "mesh/state/key.hpp"

namespace dm::crdt {
namespace {

// A block's `id` is its name within this file. Elements and tombstones are those of go-ds-crdt's
// set; `crdt_value` is the winner of each key. What `crdt_missing` names is linked to by a block.
constexpr const char* schema = R"(
create table if not exists crdt_block(id integer primary key, hash blob not null unique,
    height integer not null, data blob not null);
create index if not exists crdt_block_height on crdt_block(height);
create table if not exists crdt_head(block integer primary key);
create table if not exists crdt_missing(hash blob primary key) without rowid;
create table if not exists crdt_refused(id integer primary key, hash blob not null unique);
create table if not exists crdt_element(key text not null, height integer not null,
    block integer not null, primary key(key, height, block)) without rowid;
create table if not exists crdt_tombstone(key text not null, hash blob not null,
    primary key(key, hash)) without rowid;
create table if not exists crdt_value(key text primary key, value blob not null,
    height integer not null) without rowid;
)";

constexpr const char* live_elements =
    "select e.height, b.data from crdt_element e join crdt_block b on b.id = e.block "
    "where e.key = ? and not exists (select 1 from crdt_tombstone t where t.key = e.key and "
    "t.hash = b.hash) order by e.height desc";

cid cid_of_hash(byte_view digest) {
    return {multiformats::codec::dag_pb, {multiformats::hash_code::sha2_256, digest}};
}

std::int64_t to_integer(std::uint64_t height) {
    return static_cast<std::int64_t>(height);  // at most height_max
}

/// What a block sets a key to; the greatest where it does so more than once.
std::optional<std::string> value_in(byte_view block, std::string_view key) {
    const auto n = decode_node(block);
    std::optional<std::string> out;
    if (n)
        for (const auto& e : n->delta.elements)
            if (state::clean_key(e.key) == key && (!out || *out < e.value))
                out = e.value;
    return out;
}

std::size_t size_of(const element& e) {
    constexpr std::size_t framing = 16;
    return e.key.size() + e.id.size() + e.value.size() + framing;
}

}  // namespace

struct replica::statements {
    explicit statements(sqlite::database& db)
        : find_block(db.prepare("select id from crdt_block where hash = ?")),
          add_block(db.prepare("insert into crdt_block(hash, height, data) values(?, ?, ?)")),
          add_head(db.prepare("insert or ignore into crdt_head values(?)")),
          drop_head(db.prepare("delete from crdt_head where block = ?")),
          add_missing(db.prepare("insert or ignore into crdt_missing values(?)")),
          drop_missing(db.prepare("delete from crdt_missing where hash = ?")),
          add_element(db.prepare("insert or ignore into crdt_element values(?, ?, ?)")),
          add_tombstone(db.prepare("insert or ignore into crdt_tombstone values(?, ?)")),
          is_buried(db.prepare("select 1 from crdt_tombstone where key = ? and hash = ?")),
          value(db.prepare("select value, height from crdt_value where key = ?")),
          put_value(db.prepare("insert into crdt_value values(?, ?, ?) on conflict(key) do update "
                               "set value = excluded.value, height = excluded.height")),
          drop_value(db.prepare("delete from crdt_value where key = ?")),
          live(db.prepare(live_elements)),
          find_refused(db.prepare("select 1 from crdt_refused where hash = ?")) {}

    sqlite::statement find_block;
    sqlite::statement add_block;
    sqlite::statement add_head;
    sqlite::statement drop_head;
    sqlite::statement add_missing;
    sqlite::statement drop_missing;
    sqlite::statement add_element;
    sqlite::statement add_tombstone;
    sqlite::statement is_buried;
    sqlite::statement value;
    sqlite::statement put_value;
    sqlite::statement drop_value;
    sqlite::statement live;
    sqlite::statement find_refused;
};

/// A transaction, and the counters with it.
class replica::unit {
  public:
    explicit unit(replica& owner) : owner_(owner), transaction_(owner.db_) {}
    unit(const unit&) = delete;
    unit& operator=(const unit&) = delete;
    ~unit() {
        if (!is_done_)
            std::tie(owner_.blocks_, owner_.history_bytes_, owner_.keys_, owner_.state_bytes_) =
                before_;
    }
    void commit() {
        transaction_.commit();
        is_done_ = true;
    }

  private:
    replica& owner_;
    sqlite::transaction transaction_;
    std::tuple<std::uint64_t, std::uint64_t, std::uint64_t, std::uint64_t> before_{
        owner_.blocks_, owner_.history_bytes_, owner_.keys_, owner_.state_bytes_};
    bool is_done_ = false;
};

replica::replica(const std::filesystem::path& file, replica_limits limits)
    : db_(file, sqlite::durability::full), limits_(limits) {
    db_.execute(schema);
    // There may be room now.
    db_.execute("insert or ignore into crdt_missing select hash from crdt_refused");
    db_.execute("delete from crdt_refused");
    count();
}

replica::~replica() = default;

void replica::count() {
    auto b = db_.prepare("select count(*), ifnull(sum(length(data)), 0) from crdt_block");
    b.step();
    blocks_ = static_cast<std::uint64_t>(b.integer(0));
    history_bytes_ = static_cast<std::uint64_t>(b.integer(1));
    auto v = db_.prepare(
        "select count(*), ifnull(sum(length(cast(key as blob)) + length(value)), 0) from "
        "crdt_value");
    v.step();
    keys_ = static_cast<std::uint64_t>(v.integer(0));
    state_bytes_ = static_cast<std::uint64_t>(v.integer(1));
}

replica::values replica::load() {
    values out;
    auto s = db_.prepare("select key, value from crdt_value");
    while (s.step())
        out.emplace(s.text(0), as_chars(s.blob(1)));
    return out;
}

bool replica::is_full(const delta& next) const {
    if (history_bytes_ < limits_.history_bytes_max && keys_ < limits_.keys_max &&
        state_bytes_ < limits_.state_bytes_max)
        return false;
    // Deleting is what may make room, and operators go on: they have some of their own.
    if (history_bytes_ >= limits_.history_bytes_max / 4 * 5)
        return true;
    if (next.elements.empty())
        return false;
    return !vouches_ || !std::ranges::all_of(next.elements, [this](const element& e) {
        return vouches_(state::clean_key(e.key), e.value);
    });
}

result<outcome> replica::write(const std::vector<std::pair<std::string, std::string>>& set,
                               const std::vector<std::string>& erased) {
    outcome out;
    unit u(*this);
    statements s(db_);
    delta d;
    std::size_t size = 0;
    const auto add = [&](std::vector<element>& to, element e) {
        const auto more = size_of(e);
        if (size > 0 && size + more > limits_.delta_bytes) {
            append(s, std::exchange(d, {}), out);
            size = 0;
        }
        size += more;
        to.push_back(std::move(e));
    };
    delta wished;
    for (const auto& [key, value] : set)
        wished.elements.push_back({.key = key, .id = {}, .value = value});
    if (!set.empty() && is_full(wished))
        return fail(errc::full);
    for (auto& e : wished.elements)
        add(d.elements, std::move(e));
    auto live = db_.prepare(
        "select b.hash from crdt_element e join crdt_block b on b.id = e.block where e.key = ? and "
        "not exists (select 1 from crdt_tombstone t where t.key = e.key and t.hash = b.hash)");
    for (const auto& key : erased) {
        std::vector<std::string> ids;
        for (live.bind(1, std::string_view(key)); live.step();)
            ids.push_back(block_id(cid_of_hash(live.blob(0))));
        live.reset();
        for (auto& id : ids)
            add(d.tombstones, {.key = key, .id = std::move(id), .value = {}});
    }
    if (size > 0)
        append(s, std::move(d), out);
    u.commit();
    return out;
}

/// Makes a block on top of the heads.
void replica::append(statements& s, delta d, outcome& out) {
    auto top = heads();
    std::erase_if(top, [this](const head& h) { return h.height > limits_.built_on_height_max; });
    std::ranges::sort(top, [](const head& a, const head& b) {
        return std::tie(a.height, b.id) > std::tie(b.height, a.id);
    });
    if (top.size() > limits_.links_max)
        top.erase(top.begin() + static_cast<std::ptrdiff_t>(limits_.links_max), top.end());
    node n{.links = {}, .delta = std::move(d)};
    n.delta.priority = (top.empty() ? 0 : top.front().height) + 1;
    if (n.delta.priority > height_max)
        raise(errc::full, "the history is too high");
    for (const auto& h : top)
        n.links.push_back(h.id);
    std::ranges::sort(n.links);
    const auto data = encode_node(n);
    const auto id = cid_of(data);
    merge_one(s, id, data, n, out);
    out.written.push_back(id);
}

outcome replica::merge(const std::vector<block>& blocks) {
    outcome out;
    unit u(*this);
    statements s(db_);
    for (const auto& b : blocks) {
        s.find_block.bind(1, b.id.hash().digest());
        const bool is_known = s.find_block.step();
        s.find_block.reset();
        if (is_known)
            continue;
        const auto n = decode_node(b.data);
        if (!n || !is_block_cid(b.id)) {
            ++out.malformed;
            continue;
        }
        if (is_full(n->delta)) {
            out.is_full = true;
            refuse(b.id);
            continue;
        }
        merge_one(s, b.id, b.data, *n, out);
        ++out.merged;
    }
    u.commit();
    return out;
}

/// Nothing that links to it waits for it any more.
void replica::refuse(const cid& id) {
    db_.prepare("insert or ignore into crdt_refused(hash) values(?)")
        .bind(1, id.hash().digest())
        .run();
    refused_ += db_.changes() > 0 ? 1 : 0;
    if (refused_ > limits_.refused_max) {
        db_.execute("delete from crdt_refused where id = (select min(id) from crdt_refused)");
        --refused_;
    }
    db_.prepare("delete from crdt_missing where hash = ?").bind(1, id.hash().digest()).run();
}

void replica::merge_one(statements& s, const cid& id, byte_view data, const node& n, outcome& out) {
    s.add_block.bind(1, id.hash().digest())
        .bind(2, to_integer(n.delta.priority))
        .bind(3, data)
        .run();
    const auto name = db_.last_row_id();
    ++blocks_;
    history_bytes_ += data.size();
    link(s, name, id, n);
    bury(s, n, out);
    raise_elements(s, name, id, n, out);
}

bool replica::is_refused(statements& s, const cid& id) {
    if (refused_ == 0)
        return false;
    s.find_refused.bind(1, id.hash().digest());
    const bool out = s.find_refused.step();
    s.find_refused.reset();
    return out;
}

/// A head is a block that no block here links to.
void replica::link(statements& s, std::int64_t name, const cid& id, const node& n) {
    for (const auto& link : n.links) {
        s.find_block.bind(1, link.hash().digest());
        if (s.find_block.step())
            s.drop_head.bind(1, s.find_block.integer(0)).run();
        else if (!is_refused(s, link))
            s.add_missing.bind(1, link.hash().digest()).run();
        s.find_block.reset();
    }
    s.drop_missing.bind(1, id.hash().digest()).run();
    if (db_.changes() == 0)
        s.add_head.bind(1, name).run();
}

void replica::bury(statements& s, const node& n, outcome& out) {
    std::set<std::string> keys;
    for (const auto& t : n.delta.tombstones) {
        const auto buried = block_of_id(t.id);
        if (!buried)
            continue;  // no element can have such an id
        const auto key = state::clean_key(t.key);
        s.add_tombstone.bind(1, std::string_view(key)).bind(2, buried->hash().digest()).run();
        keys.insert(key);
    }
    for (const auto& key : keys)
        recompute(s, key, out);
}

void replica::raise_elements(statements& s, std::int64_t name, const cid& id, const node& n,
                             outcome& out) {
    const auto height = n.delta.priority;
    for (const auto& e : n.delta.elements) {
        const auto key = state::clean_key(e.key);
        s.add_element.bind(1, std::string_view(key))
            .bind(2, to_integer(height))
            .bind(3, name)
            .run();
        out.elements.emplace_back(key, e.value);
        s.is_buried.bind(1, std::string_view(key)).bind(2, id.hash().digest());
        const bool is_buried = s.is_buried.step();
        s.is_buried.reset();
        if (is_buried)
            continue;
        s.value.bind(1, std::string_view(key));
        bool wins = true;
        if (s.value.step()) {
            const auto current = static_cast<std::uint64_t>(s.value.integer(1));
            wins = height > current ||
                   (height == current && std::string_view(e.value) > as_chars(s.value.blob(0)));
        }
        s.value.reset();
        if (wins)
            put_value(s, key, e.value, height, out);
    }
}

void replica::put_value(statements& s, const std::string& key, std::string_view value,
                        std::uint64_t height, outcome& out) {
    s.value.bind(1, std::string_view(key));
    std::optional<bytes> before;
    if (s.value.step())
        before = s.value.blob(0);
    s.value.reset();
    s.put_value.bind(1, std::string_view(key))
        .bind(2, as_bytes(value))
        .bind(3, to_integer(height))
        .run();
    if (before)
        state_bytes_ -= before->size();
    else {
        ++keys_;
        state_bytes_ += key.size();
    }
    state_bytes_ += value.size();
    if (!before || as_chars(*before) != value)
        out.changes[key] = std::string(value);
}

/// The best of the elements that no tombstone names: of the highest ones, the greatest value.
void replica::recompute(statements& s, const std::string& key, outcome& out) {
    std::optional<std::uint64_t> height;
    std::string best;
    s.live.bind(1, std::string_view(key));
    while (s.live.step()) {
        const auto at = static_cast<std::uint64_t>(s.live.integer(0));
        if (height && at < *height)
            break;
        const auto value = value_in(s.live.blob(1), key);
        if (!height || (value && *value > best))
            best = value.value_or(std::string());
        height = at;
    }
    s.live.reset();
    if (height) {
        put_value(s, key, best, *height, out);
        return;
    }
    s.value.bind(1, std::string_view(key));
    std::optional<std::size_t> size;
    if (s.value.step())
        size = s.value.blob(0).size();
    s.value.reset();
    if (!size)
        return;
    s.drop_value.bind(1, std::string_view(key)).run();
    --keys_;
    state_bytes_ -= key.size() + *size;
    out.changes[key] = std::nullopt;
}

std::vector<cid> replica::unknown(const std::vector<cid>& ids) {
    auto s = db_.prepare(
        "select 1 from crdt_block where hash = ?1 union all "
        "select 1 from crdt_refused where hash = ?1");
    std::vector<cid> out;
    for (const auto& id : ids) {
        s.bind(1, id.hash().digest());
        if (!s.step())
            out.push_back(id);
        s.reset();
    }
    return out;
}

std::vector<cid> replica::missing(std::size_t count_max) {
    auto s = db_.prepare("select hash from crdt_missing limit ?");
    s.bind(1, static_cast<std::int64_t>(count_max));
    std::vector<cid> out;
    while (s.step())
        out.push_back(cid_of_hash(s.blob(0)));
    return out;
}

std::vector<head> replica::heads() {
    auto s =
        db_.prepare("select b.hash, b.height from crdt_head h join crdt_block b on b.id = h.block");
    std::vector<head> out;
    while (s.step())
        out.push_back({cid_of_hash(s.blob(0)), static_cast<std::uint64_t>(s.integer(1))});
    std::ranges::sort(out, {}, &head::id);
    return out;
}

}  // namespace dm::crdt
