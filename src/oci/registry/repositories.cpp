#include "oci/registry/repositories.hpp"

#include <nlohmann/json.hpp>

#include "content/store/errc.hpp"

namespace dm::registry {
namespace {

using crypto::digest;

constexpr const char* schema = R"(
create table if not exists repository(id integer primary key, path text not null unique);
create table if not exists blob(
    repository integer not null references repository(id) on delete cascade, digest text not null,
    here integer not null, primary key(repository, digest)) without rowid;
create index if not exists blob_by_digest on blob(digest);
create table if not exists manifest(
    repository integer not null references repository(id) on delete cascade, digest text not null,
    media_type text not null, size integer not null, subject text, artifact_type text not null,
    annotations text not null, primary key(repository, digest)) without rowid;
create index if not exists manifest_by_digest on manifest(digest);
create index if not exists manifest_by_subject on manifest(repository, subject) where subject is not null;
create table if not exists tag(
    repository integer not null, tag text not null, digest text not null,
    primary key(repository, tag), foreign key(repository, digest) references manifest on delete cascade)
    without rowid;
create index if not exists tag_by_digest on tag(repository, digest);
)";

constexpr std::string_view manifest_columns =
    "m.digest, m.media_type, m.size, m.subject, m.artifact_type, m.annotations";

std::string select_manifests(std::string_view rest) {
    return "select " + std::string(manifest_columns) +
           " from manifest m join repository r on r.id = m.repository " + std::string(rest);
}

digest digest_in_row(const std::string& text) {
    const auto d = crypto::parse_digest(text);
    if (!d)
        raise(store::errc::damaged, "registry.db holds a row that is no digest");
    return *d;
}

pushed_manifest read_manifest(const sqlite::statement& s) {
    pushed_manifest out;
    out.digest = digest_in_row(s.text(0));
    out.media_type = s.text(1);
    out.size = static_cast<std::uint64_t>(s.integer(2));
    if (!s.is_null(3))
        out.subject = digest_in_row(s.text(3));
    out.artifact_type = s.text(4);
    const auto annotations = nlohmann::json::parse(s.text(5), nullptr, false);
    if (annotations.is_object())
        for (const auto& [key, value] : annotations.items())
            if (value.is_string())
                out.annotations.emplace(key, value.get<std::string>());
    return out;
}

/// All rows of one column.
std::vector<std::string> column(sqlite::statement& s) {
    std::vector<std::string> out;
    while (s.step())
        out.push_back(s.text(0));
    return out;
}

std::vector<pushed_manifest> manifest_rows(sqlite::statement& s) {
    std::vector<pushed_manifest> out;
    while (s.step())
        out.push_back(read_manifest(s));
    return out;
}

/// The first row, if there is one. No statement stays open: that would hold back the WAL.
template <class Row>
std::optional<Row> first(std::vector<Row> rows) {
    return rows.empty() ? std::nullopt : std::optional(std::move(rows.front()));
}

std::int64_t limit(std::size_t n) {
    return static_cast<std::int64_t>(
        std::min(n, page_max + 1));  // one more tells that there are more
}

}  // namespace

repositories::repositories(const std::filesystem::path& file)
    : db_(file, sqlite::durability::full) {
    db_.execute(schema);
}

std::int64_t repositories::id_of(const std::string& repository) {
    auto insert =
        db_.prepare("insert into repository(path) values(?) on conflict(path) do nothing");
    insert.bind(1, repository).run();
    auto find = db_.prepare("select id from repository where path = ?");
    find.bind(1, repository).step();
    return find.integer(0);
}

void repositories::drop_if_empty(const std::string& repository) {
    auto drop = db_.prepare(
        "delete from repository where path = ? "
        "and not exists(select 1 from manifest where repository = repository.id) "
        "and not exists(select 1 from blob where repository = repository.id and here)");
    drop.bind(1, repository).run();
}

bool repositories::exists(const std::string& repository) {
    const std::scoped_lock lock(mutex_);
    auto s = db_.prepare("select path from repository where path = ?");
    return !column(s.bind(1, repository)).empty();
}

std::vector<std::string> repositories::list(const std::string& last, std::size_t n) {
    const std::scoped_lock lock(mutex_);
    auto s = db_.prepare(
        "select path from repository r where path > ? and exists(select 1 from manifest where "
        "repository = r.id) order by path limit ?");
    return column(s.bind(1, last).bind(2, limit(n)));
}

repositories::presence repositories::find_blob(const std::string& repository, const digest& d) {
    const std::scoped_lock lock(mutex_);
    auto s = db_.prepare(
        "select b.here from blob b join repository r on r.id = b.repository where r.path = ? and "
        "b.digest = ?");
    const auto found = first(column(s.bind(1, repository).bind(2, d.to_string())));
    if (!found)
        return presence::unknown;
    return *found == "1" ? presence::here : presence::removed;
}

void repositories::add_blob(const std::string& repository, const digest& d) {
    const std::scoped_lock lock(mutex_);
    sqlite::transaction t(db_);
    auto s = db_.prepare(
        "insert into blob(repository, digest, here) values(?, ?, 1) on conflict(repository, "
        "digest) "
        "do update set here = 1");
    s.bind(1, id_of(repository)).bind(2, d.to_string()).run();
    t.commit();
}

/// Runs `statement` over a digest and a repository's path; whether there was such a row.
bool repositories::remove_row(const char* statement, const std::string& repository,
                              const digest& d) {
    const std::scoped_lock lock(mutex_);
    sqlite::transaction t(db_);
    auto s = db_.prepare(statement);
    s.bind(1, d.to_string()).bind(2, repository).run();
    const bool was_there = db_.changes() > 0;
    drop_if_empty(repository);
    t.commit();
    return was_there;
}

