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

awaitable<std::optional<engine::image>> find_image(engine::image_engine& engine,
                                                   const std::vector<std::string>& ids) {
    for (const auto& id : ids)
        if (auto there = co_await engine.inspect(id))
            co_return there;
    co_return std::nullopt;
}

bool has_no_name(const engine::image& there) {
    return there.repo_tags.empty() && there.repo_digests.empty();
}

/// Nothing came of it, so nothing is ours. An engine that cannot be asked now is asked later, by
/// what is written down.
awaitable<void> disown_if_absent(engine::image_engine& engine, ownership& owned,
                                 const load_request& what) {
    if (co_await find_image(engine, what.ids))
        co_return;
    for (const auto& id : what.ids)
        co_await owned.remove({what.name, id});
}

awaitable<std::string> pull(engine::image_engine& engine, ownership& owned,
                            const load_request& what, engine::progress_listener listen) {
    for (const auto& id : what.ids)
        co_await owned.add({what.name, id});
    std::exception_ptr failed;
    try {
        co_return co_await engine.pull(what.source, std::nullopt, std::move(listen));
    } catch (const failure&) {
        failed = std::current_exception();
    }
    try {
        co_await disown_if_absent(engine, owned, what);
    } catch (const failure& e) {
        log::debug("what a failed pull left is not known", {{"reason", e.what()}});
    }
    std::rethrow_exception(failed);
}

}  // namespace

awaitable<void> load_image(engine::image_engine& engine, ownership& owned, load_request what,
                           engine::progress_listener listen) {
    const auto there = co_await find_image(engine, what.ids);
    const bool pulled = !there;
    const bool is_ours = pulled || !has_no_name(*there) || owned.has_image(there->id);
    const auto id = pulled ? co_await pull(engine, owned, what, std::move(listen)) : there->id;
    for (const auto& other : what.ids)
        if (other != id && owned.has({what.name, other}))
            co_await owned.remove({what.name, other});
    if (std::ranges::find(what.ids, id) == what.ids.end())
        raise(errc::wrong_image, fmt::format("the engine loaded {} where {} was expected", id,
                                             fmt::join(what.ids, " or ")));
    if (co_await is_taken(engine, owned, what)) {
        if (pulled) {
            co_await engine.remove(what.source, id);
            co_await owned.remove({what.name, id});
        }
        raise(errc::name_taken,
              fmt::format("{} is another image that DistroMash did not place", what.name));
    }
    if (is_ours)
        co_await owned.add({what.name, id});
    co_await engine.tag(id, what.name);
    const auto alias = co_await engine.remove(what.source, id);
    log::info("image loaded", {{"image", what.name},
                               {"id", id},
                               {"pulled", pulled ? "yes" : "no"},
                               {"ours", is_ours ? "yes" : "no"},
                               {"alias", alias.reason.empty() ? "dropped" : alias.reason}});
}

}  // namespace dm::agent
