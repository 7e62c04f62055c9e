#include "api/answer.hpp"

#include <fmt/format.h>

#include "api/errc.hpp"
#include "base/json/read.hpp"
#include "http/server/problem.hpp"

namespace dm::api {

json success() {
    return {{"error", false}};
}

std::string to_text(const json& value) {
    return value.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
}

awaitable<void> send_json(server::response_writer& out, json body, int status) {
    co_await out.send(status, {{"Content-Type", "application/json"}, {"Cache-Control", "no-store"}},
                      to_text(body));
}

awaitable<void> send_field_error(server::response_writer& out, error reason, std::string field) {
    json body{{"error", true}, {"msg", reason.message()}, {"code", reason.name()}};
    if (!field.empty())
        body["field"] = std::move(field);
    co_await send_json(out, std::move(body), server::status_of(reason.code));
}

nlohmann::json parse_object(std::string_view text, std::size_t bytes_max) {
    auto value = dm::json::read(text, {.bytes_max = bytes_max});
    if (!value)
        raise(errc::malformed_body, value.error() == dm::json::read_error::malformed
                                        ? "the body is not JSON"
                                        : "the body is nested too deeply or has too many values");
    if (!value->is_object())
        raise(errc::malformed_body, "the body is JSON, but not an object");
    return *std::move(value);
}

awaitable<nlohmann::json> read_object(server::request& req, std::size_t bytes_max) {
    const auto body = co_await req.body(bytes_max);
    co_return parse_object(as_chars(body), bytes_max);
}

std::string required_string(const nlohmann::json& object, std::string_view name) {
    const auto* value = dm::json::member(object, name);
    if (!value)
        raise(errc::invalid_field, fmt::format("\"{}\" is missing", name));
    if (!value->is_string())
        raise(errc::invalid_field, fmt::format("\"{}\" has to be a string", name));
    auto text = value->get<std::string>();
    if (text.empty())
        raise(errc::invalid_field, fmt::format("\"{}\" is empty", name));
    return text;
}

std::vector<std::string> string_list(const nlohmann::json& object, std::string_view name,
                                     std::size_t size_max) {
    const auto* value = dm::json::member(object, name);
    if (!value || value->is_null())
        return {};
    if (!value->is_array())
        raise(errc::invalid_field, fmt::format("\"{}\" has to be a list of strings", name));
    if (value->size() > size_max)
        raise(errc::invalid_field, fmt::format("\"{}\" has more than {} entries", name, size_max));
    std::vector<std::string> out;
    for (const auto& item : *value) {
        if (!item.is_string())
            raise(errc::invalid_field, fmt::format("\"{}\" has to be a list of strings", name));
        out.push_back(item.get<std::string>());
    }
    return out;
}

bool flag_parameter(const server::request& req, std::string_view name) {
    const auto* value = req.where().find_query(name);
    if (!value || *value == "0" || *value == "false")
        return false;
    if (value->empty() || *value == "1" || *value == "true")
        return true;
    raise(errc::invalid_parameter, fmt::format("\"{}\" has to be 0 or 1", name));
}

}  // namespace dm::api