bool repositories::remove_blob(const std::string& repository, const digest& d) {
    return remove_row(
        "update blob set here = 0 where here and digest = ? and repository = (select id from "
        "repository where path = ?)",
        repository, d);
}

std::optional<std::string> repositories::repository_with(const digest& blob) {
    const std::scoped_lock lock(mutex_);
    auto s = db_.prepare(
        "select r.path from blob b join repository r on r.id = b.repository where b.digest = ? and "
        "b.here limit 1");
    return first(column(s.bind(1, blob.to_string())));
}

std::optional<pushed_manifest> repositories::find_manifest(const std::string& repository,
                                                           const digest& d) {
    const std::scoped_lock lock(mutex_);
    auto s = db_.prepare(select_manifests("where r.path = ? and m.digest = ?"));
    return first(manifest_rows(s.bind(1, repository).bind(2, d.to_string())));
}

std::optional<pushed_manifest> repositories::find_tag(const std::string& repository,
                                                      const std::string& tag) {
    const std::scoped_lock lock(mutex_);
    auto s =
        db_.prepare(select_manifests("join tag t on t.repository = r.id and t.digest = m.digest "
                                     "where r.path = ? and t.tag = ?"));
    return first(manifest_rows(s.bind(1, repository).bind(2, tag)));
}

void repositories::put_manifest(const std::string& repository, const pushed_manifest& m,
                                const std::vector<std::string>& tags) {
    const std::scoped_lock lock(mutex_);
    sqlite::transaction t(db_);
    const auto id = id_of(repository);
    auto put = db_.prepare(
        "insert into manifest(repository, digest, media_type, size, subject, artifact_type, "
        "annotations) values(?, ?, ?, ?, ?, ?, ?) on conflict(repository, digest) do update set "
        "media_type = excluded.media_type");
    put.bind(1, id)
        .bind(2, m.digest.to_string())
        .bind(3, m.media_type)
        .bind(4, static_cast<std::int64_t>(m.size))
        .bind(6, m.artifact_type)
        .bind(7, nlohmann::json(m.annotations).dump());
    if (m.subject)
        put.bind(5, m.subject->to_string());
    else
        put.bind_null(5);
    put.run();
    auto tag = db_.prepare(
        "insert into tag(repository, tag, digest) values(?, ?, ?) on conflict(repository, tag) do "
        "update set digest = excluded.digest");
    for (const auto& name : tags)
        tag.bind(1, id).bind(2, name).bind(3, m.digest.to_string()).run();
    t.commit();
}

std::optional<std::vector<std::string>> repositories::remove_manifest(const std::string& repository,
                                                                      const digest& d) {
    auto names = tags_of(repository, d);
    const bool was_there = remove_row(
        "delete from manifest where digest = ? and repository = (select id from repository where "
        "path = ?)",
        repository, d);
    return was_there ? std::optional(std::move(names)) : std::nullopt;
}

std::optional<digest> repositories::remove_tag(const std::string& repository,
                                               const std::string& tag) {
    const auto known = find_tag(repository, tag);
    if (!known)
        return std::nullopt;
    const std::scoped_lock lock(mutex_);
    auto s = db_.prepare(
        "delete from tag where tag = ? and repository = (select id from repository where path = "
        "?)");
    s.bind(1, tag).bind(2, repository).run();
    return known->digest;
}

bool repositories::is_used(const digest& manifest) {
    const std::scoped_lock lock(mutex_);
    auto s = db_.prepare("select digest from manifest where digest = ? limit 1");
    return !column(s.bind(1, manifest.to_string())).empty();
}

std::vector<digest> repositories::manifests() {
    const std::scoped_lock lock(mutex_);
    auto s = db_.prepare("select distinct digest from manifest");
    std::vector<digest> out;
    for (const auto& text : column(s))
        out.push_back(digest_in_row(text));
    return out;
}

std::vector<std::string> repositories::tags(const std::string& repository, const std::string& last,
                                            std::size_t n) {
    const std::scoped_lock lock(mutex_);
    auto s = db_.prepare(
        "select t.tag from tag t join repository r on r.id = t.repository where r.path = ? and "
        "t.tag > ? order by t.tag limit ?");
    return column(s.bind(1, repository).bind(2, last).bind(3, limit(n)));
}

std::vector<std::string> repositories::tags_of(const std::string& repository, const digest& d) {
    const std::scoped_lock lock(mutex_);
    auto s = db_.prepare(
        "select t.tag from tag t join repository r on r.id = t.repository where r.path = ? and "
        "t.digest = ?");
    return column(s.bind(1, repository).bind(2, d.to_string()));
}

std::vector<pushed_manifest> repositories::referrers(const std::string& repository, const digest& d,
                                                     const std::string& artifact_type,
                                                     const std::string& last, std::size_t n) {
    const std::scoped_lock lock(mutex_);
    auto s = db_.prepare(select_manifests(
        "where r.path = ? and m.subject = ? and (? = '' or m.artifact_type = ?) and m.digest > ? "
        "order by m.digest limit ?"));
    return manifest_rows(s.bind(1, repository)
                             .bind(2, d.to_string())
                             .bind(3, artifact_type)
                             .bind(4, artifact_type)
                             .bind(5, last)
                             .bind(6, limit(n)));
}

}  // namespace dm::registry
