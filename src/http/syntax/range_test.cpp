#include "http/syntax/range.hpp"

#include <gtest/gtest.h>

#include "http/syntax/content_range.hpp"
#include "http/syntax/errc.hpp"

using namespace dm;
using namespace dm::syntax;

namespace {

range_request partial(std::uint64_t first, std::uint64_t size) {
    return {range_kind::partial, {first, size}};
}

}  // namespace

TEST(range, serves_what_the_conformance_suite_asks_of_2048_bytes) {
    EXPECT_EQ(parse_range("bytes=500-1499", 2048), partial(500, 1000));
    EXPECT_EQ(parse_range("bytes=500-", 2048), partial(500, 1548));
    EXPECT_EQ(parse_range("bytes=-500", 2048), partial(1548, 500));
    EXPECT_EQ(parse_range("bytes=2000-5000", 2048), partial(2000, 48));
    EXPECT_EQ(parse_range("bytes=500-0", 2048).kind, range_kind::unsatisfiable);
    EXPECT_EQ(parse_range("bytes=5000-10000", 2048).kind, range_kind::unsatisfiable);
    EXPECT_EQ(parse_range("bytes=0-", 2048), partial(0, 2048));
}

TEST(range, knows_the_edges_of_the_representation) {
    EXPECT_EQ(parse_range("bytes=0-0", 1), partial(0, 1));
    EXPECT_EQ(parse_range("bytes=2047-2047", 2048), partial(2047, 1));
    EXPECT_EQ(parse_range("bytes=2048-", 2048).kind, range_kind::unsatisfiable);
    EXPECT_EQ(parse_range("bytes=-0", 2048).kind, range_kind::unsatisfiable);
    EXPECT_EQ(parse_range("bytes=-9999", 2048), partial(0, 2048));
}

TEST(range, of_an_empty_representation_is_whole_only_from_zero) {
    EXPECT_EQ(parse_range("bytes=0-", 0), (range_request{range_kind::whole, {0, 0}}));
    EXPECT_EQ(parse_range("bytes=0-0", 0).kind, range_kind::unsatisfiable);
    EXPECT_EQ(parse_range("bytes=-1", 0).kind, range_kind::unsatisfiable);
}

TEST(range, ignores_other_units_and_what_is_no_range) {
    for (const char* text : {"", "bytes", "items=0-1", "bytes=", "bytes=-", "bytes=abc-", "bytes=1",
                             "bytes=a-b", "bytes=--1", "bytes=1-2-3", "bytes=0x1-2", "=0-1"})
        EXPECT_EQ(parse_range(text, 10), (range_request{range_kind::whole, {0, 10}})) << text;
}

TEST(range, tolerates_spaces_and_letter_case) {
    EXPECT_EQ(parse_range("Bytes = 1 - 2 ", 10), partial(1, 2));
    EXPECT_EQ(parse_range("bytes=,1-2,", 10), partial(1, 2));
}

TEST(range, reports_several_ranges_as_such) {
    EXPECT_EQ(parse_range("bytes=0-9,20-29", 100).kind, range_kind::multiple);
    std::string many = "bytes=0-1";
    many.resize(range_text_max + 1, ' ');
    EXPECT_EQ(parse_range(many, 100).kind, range_kind::multiple);
    many.resize(range_text_max);
    EXPECT_EQ(parse_range(many, 100), partial(0, 2));
}

TEST(range, survives_positions_beyond_64_bits) {
    EXPECT_EQ(parse_range("bytes=1-99999999999999999999999", 10), partial(1, 9));
    EXPECT_EQ(parse_range("bytes=99999999999999999999999-", 10).kind, range_kind::unsatisfiable);
    EXPECT_EQ(parse_range("bytes=-99999999999999999999999", 10), partial(0, 10));
}

TEST(content_range, reads_what_a_206_and_a_416_say) {
    EXPECT_EQ(parse_content_range("bytes 0-99/200"),
              (content_range{.range = byte_range{0, 100}, .total = 200}));
    EXPECT_EQ(parse_content_range("BYTES 5-5/*"),
              (content_range{.range = byte_range{5, 1}, .total = std::nullopt}));
    EXPECT_EQ(parse_content_range("bytes */200"),
              (content_range{.range = std::nullopt, .total = 200}));
}

TEST(content_range, refuses_what_contradicts_itself) {
    for (const char* text :
         {"", "bytes", "bytes 0-99", "bytes 9-0/10", "bytes 0-10/10", "bytes */*", "items 0-1/2",
          "bytes -1/2", "bytes 0-/2", "bytes 0-18446744073709551615/*", "0-1/2", "/ bytes",
          "bytes 0-1/two", "bytes=0-1/2"})
        EXPECT_EQ(parse_content_range(text).error().code,
                  make_error_code(errc::malformed_content_range))
            << text;
}

TEST(content_range, writes_what_it_reads) {
    for (const char* text : {"bytes 500-1499/2048", "bytes 0-0/*", "bytes */2048"})
        EXPECT_EQ(to_string(*parse_content_range(text)), text);
}
