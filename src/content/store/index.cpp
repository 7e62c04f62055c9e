#include "content/store/index.hpp"

#include <cassert>
#include <cstring>

namespace dm::store {
namespace {

using crypto::digest;
using multiformats::cid;

constexpr const char* schema = R"(
create table if not exists blob(
    id integer primary key, digest text not null unique, size integer not null, root blob not null,
    dag_size integer not null, used integer not null);
create index if not exists blob_by_root on blob(root);
create table if not exists block(
    hash blob not null, blob integer not null references blob(id) on delete cascade, leaf integer not null,
    primary key(hash, blob)) without rowid;
create index if not exists block_by_blob on block(blob);
create table if not exists blob_node(
    hash blob not null, blob integer not null references blob(id) on delete cascade, data blob not null,
    primary key(hash, blob)) without rowid;
create index if not exists blob_node_by_blob on blob_node(blob);
create table if not exists pin(name text primary key, added integer not null) without rowid;
create table if not exists pin_blob(
    name text not null references pin(name) on delete cascade, digest text not null,
    primary key(name, digest)) without rowid;
create index if not exists pin_blob_by_digest on pin_blob(digest);
create table if not exists pin_node(
    hash blob not null, name text not null references pin(name) on delete cascade, data blob not null,
    primary key(hash, name)) without rowid;
create index if not exists pin_node_by_name on pin_node(name);
)";

/// Ends a look-up whatever way its block is left: a statement left open would hold back the WAL.
class lookup {
  public:
    explicit lookup(sqlite::statement& s) : s_(s) {}
    lookup(const lookup&) = delete;
    lookup& operator=(const lookup&) = delete;
    ~lookup() { s_.reset(); }
    bool next() { return s_.step(); }

  private:
    sqlite::statement& s_;
};

blob_info read_blob(const sqlite::statement& s, int first) {
    const auto d = crypto::parse_digest(s.text(first));
    const auto root = multiformats::parse_cid(byte_view(s.blob(first + 2)));
    if (!d || !root)
        raise(errc::damaged, "store.db holds a row that is no blob");
    return {*d, static_cast<std::uint64_t>(s.integer(first + 1)), *root,
            static_cast<std::uint64_t>(s.integer(first + 3))};
}

std::int64_t to_row(std::uint64_t value) {
    return static_cast<std::int64_t>(value);
}

}  // namespace

block_index::block_index(const std::filesystem::path& file)
    : db_(file, sqlite::durability::normal) {
    db_.execute(schema);
}

std::optional<blob_info> block_index::find(const digest& d) {
    const std::scoped_lock lock(mutex_);
    auto s = db_.prepare("select digest, size, root, dag_size from blob where digest = ?");
    s.bind(1, d.to_string());
    lookup rows(s);
    if (!rows.next())
        return std::nullopt;
    return read_blob(s, 0);
}

std::vector<blob_info> block_index::all() {
    const std::scoped_lock lock(mutex_);
    auto s = db_.prepare("select digest, size, root, dag_size from blob order by id");
    std::vector<blob_info> out;
    while (s.step())
        out.push_back(read_blob(s, 0));
    return out;
}

void block_index::add(const blob_info& blob, const std::vector<leaf_hash>& leaves,
                      const std::vector<dag_node>& nodes, std::int64_t now_seconds) {
    assert(leaves.size() == leaf_count(blob.size));
    const std::scoped_lock lock(mutex_);
    sqlite::transaction t(db_);
    auto insert = db_.prepare(
        "insert into blob(digest, size, root, dag_size, used) values(?, ?, ?, ?, ?) on "
        "conflict(digest) do "
        "nothing");
    insert.bind(1, blob.digest.to_string())
        .bind(2, to_row(blob.size))
        .bind(3, byte_view(blob.root.to_bytes()))
        .bind(4, to_row(blob.dag_size))
        .bind(5, now_seconds)
        .run();
    if (db_.changes() == 0)
        return;
    const auto id = db_.last_row_id();
    auto add_block = db_.prepare(
        "insert into block(hash, blob, leaf) values(?, ?, ?) on conflict(hash, blob) do nothing");
    for (std::size_t i = 0; i < leaves.size(); ++i)
        add_block.bind(1, byte_view(leaves[i])).bind(2, id).bind(3, to_row(i)).run();
    auto add_node = db_.prepare(
        "insert into blob_node(hash, blob, data) values(?, ?, ?) on conflict(hash, blob) do "
        "nothing");
    for (const auto& node : nodes)
        add_node.bind(1, node.cid.hash().digest()).bind(2, id).bind(3, byte_view(node.data)).run();
    t.commit();
}

