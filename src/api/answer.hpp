#pragma once

#include <nlohmann/json.hpp>
#include <span>
#include <string>

#include "http/server/request.hpp"
#include "http/server/response_writer.hpp"

/// What the routes share: reading bodies, sending JSON. For .cpp files of this module only.
namespace dm::api {

/// Members keep their order: the prototype's come first.
using json = nlohmann::ordered_json;

/// {"error":false}, to which a route adds its results.
json success();

/// Compact text with a line break; bytes that are no UTF-8 become U+FFFD.
std::string to_text(const json& value);

awaitable<void> send_json(server::response_writer& out, json body, int status = 200);

/// An error answer that names the member of the payload which is wrong.
awaitable<void> send_field_error(server::response_writer& out, error reason, std::string field);

/// Throws malformed_body.
nlohmann::json parse_object(std::string_view text, std::size_t bytes_max);
/// The body as a JSON object. Throws malformed_body, or the server's body_too_large.
awaitable<nlohmann::json> read_object(server::request& req, std::size_t bytes_max);

/// A member that has to be a string and not empty; throws invalid_field.
std::string required_string(const nlohmann::json& object, std::string_view name);
/// A list of strings, empty where there is none; throws invalid_field.
std::vector<std::string> string_list(const nlohmann::json& object, std::string_view name,
                                     std::size_t size_max);

/// "?dry_run=1", "?dry_run": true; absent, "0" or "false": not. Throws invalid_parameter.
bool flag_parameter(const server::request& req, std::string_view name);

}  // namespace dm::api
