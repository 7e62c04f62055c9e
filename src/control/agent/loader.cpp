#include "control/agent/loader.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/log.hpp"
#include "control/agent/errc.hpp"
#include "multiformats/dockerize.hpp"

namespace dm::agent {

std::string load_source(const std::string& registry_address, const oci::image_record& record) {
    const auto name = multiformats::dockerize(record.root);
    return fmt::format("{}/{}@{}", registry_address, name ? *name : record.root.to_string(),
                       record.digest.to_string());
}

namespace {

/// A pull takes minutes, and people tag meanwhile: a last look before the name is set.
awaitable<bool> is_taken(engine::image_engine& engine, const ownership& owned,
                         const load_request& what) {
    const auto there = co_await engine.inspect(what.name);
    co_return there && !what.replace && !owned.has({what.name, there->id}) &&
        std::ranges::find(what.ids, there->id) == what.ids.end();
}

}  // namespace

awaitable<void> load_image(engine::image_engine& engine, ownership& owned, load_request what,
                           engine::progress_listener listen) {
    std::string id;
    for (const auto& candidate : what.ids)
        if (const auto there = co_await engine.inspect(candidate)) {
            id = there->id;
            break;
        }
    const bool pulled = id.empty();
    if (pulled)
        id = co_await engine.pull(what.source, std::nullopt, std::move(listen));
    if (std::ranges::find(what.ids, id) == what.ids.end())
        raise(errc::wrong_image, fmt::format("the engine loaded {} where {} was expected", id,
                                             fmt::join(what.ids, " or ")));
    if (co_await is_taken(engine, owned, what)) {
        if (pulled)
            co_await engine.remove(what.source, id);
        raise(errc::name_taken,
              fmt::format("{} is another image that DistroMash did not place", what.name));
    }
    co_await owned.add({what.name, id});
    co_await engine.tag(id, what.name);
    const auto alias = co_await engine.remove(what.source, id);
    log::info("image loaded", {{"image", what.name},
                               {"id", id},
                               {"pulled", pulled ? "yes" : "no"},
                               {"alias", alias.reason.empty() ? "dropped" : alias.reason}});
}

}  // namespace dm::agent
