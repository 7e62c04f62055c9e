#include "runtime/docker/docker_engine.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "http/syntax/url.hpp"
#include "runtime/docker/pull_reader.hpp"
#include "runtime/engine/name.hpp"

namespace dm::docker {
namespace {

using engine::removal;
using syntax::percent_encode;

constexpr std::string_view watched_events =
    R"({"type":["image","container"],)"
    R"("event":["pull","load","import","tag","untag","delete","die","destroy"]})";

[[noreturn]] void refuse(const http::response& answer) {
    throw failure(refusal(answer.head.status, answer.body));
}

/// Refusals before a pull has begun, which tell more than elsewhere.
error pull_refusal(int status, std::string_view body) {
    auto out = refusal(status, body);
    if (out.code == engine::errc::refused || out.code == engine::errc::no_such_image)
        if (const auto why = pull_error(message_in(body));
            why.code != engine::errc::pull_failed || out.code == engine::errc::refused)
            return why;
    return out;
}

/// Event times of the daemon and ours are of one machine.
std::string now_for_docker() {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    const auto seconds = std::chrono::floor<std::chrono::seconds>(now);
    const auto rest = std::chrono::duration_cast<std::chrono::nanoseconds>(now - seconds);
    return fmt::format("{}.{:09}", seconds.count(), rest.count());
}

/// "container web uses it", "containers web, db and 2 more use it".
std::string users_text(const std::vector<engine::container>& users) {
    constexpr std::size_t named_max = 3;
    if (users.size() == 1)
        return fmt::format("container {} uses it", users.front().name);
    std::string names;
    for (std::size_t i = 0; i < std::min(users.size(), named_max); ++i)
        names += (i == 0 ? "" : ", ") + users[i].name;
    if (users.size() > named_max)
        names += fmt::format(" and {} more", users.size() - named_max);
    return fmt::format("containers {} use it", names);
}

removal in_use(std::vector<engine::container> users, std::string dockers_words) {
    removal out{removal::outcome::in_use, std::move(users), {}};
    out.reason = out.users.empty() ? std::move(dockers_words) : users_text(out.users);
    return out;
}

}  // namespace

docker_engine::docker_engine(http::client& client, docker_options options)
    : docker_(client, options.socket_path), options_(std::move(options)) {}

awaitable<engine::engine_info> docker_engine::info() {
    const auto daemon = co_await docker_.negotiate();
    const auto answer = co_await docker_.ask("GET", "/info", options_.answer_limit);
    if (answer.head.status != 200)
        refuse(answer);
    auto out = value_or_throw(read_info(answer.body, daemon));
    out.api_version = docker_.api();
    co_return out;
}

awaitable<std::vector<engine::image>> docker_engine::list(std::vector<std::string> names_or_ids) {
    for (const auto& name : names_or_ids)
        value_or_throw(engine::split_name(name));
    std::vector<engine::image> out;
    if (names_or_ids.size() == 1)
        if (auto found = co_await look_up(names_or_ids.front()))
            out.push_back(std::move(*found));
    if (names_or_ids.size() <= 1)
        co_return out;
    // Of all, since there is no filter by id; also those without a name that others are built on.
    const auto answer = co_await docker_.ask("GET", "/images/json?all=1", options_.answer_limit);
    if (answer.head.status != 200)
        refuse(answer);
    out = value_or_throw(read_images(answer.body));
    std::erase_if(out, [&](const engine::image& one) {
        return std::ranges::none_of(
            names_or_ids, [&](const auto& name) { return engine::answers_to(one, name); });
    });
    co_return out;
}

awaitable<std::optional<engine::image>> docker_engine::look_up(std::string name_or_id) {
    const auto answer = co_await docker_.ask("GET", fmt::format("/images/{}/json", name_or_id),
                                             options_.answer_limit);
    if (answer.head.status == 404)
        co_return std::nullopt;
    if (answer.head.status != 200)
        refuse(answer);
    auto out = value_or_throw(read_image(answer.body));
    // Between finding the image and listing its tags Docker may have moved this one: what the name
    // stood for is what was asked.
    if (!engine::answers_to(out, name_or_id) && !name_or_id.contains('@'))
        out.repo_tags.push_back(engine::familiar_name(name_or_id));
    co_return out;
}

awaitable<std::string> docker_engine::pull(std::string source,
                                           std::optional<engine::platform> wanted,
                                           engine::progress_listener listener) {
    const auto parts = value_or_throw(engine::split_full_name(source));
    // With both a tag and a digest, Docker keeps the digest only.
    const auto what = parts.digest.empty() ? parts.tag : parts.digest;
    const auto pulled_as =
        fmt::format("{}{}{}", parts.repository, parts.digest.empty() ? ":" : "@", what);
    auto path = fmt::format("/images/create?fromImage={}&tag={}", percent_encode(parts.repository),
                            percent_encode(what));
    if (wanted)
        path += "&platform=" + percent_encode(engine::to_string(*wanted));

    pull_reader reader;
    bool changed = false;
    connection::line_handlers handlers;
    handlers.on_line = [&](std::string_view line) { changed = reader.take(line) || changed; };
    handlers.on_pause = [&] {
        if (std::exchange(changed, false) && listener)
            listener(reader.progress());
    };
    const auto end = co_await docker_.read_lines("POST", std::move(path), options_.pull_stall_limit,
                                                 std::move(handlers));
    if (end.status != 200)
        throw failure(pull_refusal(end.status, end.error_body));
    value_or_throw(reader.finish());
    const auto pulled = co_await look_up(pulled_as);
    if (!pulled)
        raise(engine::errc::pull_failed,
              fmt::format("{} was pulled and is gone again already", pulled_as));
    co_return pulled->id;
}

awaitable<void> docker_engine::tag(std::string image_id, std::string name) {
    value_or_throw(engine::split_name(image_id));
    const auto parts = value_or_throw(engine::split_tag_name(name));
    const auto answer = co_await docker_.ask(
        "POST",
        fmt::format("/images/{}/tag?repo={}&tag={}", image_id, percent_encode(parts.repository),
                    percent_encode(parts.tag)),
        options_.answer_limit);
    if (answer.head.status != 201)
        refuse(answer);
}

awaitable<removal> docker_engine::remove(std::string name, std::string image_id) {
    const auto parts = value_or_throw(engine::split_full_name(name));
    const auto found = co_await look_up(name);
    if (!found)
        co_return removal{};
    if (found->id != image_id)
        co_return removal{
            removal::outcome::other_image, {}, fmt::format("{} is another image by now", name)};
    // Docker would take a tag from under a container as long as there is another: we do not.
    const bool alias = !parts.digest.empty() && !found->repo_tags.empty();
    if (!alias)
        if (auto users = co_await users_of(image_id); !users.empty())
            co_return in_use(std::move(users), {});
    // Parents without a name are not ours to clean up.
    const auto answer = co_await docker_.ask("DELETE", fmt::format("/images/{}?noprune=1", name),
                                             options_.removal_limit);
    if (answer.head.status == 404)
        co_return removal{};
    if (answer.head.status == 409)
        co_return in_use(co_await users_of(image_id), message_in(answer.body));
    if (answer.head.status != 200)
        refuse(answer);
    const bool removed = value_or_throw(read_deletion(answer.body));
    co_return removal{removed ? removal::outcome::removed : removal::outcome::untagged, {}, {}};
}

awaitable<std::vector<engine::container>> docker_engine::users_of(std::string image_id) {
    const auto filters = percent_encode(fmt::format(R"({{"ancestor":["{}"]}})", image_id));
    const auto answer = co_await docker_.ask(
        "GET",
        fmt::format("/containers/json?all=1&limit={}&filters={}", engine::users_max, filters),
        options_.answer_limit);
    if (answer.head.status != 200)
        refuse(answer);
    co_return value_or_throw(read_containers(answer.body));
}

awaitable<void> docker_engine::changes(engine::event_listener listener) {
    bool connected = false;
    connection::line_handlers handlers;
    handlers.on_open = [&] {
        connected = true;
        listener({engine::event::kind::connected, "connected", ""});
    };
    handlers.on_line = [&](std::string_view line) {
        if (const auto what = read_event(line))
            listener(*what);
    };
    // Docker answers before it listens: `since` brings what happens in between.
    const auto path = fmt::format("/events?since={}&filters={}", now_for_docker(),
                                  percent_encode(watched_events));
    try {
        const auto end = co_await docker_.read_lines("GET", path, {}, std::move(handlers));
        if (end.status != 200)
            throw failure(refusal(end.status, end.error_body));
    } catch (const failure& e) {
        docker_.forget();
        if (!connected || e.code() != engine::errc::unavailable)
            throw;
    }
    docker_.forget();
}

}  // namespace dm::docker
