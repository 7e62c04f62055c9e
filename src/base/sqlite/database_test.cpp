#include "base/sqlite/database.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include "base/temp_dir.hpp"

using namespace dm;

TEST(database, keeps_what_was_committed_and_drops_what_was_not) {
    temp_dir dir;
    {
        sqlite::database db(dir / "x.db", sqlite::durability::full);
        db.execute("create table t(a integer primary key, b blob, c text)");
        auto insert = db.prepare("insert into t(b, c) values(?, ?)");
        {
            sqlite::transaction t(db);
            insert.bind(1, as_bytes("bytes")).bind(2, std::string_view("text")).run();
            t.commit();
        }
        {
            sqlite::transaction t(db);
            insert.bind(1, as_bytes("")).bind_null(2).run();
        }
    }
    sqlite::database db(dir / "x.db", sqlite::durability::normal);
    auto all = db.prepare("select a, b, c from t");
    ASSERT_TRUE(all.step());
    EXPECT_EQ(all.integer(0), 1);
    EXPECT_EQ(as_chars(all.blob(1)), "bytes");
    EXPECT_EQ(all.text(2), "text");
    EXPECT_FALSE(all.step());
}

TEST(database, names_the_file_that_is_no_database) {
    temp_dir dir;
    std::ofstream(dir / "x.db") << std::string(5000, 'n');
    try {
        sqlite::database db(dir / "x.db", sqlite::durability::full);
        FAIL() << "opened";
    } catch (const failure& e) {
        EXPECT_EQ(e.code(), sqlite::errc::corrupt);
        EXPECT_NE(std::string(e.what()).find("x.db"), std::string::npos);
    }
}
