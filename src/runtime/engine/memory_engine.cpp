#include "runtime/engine/memory_engine.hpp"

#include <fmt/format.h>

#include <boost/asio/post.hpp>
#include <cassert>
#include <set>

#include "runtime/engine/name.hpp"

namespace dm::engine {

memory_engine::memory_engine(executor ex, image_store store)
    : executor_(ex), down_changed_(std::move(ex)) {
    info_ = {.name = "memory",
             .version = "1",
             .api_version = "1",
             .runs_on = {"linux", "amd64"},
             .store = store,
             .root_dir = "/"};
}

awaitable<void> memory_engine::begin() {
    co_await asio::post(executor_, use_awaitable);
    if (down_)
        raise(errc::unavailable, "the engine in memory is down");
    if (hanging_)
        raise(errc::unavailable, "the engine in memory does not answer");
}

awaitable<engine_info> memory_engine::info() {
    co_await begin();
    co_return info_;
}

awaitable<std::vector<image>> memory_engine::list(std::vector<std::string> names_or_ids) {
    for (const auto& name : names_or_ids)
        value_or_throw(split_name(name));
    co_await begin();
    std::set<std::string> ids;
    for (const auto& name : names_or_ids)
        if (auto id = find(name); !id.empty())
            ids.insert(std::move(id));
    std::vector<image> out;
    for (const auto& id : ids)
        out.push_back(shown(id));
    co_return out;
}

awaitable<std::string> memory_engine::pull(std::string source, std::optional<platform> wanted,
                                           progress_listener listener) {
    value_or_throw(split_full_name(source));
    co_await begin();
    pulled.push_back(source);
    const auto offer = offered_.find(source);
    if (offer == offered_.end())
        raise(errc::no_such_image, fmt::format("{} is not known", source));
    const auto what = offer->second;
    if (wanted && *wanted != what.runs_on)
        raise(errc::no_such_platform, fmt::format("no image for {}", to_string(*wanted)));

    layer_progress layer{.id = "000000000000",
                         .phase = layer_phase::downloading,
                         .total_bytes = what.size_bytes,
                         .downloaded_bytes = what.size_bytes / 2};
    const auto report = [&] {
        if (listener)
            listener({{layer}, layer.total_bytes, layer.downloaded_bytes, layer.extracted_bytes});
    };
    report();
    if (during_pull)
        co_await during_pull(source);
    co_await begin();
    layer.phase = layer_phase::complete;
    layer.downloaded_bytes = layer.extracted_bytes = what.size_bytes;
    report();

    images_.insert_or_assign(what.id, what);
    names_.insert_or_assign(familiar_name(source), what.id);
    tell({event::kind::image, "pull", source});
    co_return what.id;
}

awaitable<void> memory_engine::tag(std::string image_id, std::string name) {
    value_or_throw(split_tag_name(name));
    co_await begin();
    if (!images_.contains(image_id))
        raise(errc::no_such_image, fmt::format("{} is not there", image_id));
    tag_by_hand(image_id, name);
}

awaitable<removal> memory_engine::remove(std::string name, std::string image_id) {
    const auto parts = value_or_throw(split_full_name(name));
    co_await begin();
    const auto id = find(name);
    if (id.empty())
        co_return removal{};
    if (id != image_id)
        co_return removal{removal::outcome::other_image, {}, fmt::format("{} is {}", name, id)};
    const bool alias = !parts.digest.empty() && !shown(id).repo_tags.empty();
    if (auto users = users_of(id); !users.empty() && !alias)
        co_return removal{removal::outcome::in_use, std::move(users), "a container uses it"};
    const bool removed = drop_name(name);
    co_return removal{removed ? removal::outcome::removed : removal::outcome::untagged, {}, {}};
}

awaitable<void> memory_engine::changes(event_listener listener) {
    co_await begin();
    struct registration {
        std::list<event_listener>& all;
        std::list<event_listener>::iterator which;
        registration(std::list<event_listener>& list, event_listener one)
            : all(list), which(list.insert(list.end(), std::move(one))) {}
        registration(const registration&) = delete;
        registration& operator=(const registration&) = delete;
        ~registration() { all.erase(which); }
    } const mine(listeners_, std::move(listener));
    (*mine.which)({event::kind::connected, "connected", ""});
    while (!down_)
        co_await down_changed_.wait();
}

void memory_engine::offer(const std::string& source, image what) {
    offered_.insert_or_assign(source, std::move(what));
}

void memory_engine::set_down(bool down) {
    down_ = down;
    down_changed_.notify_all();
}

void memory_engine::add_container(const std::string& name_or_id, const std::string& container_name,
                                  bool running) {
    const auto id = find(name_or_id);
    assert(!id.empty() && "a container needs an image");
    containers_[container_name] = {id, {"id-of-" + container_name, container_name, running}};
}

void memory_engine::remove_container(const std::string& container_name) {
    if (containers_.erase(container_name) > 0)
        tell({event::kind::container, "destroy", container_name});
}

void memory_engine::load_by_hand(const image& what) {
    images_.insert_or_assign(what.id, what);
    tell({event::kind::image, "load", what.id});
}

void memory_engine::tag_by_hand(const std::string& name_or_id, const std::string& name) {
    names_.insert_or_assign(familiar_name(name), find(name_or_id));
    tell({event::kind::image, "tag", find(name)});
}

void memory_engine::remove_by_hand(const std::string& name) {
    if (!find(name).empty())
        drop_name(name);
}

std::string memory_engine::find(std::string_view name_or_id) const {
    if (const auto named = names_.find(familiar_name(name_or_id)); named != names_.end())
        return named->second;
    const auto identified = images_.find(std::string(name_or_id));
    return identified == images_.end() ? std::string() : identified->first;
}

std::vector<std::string> memory_engine::names_of(const std::string& image_id) const {
    std::vector<std::string> out;
    for (const auto& [name, id] : names_)
        if (id == image_id)
            out.push_back(name);
    return out;
}

image memory_engine::shown(const std::string& image_id) const {
    auto out = images_.at(image_id);
    out.repo_tags.clear();
    out.repo_digests.clear();
    for (const auto& name : names_of(image_id))
        (name.contains('@') ? out.repo_digests : out.repo_tags).push_back(name);
    return out;
}

std::vector<container> memory_engine::users_of(const std::string& image_id) const {
    std::vector<container> out;
    for (const auto& [name, held] : containers_)
        if (held.image_id == image_id && out.size() < users_max)
            out.push_back(held.what);
    return out;
}

/// True when the image went with its last name. As in Docker, digest names of a repository go with
/// its last tag.
bool memory_engine::drop_name(const std::string& name) {
    const auto id = find(name);
    const std::string repository(split_name(familiar_name(name))->repository);
    names_.erase(familiar_name(name));
    std::vector<std::string> digests;
    bool tagged = name.contains('@');
    for (const auto& other : names_of(id)) {
        if (split_name(other)->repository != repository)
            continue;
        if (other.contains('@'))
            digests.push_back(other);
        else
            tagged = true;
    }
    if (!tagged)
        for (const auto& digest : digests)
            names_.erase(digest);
    tell({event::kind::image, "untag", id});
    if (!names_of(id).empty())
        return false;
    images_.erase(id);
    tell({event::kind::image, "delete", id});
    return true;
}

void memory_engine::tell(const event& what) {
    for (const auto& listener : listeners_)
        listener(what);
}

}  // namespace dm::engine
