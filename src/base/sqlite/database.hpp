#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/result.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace dm::sqlite {

enum class errc { cannot_open = 1, busy, full, corrupt, failed };

inline const char* category_name(errc) {
    return "sqlite";
}
const char* name_of(errc e);
const char* message_of(errc e);
condition condition_of(errc e);
inline std::error_code make_error_code(errc e) {
    return {static_cast<int>(e), errc_category<errc>::instance()};
}

enum class durability {
    normal,  ///< a power cut may lose the newest transactions, never consistency
    full,    ///< a committed transaction survives a power cut
};

class statement;

/// One connection in WAL mode. Calls block: make them on the pool, one at a time.
/// Failures are thrown as dm::failure with the file's name.
class database {
  public:
    database(const std::filesystem::path& file, durability d);
    database(database&&) noexcept = default;
    database& operator=(database&&) noexcept = default;
    ~database() = default;

    void execute(const char* sql);
    /// Compiled once, used often; must not outlive the database.
    statement prepare(std::string_view sql);
    std::int64_t last_row_id() const noexcept;
    /// Rows changed by the last statement.
    std::int64_t changes() const noexcept;

  private:
    friend class statement;
    struct closer {
        void operator()(sqlite3* handle) const noexcept;
    };
    [[noreturn]] void fail_with(int code) const;

    std::string name_;
    std::unique_ptr<sqlite3, closer> handle_;
};

/// `auto s = db.prepare("select a from t where b = ?"); s.bind(1, b); while (s.step())
/// use(s.integer(0));`
class statement {
  public:
    statement& bind(int position, std::int64_t value);
    statement& bind(int position, std::string_view value);
    statement& bind(int position, byte_view value);
    statement& bind_null(int position);

    /// True while there is a row; after the last one the statement is ready to be bound again.
    bool step();
    /// For statements without rows.
    void run();
    void reset() noexcept;

    std::int64_t integer(int column) const;
    std::string text(int column) const;
    bytes blob(int column) const;
    bool is_null(int column) const;

  private:
    friend class database;
    struct finalizer {
        void operator()(sqlite3_stmt* s) const noexcept;
    };
    statement(const database& db, sqlite3_stmt* handle) : db_(&db), handle_(handle) {}

    const database* db_;
    std::unique_ptr<sqlite3_stmt, finalizer> handle_;
};

/// Rolled back unless commit() was called.
class transaction {
  public:
    explicit transaction(database& db) : db_(db) { db_.execute("begin immediate"); }
    transaction(const transaction&) = delete;
    transaction& operator=(const transaction&) = delete;
    ~transaction();
    void commit();

  private:
    database& db_;
    bool open_ = true;
};

}  // namespace dm::sqlite

template <>
struct std::is_error_code_enum<dm::sqlite::errc> : std::true_type {};
