#include "base/sqlite/database.hpp"

#include <fmt/format.h>
#include <sqlite3.h>

#include <cassert>

#include "base/log.hpp"

namespace dm::sqlite {

const char* name_of(errc e) {
    switch (e) {
        case errc::cannot_open:
            return "cannot_open";
        case errc::busy:
            return "busy";
        case errc::full:
            return "full";
        case errc::corrupt:
            return "corrupt";
        case errc::failed:
            return "failed";
    }
    return "sqlite";
}

const char* message_of(errc e) {
    switch (e) {
        case errc::cannot_open:
            return "the database cannot be opened";
        case errc::busy:
            return "the database is in use by another process";
        case errc::full:
            return "no space left for the database";
        case errc::corrupt:
            return "the database is damaged";
        case errc::failed:
            return "the database failed";
    }
    return "unknown";
}

condition condition_of(errc e) {
    switch (e) {
        case errc::full:
            return condition::no_space;
        case errc::busy:
            return condition::unavailable;
        case errc::corrupt:
            return condition::corrupt;
        default:
            return condition::internal;
    }
}

void database::closer::operator()(sqlite3* handle) const noexcept {
    sqlite3_close_v2(handle);
}

void statement::finalizer::operator()(sqlite3_stmt* s) const noexcept {
    sqlite3_finalize(s);
}

database::database(const std::filesystem::path& file, durability d) : name_(file.string()) {
    sqlite3* handle = nullptr;
    const int code =
        sqlite3_open_v2(name_.c_str(), &handle,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
    handle_.reset(handle);
    if (code != SQLITE_OK)
        raise(errc::cannot_open, fmt::format("{}: {}", name_, sqlite3_errstr(code)));
    sqlite3_busy_timeout(handle, 5000);
    execute("pragma journal_mode = wal");
    execute(d == durability::full ? "pragma synchronous = full" : "pragma synchronous = normal");
    execute("pragma cache_size = -1024");
    execute("pragma foreign_keys = on");
}

void database::fail_with(int code) const {
    const auto detail = fmt::format("{}: {}", name_, sqlite3_errmsg(handle_.get()));
    switch (code & 0xff) {
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
            raise(errc::busy, detail);
        case SQLITE_FULL:
            raise(errc::full, detail);
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB:
            raise(errc::corrupt, detail);
        default:
            raise(errc::failed, detail);
    }
}

void database::execute(const char* sql) {
    const int code = sqlite3_exec(handle_.get(), sql, nullptr, nullptr, nullptr);
    if (code != SQLITE_OK)
        fail_with(code);
}

statement database::prepare(std::string_view sql) {
    sqlite3_stmt* s = nullptr;
    const int code = sqlite3_prepare_v3(handle_.get(), sql.data(), static_cast<int>(sql.size()),
                                        SQLITE_PREPARE_PERSISTENT, &s, nullptr);
    if (code != SQLITE_OK)
        fail_with(code);
    return {*this, s};
}

std::int64_t database::last_row_id() const noexcept {
    return sqlite3_last_insert_rowid(handle_.get());
}

std::int64_t database::changes() const noexcept {
    return sqlite3_changes64(handle_.get());
}

statement& statement::bind(int position, std::int64_t value) {
    const int code = sqlite3_bind_int64(handle_.get(), position, value);
    assert(code == SQLITE_OK);
    return *this;
}

statement& statement::bind(int position, std::string_view value) {
    const int code = sqlite3_bind_text64(handle_.get(), position, value.data() ? value.data() : "",
                                         value.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
    assert(code == SQLITE_OK);
    return *this;
}

statement& statement::bind(int position, byte_view value) {
    const void* data = value.data() ? static_cast<const void*>(value.data()) : "";
    const int code =
        sqlite3_bind_blob64(handle_.get(), position, data, value.size(), SQLITE_TRANSIENT);
    assert(code == SQLITE_OK);
    return *this;
}

statement& statement::bind_null(int position) {
    const int code = sqlite3_bind_null(handle_.get(), position);
    assert(code == SQLITE_OK);
    return *this;
}

bool statement::step() {
    const int code = sqlite3_step(handle_.get());
    if (code == SQLITE_ROW)
        return true;
    reset();
    if (code != SQLITE_DONE)
        db_->fail_with(code);
    return false;
}

void statement::run() {
    while (step()) {
    }
}

void statement::reset() noexcept {
    sqlite3_reset(handle_.get());
}

std::int64_t statement::integer(int column) const {
    return sqlite3_column_int64(handle_.get(), column);
}

std::string statement::text(int column) const {
    const auto* data = sqlite3_column_text(handle_.get(), column);
    return {reinterpret_cast<const char*>(data),
            static_cast<std::size_t>(sqlite3_column_bytes(handle_.get(), column))};
}

bytes statement::blob(int column) const {
    const auto* data = static_cast<const std::byte*>(sqlite3_column_blob(handle_.get(), column));
    return {data, data + sqlite3_column_bytes(handle_.get(), column)};
}

bool statement::is_null(int column) const {
    return sqlite3_column_type(handle_.get(), column) == SQLITE_NULL;
}

transaction::~transaction() {
    if (!open_)
        return;
    try {
        db_.execute("rollback");
    } catch (const failure& e) {
        log::warn("rollback failed", {{"reason", e.what()}});
    }
}

void transaction::commit() {
    db_.execute("commit");
    open_ = false;
}

}  // namespace dm::sqlite