std::vector<leaf_hash> block_index::leaves(const digest& d) {
    const std::scoped_lock lock(mutex_);
    auto s = db_.prepare(
        "select block.leaf, block.hash, blob.size from block join blob on blob.id = block.blob "
        "where blob.digest = ?");
    s.bind(1, d.to_string());
    std::vector<leaf_hash> out;
    lookup rows(s);
    while (rows.next()) {
        out.resize(leaf_count(static_cast<std::uint64_t>(s.integer(2))));
        const auto leaf = static_cast<std::uint64_t>(s.integer(0));
        const auto hash = s.blob(1);
        if (leaf < out.size() && hash.size() == sizeof(leaf_hash))
            std::memcpy(out[leaf].data(), hash.data(), hash.size());
    }
    return out;
}

bool block_index::remove(const digest& d, bool even_pinned) {
    const std::scoped_lock lock(mutex_);
    auto s = db_.prepare(even_pinned ? "delete from blob where digest = ?1"
                                     : "delete from blob where digest = ?1 and not exists("
                                       "select 1 from pin_blob where digest = ?1)");
    s.bind(1, d.to_string()).run();
    return db_.changes() > 0;
}

bool block_index::is_pinned(const digest& d) {
    const std::scoped_lock lock(mutex_);
    auto s = db_.prepare("select 1 from pin_blob where digest = ? limit 1");
    s.bind(1, d.to_string());
    lookup rows(s);
    return rows.next();
}

void block_index::touch(const digest& d, std::int64_t now_seconds) {
    const std::scoped_lock lock(mutex_);
    auto s = db_.prepare("update blob set used = ? where digest = ? and used < ? - 60");
    s.bind(1, now_seconds).bind(2, d.to_string()).bind(3, now_seconds).run();
}

std::optional<block_place> block_index::locate(const cid& c) {
    // Everything here is known by its full SHA2-256.
    if (c.hash().code() != multiformats::hash_code::sha2_256 || c.hash().digest().size() != 32)
        return std::nullopt;
    const std::scoped_lock lock(mutex_);
    const auto hash = c.hash().digest();
    {
        auto s = db_.prepare(
            "select digest, size, leaf from block join blob on blob.id = block.blob where hash = ? "
            "limit 1");
        s.bind(1, hash);
        lookup rows(s);
        if (rows.next()) {
            block_place place;
            place.blob = value_or_throw(crypto::parse_digest(s.text(0)));
            const auto size = static_cast<std::uint64_t>(s.integer(1));
            place.offset = static_cast<std::uint64_t>(s.integer(2)) * leaf_bytes;
            place.length = std::min<std::uint64_t>(leaf_bytes, size - place.offset);
            return place;
        }
    }
    for (const char* sql : {"select data from blob_node where hash = ? limit 1",
                            "select data from pin_node where hash = ? limit 1"}) {
        auto s = db_.prepare(sql);
        s.bind(1, hash);
        lookup rows(s);
        if (rows.next()) {
            block_place place;
            place.inline_data = s.blob(0);
            place.length = place.inline_data.size();
            return place;
        }
    }
    return std::nullopt;
}

bool block_index::has_leaf(const digest& d, const leaf_hash& hash) {
    const std::scoped_lock lock(mutex_);
    auto s = db_.prepare(
        "select 1 from block join blob on blob.id = block.blob where hash = ? and digest = ?");
    s.bind(1, byte_view(hash)).bind(2, d.to_string());
    lookup rows(s);
    return rows.next();
}

