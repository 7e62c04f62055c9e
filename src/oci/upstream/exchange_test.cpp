#include "oci/upstream/exchange.hpp"

#include <gtest/gtest.h>

#include "http/client/errc.hpp"

using namespace dm;
using namespace dm::upstream;
using namespace std::chrono_literals;

namespace {

exchange_failed failed(int status, const std::string& body = {}, http::header_list headers = {}) {
    return of_status({{status, std::move(headers), ""}, body}, "r.example", "r.example/a:1",
                     wall_time{24h});
}

}  // namespace

TEST(exchange, names_what_was_asked_and_who_answered) {
    EXPECT_EQ(failed(404).reason().message(), "r.example/a:1 is unknown to r.example");
    EXPECT_EQ(failed(404).code(), errc::not_found);
    EXPECT_EQ(failed(401).code(), errc::unauthorized);
    EXPECT_EQ(failed(403).code(), errc::denied);
    EXPECT_EQ(failed(429).code(), errc::rate_limited);
    EXPECT_EQ(failed(503).code(), errc::unavailable);
    EXPECT_EQ(failed(418).code(), errc::unavailable);
}

TEST(exchange, is_tried_again_where_that_may_help) {
    for (const int status : {408, 429, 500, 502, 503, 504})
        EXPECT_TRUE(failed(status).may_retry) << status;
    for (const int status : {301, 400, 401, 403, 404, 405, 416, 501})
        EXPECT_FALSE(failed(status).may_retry) << status;
    EXPECT_EQ(failed(429, "", {{"Retry-After", "7"}}).retry_after, 7s);
    EXPECT_EQ(failed(503, "", {{"Retry-After", "Fri, 02 Jan 1970 00:00:09 GMT"}}).retry_after, 9s);
    EXPECT_EQ(failed(503).retry_after, std::nullopt);
}

TEST(exchange, quotes_the_registry_but_not_at_length) {
    const auto why = failed(
        403, R"({"errors":[{"code":"DENIED","message":"pay\nfirst","detail":{}},{"code":"B"}]})");
    EXPECT_TRUE(why.reason().message().ends_with("and says \"DENIED: pay?first\""))
        << why.reason().message();
    EXPECT_EQ(registry_message(R"({"details":"incorrect username"})"), "\"incorrect username\"");
    EXPECT_EQ(registry_message("<html>"), "");
    EXPECT_EQ(registry_message("{}"), "");
    EXPECT_EQ(registry_message(R"({"errors":[5]})"), "");
    EXPECT_LT(registry_message(R"({"message":")" + std::string(1000, 'x') + "\"}").size(), 100u);
}

TEST(exchange, keeps_the_sentence_of_a_transport_error) {
    const auto of = [](http::errc code) { return of_transport({code, "sentence"}); };
    EXPECT_EQ(of(http::errc::connect_failed).reason().message(), "sentence");
    EXPECT_EQ(of(http::errc::connect_failed).code(), errc::unavailable);
    EXPECT_TRUE(of(http::errc::closed_early).may_retry);
    EXPECT_EQ(of(http::errc::stalled).code(), errc::timed_out);
    EXPECT_EQ(of(http::errc::body_too_large).code(), errc::too_large);
    EXPECT_EQ(of(http::errc::malformed_answer).code(), errc::corrupt);
    EXPECT_FALSE(of(http::errc::tls_failed).may_retry);
    EXPECT_EQ(of(http::errc::stopped).code(), http::errc::stopped);
}
