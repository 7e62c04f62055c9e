#include "api/limit_routes.hpp"

#include <fmt/format.h>

#include <memory>

#include "api/answer.hpp"
#include "api/errc.hpp"
#include "base/json/read.hpp"

namespace dm::api {
namespace {

using server::request;
using server::response_writer;

constexpr std::size_t body_bytes_max = 4096;
/// A terabyte a second: more is a mistake.
constexpr std::uint64_t rate_max = 1'000'000'000'000;

class limit_routes {
  public:
    limit_routes(rate_limits at_start, std::function<awaitable<void>(rate_limits)> change)
        : now_(std::make_shared<rate_limits>(at_start)), change_(std::move(change)) {}

    awaitable<void> show(response_writer& out) const {
        auto body = success();
        body["limits"] = {{"upload", now_->upload}, {"download", now_->download}};
        co_await send_json(out, std::move(body));
    }

    /// Members that are not there stay as they are.
    awaitable<void> change(request& req, response_writer& out) const {
        const auto text = co_await req.body(body_bytes_max);
        const auto body = dm::json::read(as_chars(text));
        if (!body || !body->is_object())
            raise(errc::malformed_body, "write {\"upload\": 1000000, \"download\": 0}");
        auto next = *now_;
        take(*body, "upload", next.upload);
        take(*body, "download", next.download);
        *now_ = next;
        co_await change_(next);
        co_await show(out);
    }

  private:
    static void take(const nlohmann::json& body, std::string_view key, std::uint64_t& into) {
        if (!dm::json::member(body, key))
            return;
        const auto value = dm::json::unsigned_member(body, key);
        if (!value || *value > rate_max)
            raise(errc::invalid_field,
                  fmt::format("{} is a number of bytes a second, 0 for no limit", key));
        into = *value;
    }

    std::shared_ptr<rate_limits> now_;  // shared by the copies that the routes hold
    std::function<awaitable<void>(rate_limits)> change_;
};

}  // namespace

void add_limit_routes(server::router& routes, rate_limits at_start,
                      std::function<awaitable<void>(rate_limits)> change) {
    const limit_routes at(at_start, std::move(change));
    routes.add("GET", "/api/v1/node/limits",
               [at](request&, response_writer& out) { return at.show(out); });
    routes.add("PUT", "/api/v1/node/limits",
               [at](request& req, response_writer& out) { return at.change(req, out); });
}

}  // namespace dm::api
