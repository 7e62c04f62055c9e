#include "oci/upstream/client_fixture.hpp"

using namespace dm;
using namespace dm::upstream;
using namespace dm::upstream::testing;

namespace {

/// Takes everything; pauses after every `room` bytes when that is set.
class collector final : public blob_sink {
  public:
    bool on_bytes(byte_view piece) override {
        EXPECT_FALSE(paused);
        taken.append(as_chars(piece));
        if (fail_at > 0 && taken.size() >= fail_at)
            raise(aio::errc::too_much_data, "disk full");
        since_ += piece.size();
        if (room == 0 || since_ < room)
            return true;
        since_ = 0;
        paused = true;
        return false;
    }
    std::string taken;
    std::size_t room = 0;
    std::size_t fail_at = 0;
    bool paused = false;

  private:
    std::size_t since_ = 0;
};

std::string random_content(std::size_t size) {
    rng random(7);
    std::string out(size, '\0');
    for (auto& c : out)
        c = static_cast<char>(random());
    return out;
}

oci::descriptor describe(std::string_view content) {
    return {"application/octet-stream",
            crypto::hash_of(crypto::hash_algorithm::sha256, as_bytes(content)), content.size()};
}

const std::string content = random_content(1'000'000);

/// Announces everything from `first` on, sends `size` bytes of it and closes.
reply cut_answer(const seen_request& r, std::size_t size) {
    auto whole = blob_answer(r, content);
    const auto head = whole.steps[0].bytes.find("\r\n\r\n") + 4;
    whole.steps[0].bytes.resize(std::min(whole.steps[0].bytes.size(), head + size));
    whole.then = reply::end::close;
    return whole;
}

std::vector<std::string> ranges(const bench& b) {
    std::vector<std::string> out;
    out.reserve(b.server.requests.size());
    for (const auto& r : b.server.requests)
        out.push_back(r.header_or("Range", "-"));
    return out;
}

}  // namespace

TEST(upstream_blob, comes_whole_or_from_an_offset) {
    run_coroutine([](executor ex) -> awaitable<void> {
        bench b(ex, [](const seen_request& r) { return blob_answer(r, content); });
        for (const std::size_t offset : {std::size_t{0}, std::size_t{1}, content.size() - 1}) {
            collector sink;
            co_await b.client->blob(b.in("a/b"), describe(content), offset, sink);
            EXPECT_EQ(sink.taken, content.substr(offset));
        }
        EXPECT_EQ(b.server.requests.at(0).target, "/v2/a/b/blobs/" + digest_text(content));
        EXPECT_EQ(ranges(b), (std::vector<std::string>{"-", "bytes=1-", "bytes=999999-"}));
        collector sink;
        co_await b.client->blob(b.in("a/b"), describe(content), content.size(), sink);
        EXPECT_EQ(b.server.requests.size(), 3u) << "there is nothing to ask for";
        co_await b.stop();
    });
}

TEST(upstream_blob, may_be_empty) {
    run_coroutine([](executor ex) -> awaitable<void> {
        bench b(ex, [](const seen_request&) { return answer(200, {}, ""); });
        collector sink;
        co_await b.client->blob(b.in("x"), describe(""), 0, sink);
        EXPECT_EQ(b.server.requests.size(), 1u);
        co_await b.stop();
    });
}

