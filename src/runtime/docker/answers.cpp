#include "runtime/docker/answers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/json/read.hpp"

namespace dm::docker {
namespace {

using dm::json::bool_member;
using dm::json::member;
using dm::json::string_member;
using dm::json::unsigned_member;
using engine::errc;
using nlohmann::json;

std::unexpected<error> malformed(std::string_view what) {
    return fail(errc::malformed_answer, fmt::format("Docker's answer makes no sense: {}", what));
}

result<json> read(std::string_view body) {
    auto out =
        dm::json::read(body, {.bytes_max = answer_bytes_max, .values_max = answer_values_max});
    if (!out)
        return malformed(out.error() == dm::json::read_error::too_large ? "it is too large"
                                                                        : "it is no JSON");
    return *std::move(out);
}

std::string text_or_empty(const json& value, std::string_view key) {
    const auto* found = string_member(value, key);
    return found != nullptr ? *found : std::string();
}

/// Strings of an array that may be null; "<none>:<none>" and "<none>@<none>" mean nothing.
std::vector<std::string> names_in(const json& value, std::string_view key) {
    std::vector<std::string> out;
    const auto* found = member(value, key);
    if (found == nullptr || !found->is_array())
        return out;
    for (const auto& one : *found)
        if (const auto* text = one.get_ptr<const std::string*>(); text && !text->contains("<none>"))
            out.push_back(*text);
    return out;
}

std::map<std::string, std::string> labels_in(const json& value) {
    std::map<std::string, std::string> out;
    const auto* labels = member(value, "Labels");
    if (labels != nullptr && labels->is_object())
        for (const auto& [name, label] : labels->items())
            if (const auto* text = label.get_ptr<const std::string*>())
                out.emplace(name, *text);
    return out;
}

/// What the answers about one image and about many have in common.
result<engine::image> image_in(const json& value) {
    engine::image out;
    out.id = text_or_empty(value, "Id");
    if (out.id.empty())
        return malformed("an image without id");
    out.repo_tags = names_in(value, "RepoTags");
    out.repo_digests = names_in(value, "RepoDigests");
    out.size_bytes = unsigned_member(value, "Size").value_or(0);
    return out;
}

/// The arm variant behind what uname calls the machine: "armv7l", "armv6l", "armv8l" in 32 bits.
std::string arm_variant(std::string_view machine) {
    if (!machine.starts_with("armv") || machine.size() < 5)
        return {};
    const char digit = std::clamp(machine[4], '5', '7');
    return {'v', digit};
}

bool has_containerd_store(const json& info) {
    const auto* status = member(info, "DriverStatus");
    if (status == nullptr || !status->is_array())
        return false;
    return std::ranges::any_of(*status, [](const json& pair) {
        return pair.is_array() && pair.size() == 2 && pair[0] == "driver-type" &&
               pair[1] == "io.containerd.snapshotter.v1";
    });
}

std::optional<unsigned> parse_number(std::string_view text) {
    unsigned out = 0;
    const auto [last, ec] = std::from_chars(text.begin(), text.end(), out);
    return ec == std::errc() && last == text.end() ? std::optional(out) : std::nullopt;
}

bool runs(std::string_view state) {
    return state == "running" || state == "paused" || state == "restarting";
}

}  // namespace

std::string api_version::to_string() const {
    return fmt::format("{}.{}", major, minor);
}

result<api_version> parse_api_version(std::string_view text) {
    const auto dot = std::min(text.find('.'), text.size());
    const auto major = parse_number(text.substr(0, dot));
    const auto minor = parse_number(text.substr(std::min(dot + 1, text.size())));
    if (!major || !minor)
        return malformed("its API version is unreadable");
    return api_version{*major, *minor};
}

result<daemon_version> read_version(std::string_view body) {
    const auto answer = read(body);
    if (!answer)
        return fail(answer.error());
    const auto newest = parse_api_version(text_or_empty(*answer, "ApiVersion"));
    if (!newest)
        return fail(newest.error());
    daemon_version out;
    out.api_newest = *newest;
    if (const auto* oldest = string_member(*answer, "MinAPIVersion"))
        if (const auto parsed = parse_api_version(*oldest))
            out.api_oldest = *parsed;
    out.version = one_line(text_or_empty(*answer, "Version"));
    out.runs_on = {text_or_empty(*answer, "Os"), text_or_empty(*answer, "Arch")};
    out.engine = "docker";
    if (const auto* parts = member(*answer, "Components"); parts && parts->is_array())
        if (std::ranges::any_of(
                *parts, [](const json& c) { return text_or_empty(c, "Name").contains("Podman"); }))
            out.engine = "podman";
    if (out.version.empty() || out.runs_on.os.empty() || out.runs_on.architecture.empty())
        return malformed("its version says too little");
    return out;
}

result<api_version> choose_api(const daemon_version& daemon) {
    const auto best = std::clamp(preferred_api, std::min(daemon.api_oldest, daemon.api_newest),
                                 daemon.api_newest);
    if (best < oldest_api || best > newest_api)
        return fail(errc::unsupported_engine,
                    fmt::format("{} {} speaks API {} to {}; versions {} to {} are supported",
                                daemon.engine, daemon.version, daemon.api_oldest.to_string(),
                                daemon.api_newest.to_string(), oldest_api.to_string(),
                                newest_api.to_string()));
    return best;
}

result<engine::engine_info> read_info(std::string_view body, const daemon_version& daemon) {
    const auto answer = read(body);
    if (!answer)
        return fail(answer.error());
    engine::engine_info out;
    out.name = daemon.engine;
    out.version = daemon.version;
    out.runs_on = daemon.runs_on;
    if (out.runs_on.architecture == "arm")
        out.runs_on.variant = arm_variant(text_or_empty(*answer, "Architecture"));
    out.store = has_containerd_store(*answer) ? engine::image_store::containerd
                                              : engine::image_store::graph;
    out.root_dir = text_or_empty(*answer, "DockerRootDir");
    return out;
}

result<engine::image> read_image(std::string_view body) {
    const auto answer = read(body);
    if (!answer)
        return fail(answer.error());
    auto out = image_in(*answer);
    if (!out)
        return out;
    out->runs_on = {text_or_empty(*answer, "Os"), text_or_empty(*answer, "Architecture"),
                    text_or_empty(*answer, "Variant")};
    if (const auto* config = member(*answer, "Config"))
        out->labels = labels_in(*config);
    return out;
}

result<std::vector<engine::image>> read_images(std::string_view body) {
    const auto answer = read(body);
    if (!answer)
        return fail(answer.error());
    if (!answer->is_array())
        return malformed("no list of images");
    std::vector<engine::image> out;
    for (const auto& one : *answer) {
        auto image = image_in(one);
        if (!image)
            return fail(std::move(image).error());
        image->labels = labels_in(one);
        out.push_back(*std::move(image));
    }
    return out;
}

result<std::vector<engine::container>> read_containers(std::string_view body) {
    const auto answer = read(body);
    if (!answer)
        return fail(answer.error());
    if (!answer->is_array())
        return malformed("no list of containers");
    std::vector<engine::container> out;
    for (const auto& one : *answer) {
        engine::container c;
        c.id = text_or_empty(one, "Id");
        if (auto names = names_in(one, "Names"); !names.empty())
            c.name = names.front().starts_with('/') ? names.front().substr(1) : names.front();
        if (c.name.empty())
            c.name = c.id.substr(0, 12);
        c.running = runs(text_or_empty(one, "State"));
        out.push_back(std::move(c));
    }
    return out;
}

result<bool> read_deletion(std::string_view body) {
    const auto answer = read(body);
    if (!answer)
        return fail(answer.error());
    if (!answer->is_array())
        return malformed("no list of what was deleted");
    return std::ranges::any_of(
        *answer, [](const json& one) { return string_member(one, "Deleted") != nullptr; });
}

std::optional<engine::event> read_event(std::string_view line) {
    const auto answer = dm::json::read(line);
    if (!answer)
        return std::nullopt;
    engine::event out;
    const auto type = text_or_empty(*answer, "Type");
    if (type == "image")
        out.what = engine::event::kind::image;
    else if (type == "container")
        out.what = engine::event::kind::container;
    else
        return std::nullopt;
    out.action = text_or_empty(*answer, "Action");
    const auto* const actor = member(*answer, "Actor");
    if (actor == nullptr)
        return out;
    out.subject = text_or_empty(*actor, "ID");
    const auto* const attributes = member(*actor, "Attributes");
    if (type == "container" && attributes != nullptr)
        if (auto name = text_or_empty(*attributes, "name"); !name.empty())
            out.subject = std::move(name);
    return out;
}

std::string message_in(std::string_view body) {
    if (const auto answer = dm::json::read(body))
        if (const auto* message = string_member(*answer, "message"))
            return one_line(*message);
    return one_line(body);
}

std::string one_line(std::string_view text) {
    auto end = std::min(text.size(), message_bytes_max);
    while (end > 0 && end < text.size() && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80)
        --end;  // not within a character
    std::string out(text.substr(0, end));
    std::ranges::replace_if(out, [](char c) { return static_cast<unsigned char>(c) < 0x20; }, ' ');
    while (out.ends_with(' '))
        out.pop_back();
    if (text.size() > message_bytes_max)
        out += "…";
    return out;
}

error refusal(int status, std::string_view body) {
    auto message = message_in(body);
    if (message.empty())
        message = fmt::format("status {} without a reason", status);
    const auto code = [&] {
        if (message.contains("no space left on device"))
            return errc::no_space;
        switch (status) {
            case 400:
                return errc::invalid_request;
            case 404:
                return errc::no_such_image;
            case 503:
                return errc::unavailable;
            default:
                return errc::refused;
        }
    }();
    return {code, fmt::format("Docker: {}", message)};
}

}  // namespace dm::docker