std::optional<blob_info> block_index::find_root(const cid& root) {
    const std::scoped_lock lock(mutex_);
    auto s = db_.prepare("select digest, size, root, dag_size from blob where root = ? limit 1");
    s.bind(1, byte_view(root.to_v1().to_bytes()));
    lookup rows(s);
    if (!rows.next())
        return std::nullopt;
    return read_blob(s, 0);
}

void block_index::pin(std::string_view name, const std::vector<digest>& blobs,
                      const std::vector<dag_node>& nodes, std::int64_t now_seconds) {
    const std::scoped_lock lock(mutex_);
    sqlite::transaction t(db_);
    auto drop = db_.prepare("delete from pin where name = ?");
    drop.bind(1, name).run();
    auto add = db_.prepare("insert into pin(name, added) values(?, ?)");
    add.bind(1, name).bind(2, now_seconds).run();
    keep(name, blobs, nodes);
    t.commit();
}

/// Within a transaction.
void block_index::keep(std::string_view name, const std::vector<digest>& blobs,
                       const std::vector<dag_node>& nodes) {
    auto add_blob = db_.prepare(
        "insert into pin_blob(name, digest) values(?, ?) on conflict(name, digest) do nothing");
    for (const auto& d : blobs)
        add_blob.bind(1, name).bind(2, d.to_string()).run();
    auto add_node = db_.prepare(
        "insert into pin_node(hash, name, data) values(?, ?, ?) on conflict(hash, name) do "
        "nothing");
    for (const auto& node : nodes)
        add_node.bind(1, node.cid.hash().digest())
            .bind(2, name)
            .bind(3, byte_view(node.data))
            .run();
}

void block_index::pin_also(std::string_view name, const std::vector<digest>& blobs,
                           const std::vector<dag_node>& nodes, std::int64_t now_seconds) {
    const std::scoped_lock lock(mutex_);
    sqlite::transaction t(db_);
    auto add =
        db_.prepare("insert into pin(name, added) values(?, ?) on conflict(name) do nothing");
    add.bind(1, name).bind(2, now_seconds).run();
    keep(name, blobs, nodes);
    t.commit();
}

void block_index::move_pin(std::string_view from, std::string_view to, std::int64_t now_seconds) {
    const std::scoped_lock lock(mutex_);
    sqlite::transaction t(db_);
    auto add =
        db_.prepare("insert into pin(name, added) values(?, ?) on conflict(name) do nothing");
    add.bind(1, to).bind(2, now_seconds).run();
    for (const char* sql :
         {"insert or ignore into pin_blob(name, digest) select ?2, digest from pin_blob where name "
          "= ?1",
          "insert or ignore into pin_node(hash, name, data) select hash, ?2, data from pin_node "
          "where name = ?1"}) {
        auto copy = db_.prepare(sql);
        copy.bind(1, from).bind(2, to).run();
    }
    auto drop = db_.prepare("delete from pin where name = ?");
    drop.bind(1, from).run();
    t.commit();
}

bool block_index::unpin(std::string_view name) {
    const std::scoped_lock lock(mutex_);
    auto s = db_.prepare("delete from pin where name = ?");
    s.bind(1, name).run();
    return db_.changes() > 0;
}

std::vector<block_index::pin_entry> block_index::pins(std::string_view prefix) {
    const std::scoped_lock lock(mutex_);
    auto s = db_.prepare(
        "select pin.name, digest from pin left join pin_blob on pin.name = pin_blob.name "
        "where substr(pin.name, 1, length(?1)) = ?1 order by pin.name, digest");
    s.bind(1, prefix);
    std::vector<pin_entry> out;
    while (s.step()) {
        const auto name = s.text(0);
        if (out.empty() || out.back().name != name)
            out.push_back({name, {}});
        if (!s.is_null(1))
            out.back().blobs.push_back(value_or_throw(crypto::parse_digest(s.text(1))));
    }
    return out;
}

std::vector<blob_info> block_index::unpinned() {
    const std::scoped_lock lock(mutex_);
    auto s = db_.prepare(
        "select digest, size, root, dag_size from blob where not exists("
        "select 1 from pin_blob where pin_blob.digest = blob.digest) order by used, id");
    std::vector<blob_info> out;
    while (s.step())
        out.push_back(read_blob(s, 0));
    return out;
}

}  // namespace dm::store