TEST(upstream_blob, is_taken_up_where_it_broke) {
    run_coroutine([](executor ex) -> awaitable<void> {
        bench b(ex, [](const seen_request& r) { return cut_answer(r, 300'000); });
        collector sink;
        co_await b.client->blob(b.in("x"), describe(content), 0, sink);
        EXPECT_EQ(sink.taken, content);
        EXPECT_EQ(ranges(b), (std::vector<std::string>{"-", "bytes=300000-", "bytes=600000-",
                                                       "bytes=900000-"}));
        co_await b.stop();
    });
}

TEST(upstream_blob, resumes_many_times_as_long_as_it_gets_on) {
    run_coroutine([](executor ex) -> awaitable<void> {
        auto o = quick();
        o.retry.attempts_max = 2;
        o.retry.budget_max = 1;
        o.retry.circuit_failures = 3;
        bench b(ex, [](const seen_request& r) { return cut_answer(r, 70'000); }, o);
        collector sink;
        co_await b.client->blob(b.in("x"), describe(content), 0, sink);
        EXPECT_EQ(sink.taken, content);
        EXPECT_EQ(b.server.requests.size(), 15u);
        co_await b.stop();
    });
}

TEST(upstream_blob, gives_up_where_nothing_gets_on) {
    run_coroutine([](executor ex) -> awaitable<void> {
        bench b(ex, [](const seen_request& r) { return cut_answer(r, 10); });
        collector sink;
        const auto why = co_await failure_of(b.client->blob(b.in("x"), describe(content), 0, sink));
        EXPECT_EQ(why.code, errc::unavailable);
        EXPECT_TRUE(why.message().contains("closed the connection")) << why.message();
        EXPECT_EQ(b.server.requests.size(), 4u);
        EXPECT_EQ(sink.taken, content.substr(0, 40));
        co_await b.stop();
    });
}

TEST(upstream_blob, skips_what_it_has_where_ranges_are_not_served) {
    run_coroutine([](executor ex) -> awaitable<void> {
        int asked = 0;
        bench b(ex, [&](seen_request r) {
            std::erase_if(r.headers, [](const auto& h) { return h.name == "Range"; });
            return ++asked == 1 ? cut_answer(r, 300'000) : blob_answer(r, content);
        });
        collector sink;
        co_await b.client->blob(b.in("x"), describe(content), 100'000, sink);
        EXPECT_EQ(sink.taken, content.substr(100'000));
        EXPECT_EQ(ranges(b), (std::vector<std::string>{"bytes=100000-", "bytes=300000-"}));
        co_await b.stop();
    });
}

TEST(upstream_blob, may_come_in_shorter_ranges_than_asked_for) {
    run_coroutine([](executor ex) -> awaitable<void> {
        bench b(ex, [](const seen_request& r) {
            const auto range = r.header_or("Range", "bytes=0-");
            const auto first = std::stoul(range.substr(6));
            const auto size = std::min<std::size_t>(400'000, content.size() - first);
            return answer(206,
                          {{"Content-Range", fmt::format("bytes {}-{}/{}", first, first + size - 1,
                                                         content.size())}},
                          content.substr(first, size));
        });
        collector sink;
        co_await b.client->blob(b.in("x"), describe(content), 1, sink);
        EXPECT_EQ(sink.taken, content.substr(1));
        co_await b.stop();
    });
}

TEST(upstream_blob, of_another_length_or_range_is_corrupt) {
    run_coroutine([](executor ex) -> awaitable<void> {
        bench b(ex, [](const seen_request& r) {
            const auto& name = r.target;
            if (name.contains("short"))
                return answer(200, {}, content.substr(1));
            if (name.contains("long"))
                return answer(200, {}, content + "x");
            if (name.contains("chunked"))
                return reply{{{"HTTP/1.1 200 OK\r\n\r\n" + content + "x"}}, reply::end::close};
            if (name.contains("range"))
                return answer(206, {{"Content-Range", "bytes 4-999999/1000000"}},
                              content.substr(4));
            if (name.contains("total"))
                return answer(206, {{"Content-Range", "bytes 5-999999/1000001"}},
                              content.substr(5));
            if (name.contains("nothing"))
                return answer(206, {}, content.substr(5));
            return answer(416, {{"Content-Range", "bytes */3"}}, "");
        });
        for (const char* name :
             {"short", "long", "chunked", "range", "total", "nothing", "unsatisfiable"}) {
            collector sink;
            const auto why =
                co_await failure_of(b.client->blob(b.in(name), describe(content), 5, sink));
            EXPECT_EQ(why.code, errc::corrupt) << name << ": " << why.message();
            EXPECT_TRUE(why.message().contains(name)) << why.message();
            EXPECT_EQ(b.count("GET", name), 1u);
        }
        co_await b.stop();
    });
}

TEST(upstream_blob, that_stalls_is_taken_up_again) {
    run_coroutine([](executor ex) -> awaitable<void> {
        int asked = 0;
        bench b(ex, [&](const seen_request& r) {
            if (++asked > 1)
                return blob_answer(r, content);
            auto stalled = cut_answer(r, 500'000);
            stalled.then = reply::end::hang;
            return stalled;
        });
        collector sink;
        co_await b.client->blob(b.in("x"), describe(content), 0, sink);
        EXPECT_EQ(sink.taken, content);
        co_await b.stop();
    });
}

TEST(upstream_blob, that_is_unknown_is_said_so) {
    run_coroutine([](executor ex) -> awaitable<void> {
        bench b(ex, [](const seen_request&) { return answer(404, {}, std::string(200'000, 'x')); });
        collector sink;
        const auto why = co_await failure_of(b.client->blob(b.in("x"), describe(content), 0, sink));
        EXPECT_EQ(why.code, errc::not_found);
        EXPECT_TRUE(why.message().contains(digest_text(content))) << why.message();
        EXPECT_EQ(sink.taken, "");
        co_await b.stop();
    });
}

TEST(upstream_blob, waits_for_a_slow_sink_across_breaks) {
    run_coroutine([](executor ex) -> awaitable<void> {
        bench b(ex, [](const seen_request& r) { return cut_answer(r, 300'000); });
        collector sink;
        sink.room = 50'000;
        aio::task_group consumer(ex);
        consumer.spawn("consumer", [](collector* s) -> awaitable<void> {
            for (;;) {
                co_await aio::sleep_for(1ms);
                if (std::exchange(s->paused, false))
                    s->resume();
            }
        }(&sink));
        co_await b.client->blob(b.in("x"), describe(content), 0, sink);
        EXPECT_EQ(sink.taken, content);
        co_await consumer.stop();
        sink.resume();  // the download is over: no effect
        co_await b.stop();
    });
}

TEST(upstream_blob, ends_with_the_sinks_exception) {
    run_coroutine([](executor ex) -> awaitable<void> {
        bench b(ex, [](const seen_request& r) { return blob_answer(r, content); });
        collector sink;
        sink.fail_at = 100'000;
        const auto why = co_await failure_of(b.client->blob(b.in("x"), describe(content), 0, sink));
        EXPECT_EQ(why.code, aio::errc::too_much_data);
        EXPECT_EQ(why.message(), "disk full");
        EXPECT_EQ(b.server.requests.size(), 1u);
        co_await b.stop();
    });
}

TEST(upstream_blob, takes_a_fresh_redirect_when_the_old_one_has_expired) {
    run_coroutine([](executor ex) -> awaitable<void> {
        int asked = 0;
        scripted_server storage(ex, [&](const seen_request& r) {
            return ++asked == 1 ? answer(403, {}, "<Error>expired</Error>")
                                : blob_answer(r, content);
        });
        bench b(ex, [&](const seen_request&) {
            return answer(307, {{"Location", storage.url("/signed?x=1")}}, "");
        });
        collector sink;
        co_await b.client->blob(b.in("x"), describe(content), 10, sink);
        EXPECT_EQ(sink.taken, content.substr(10));
        EXPECT_EQ(b.server.requests.size(), 2u);
        EXPECT_EQ(storage.requests.at(1).header_or("Range", ""), "bytes=10-");
        co_await b.stop();
        co_await storage.stop();
    });
}

TEST(upstream_blob, ends_in_a_redirect_loop) {
    run_coroutine([](executor ex) -> awaitable<void> {
        bench b(ex,
                [](const seen_request& r) { return answer(307, {{"Location", r.target}}, ""); });
        collector sink;
        const auto why = co_await failure_of(b.client->blob(b.in("x"), describe(content), 0, sink));
        EXPECT_EQ(why.code, errc::unavailable);
        EXPECT_TRUE(why.message().contains("redirects")) << why.message();
        EXPECT_EQ(b.server.requests.size(), 11u);
        co_await b.stop();
    });
}
