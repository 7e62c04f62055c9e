#include "api/store_routes.hpp"

#include <memory>

#include "aio/task_group.hpp"
#include "aio/timeout.hpp"
#include "api/answer.hpp"
#include "api/errc.hpp"

namespace dm::api {
namespace {

using server::request;
using server::response_writer;

constexpr std::chrono::milliseconds progress_interval{250};

/// A verification under way, and the line that tells of it.
struct verification {
    std::uint64_t bytes_done = 0;
    std::uint64_t bytes_total = 0;
    json result;
};

class store_routes {
  public:
    store_routes(store::content_store& content, images_of_blob images)
        : content_(content), images_(std::move(images)) {}
    store_routes(const store_routes&) = delete;

    awaitable<void> stat(response_writer& out) {
        const auto s = co_await content_.stat();
        auto body = success();
        body["store"] = {{"folder", content_.folder().string()},
                         {"blobs", s.blobs},
                         {"blob_bytes", s.blob_bytes},
                         {"pinned_bytes", s.pinned_bytes},
                         {"partial_blobs", s.partial_blobs},
                         {"partial_bytes", s.partial_bytes},
                         {"size_max", s.size_max},
                         {"disk_free_bytes", s.disk_free_bytes}};
        co_await send_json(out, std::move(body));
    }

    /// Answers in lines of JSON: {"bytes_done","bytes_total"} as it goes on, and at the end
    /// {"error":false,"damaged":[…]} or an error.
    awaitable<void> verify(response_writer& out) {
        const auto turn = take_turn();
        verification v;
        v.bytes_total = (co_await content_.stat()).blob_bytes;
        co_await out.start_stream(
            200, {{"Content-Type", "application/x-ndjson"}, {"Cache-Control", "no-store"}});
        co_await aio::beside(run(&v), tell(&v, &out));
        co_await write_line(out, std::move(v.result));
        co_await out.end();
    }

    awaitable<void> collect_garbage(response_writer& out) {
        const auto turn = take_turn();
        auto body = success();
        body["freed_bytes"] = co_await content_.collect_garbage();
        co_await send_json(out, std::move(body));
    }

  private:
    /// One long job on the store at a time.
    std::unique_ptr<bool, void (*)(bool*)> take_turn() {
        if (std::exchange(busy_, true))
            raise(errc::busy, "the store is being verified or cleared already");
        return {&busy_, [](bool* busy) { *busy = false; }};
    }

    awaitable<void> run(verification* v) {
        try {
            const auto damaged =
                co_await content_.verify([v](std::uint64_t done) { v->bytes_done = done; });
            auto all = json::array();
            for (const auto& d : damaged)
                all.push_back({{"digest", d.digest.to_string()},
                               {"size", d.size},
                               {"what", d.what},
                               {"images", images_(d.digest)}});
            v->result = success();
            v->result["damaged"] = std::move(all);
        } catch (const failure& e) {
            v->result = {
                {"error", true}, {"msg", e.reason().message()}, {"code", e.reason().name()}};
        }
    }

    static awaitable<void> tell(const verification* v, response_writer* out) {
        for (;;) {
            co_await aio::sleep_for(progress_interval);
            json line{{"bytes_done", v->bytes_done}, {"bytes_total", v->bytes_total}};
            co_await write_line(*out, std::move(line));
        }
    }

    static awaitable<void> write_line(response_writer& out, json line) {
        const auto text = to_text(line);
        co_await out.write(as_bytes(text));
    }

    store::content_store& content_;
    images_of_blob images_;
    bool busy_ = false;
};

}  // namespace

void add_store_routes(server::router& routes, store::content_store& content,
                      images_of_blob images) {
    const auto at = std::make_shared<store_routes>(content, std::move(images));
    routes.add("GET", "/api/v1/store",
               [at](request&, response_writer& out) { return at->stat(out); });
    routes.add("POST", "/api/v1/store/verify",
               [at](request&, response_writer& out) { return at->verify(out); });
    routes.add("POST", "/api/v1/store/gc",
               [at](request&, response_writer& out) { return at->collect_garbage(out); });
}

}  // namespace dm::api
