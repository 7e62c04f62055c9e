#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/log.hpp"
#include "content/unixfs/node.hpp"
#include "control/agent/loader.hpp"
#include "control/agent/snapshot.hpp"
#include "oci/image_layout.hpp"
#include "oci/importer/ipfs_source.hpp"

/// What the agent's plan is carried out with.
namespace dm::agent {
namespace {

const char* name_of(importer::progress::phase p) {
    switch (p) {
        case importer::progress::phase::resolving:
            return "resolving";
        case importer::progress::phase::fetching:
            return "fetching";
        case importer::progress::phase::finishing:
            return "finishing";
    }
    return "";
}

}  // namespace

bool covers(const oci::image_record& now, const oci::image_record& old) {
    return std::ranges::all_of(old.platforms, [&](const oci::image_platform& p) {
        return !p.is_imported() ||
               std::ranges::any_of(now.platforms, [&](const oci::image_platform& q) {
                   return q.manifest == p.manifest && q.is_imported();
               });
    });
}

awaitable<void> agent::run_import(import_order order, transfers::entry entry) {
    entry->digest = order.digest.to_string();
    import_seen_[order.digest] = std::chrono::steady_clock::now();
    plan::name_record name;
    name.name = order.image;
    name.digest = order.digest;
    name.name.digest.reset();
    if (name.name.tag.empty())  // as engines call an image that is known by digest only
        name.name.tag = "sha256-" + order.digest.hex().substr(0, 12);
    arriving_.insert_or_assign(entry->id, name);
    struct forget {
        std::map<std::string, plan::name_record>& from;
        std::string id;
        ~forget() { from.erase(id); }
    } const at_end{arriving_, entry->id};

    auto exact = order.image;
    exact.digest = order.digest;
    std::unique_ptr<importer::image_source> source;
    if (order.tree && options_.peers)
        source = std::make_unique<importer::ipfs_source>(*options_.peers, *order.tree);
    else
        source = origin_.open(exact);
    const auto import = [&](const oci::platform_choice& platforms) {
        return importer_.import(*source, platforms, order.pin, [&](const importer::progress& p) {
            entry->phase = name_of(p.at);
            entry->bytes_from_source = p.bytes_from_source;
            entry->missing = p.missing;
            transfers_.progress(entry, p.bytes_done, p.bytes_total);
        });
    };
    auto record = co_await import(order.platforms);
    const auto turn = co_await record_writer_.acquire();
    const bool was_untrue = catalogue_.certify(record);
    // What is here of other platforms costs nothing, and a new record must not know less.
    auto all_here = co_await with_platforms_here(order.digest, order.platforms);
    if (all_here != order.platforms) {
        const auto missing = entry->missing;
        record = co_await import(all_here);
        entry->missing = missing;
    }
    if (!order.keep_as.empty())
        co_await store_.move_pin(order.pin, order.keep_as);
    entry->root = record.root.to_string();
    name.updated = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
    const auto* known = catalogue_.image(record.digest);
    // In one step, and the last one: with it the plan wants no import any more and cancels it.
    co_await catalogue_.put(!known || was_untrue || covers(record, *known) ? &record : nullptr,
                            name);
    layout_stale_ = true;  // the records may have been known before the blobs were here
    notify("image",
           nlohmann::json{{"digest", record.digest.to_string()}, {"name", order.image.familiar()}}
               .dump());
}

awaitable<oci::platform_choice> agent::with_platforms_here(crypto::digest image,
                                                           oci::platform_choice asked) {
    const auto* known = catalogue_.image(image);
    if (asked.all || !known)
        co_return asked;
    const auto platforms = known->platforms;
    for (const auto& p : platforms)
        if (p.is_imported() && std::ranges::find(asked.listed, p.platform) == asked.listed.end() &&
            (co_await store_.missing(p.blobs)).empty())
            asked.listed.push_back(p.platform);
    std::ranges::sort(asked.listed);
    co_return asked;
}

awaitable<void> agent::import_for_strategy(crypto::digest image, std::string strategy,
                                           std::vector<oci::platform> platforms) {
    const auto it = catalogue_.strategies().find(strategy);
    if (it == catalogue_.strategies().end())
        co_return;
    const auto ref = it->second.image;
    const auto entry = transfers_.begin(transfer_kind::import, ref.familiar(), ref.domain);
    if (platforms.empty())
        platforms.push_back(options_.platform);
    try {
        co_await run_import({ref, image, {false, std::move(platforms)}, strategy_pin(image)},
                            entry);
        transfers_.done(entry);
    } catch (const std::exception& e) {
        transfers_.failed(entry, error_of(e));  // for those who watch; the task table retries
        throw;
    }
}

awaitable<void> agent::load(std::string name, crypto::digest image, bool replace) {
    const auto* known = catalogue_.image(image);
    if (!known)
        co_return;
    const auto record = *known;
    const auto entry = transfers_.begin(transfer_kind::load, name, "store");
    entry->digest = image.to_string();
    entry->root = record.root.to_string();
    try {
        co_await load_image(engine_, owned_,
                            {name, load_source(options_.registry_address, record),
                             plan::engine_ids(record, options_.platform), replace},
                            [&](const engine::pull_progress& p) {
                                entry->phase =
                                    p.downloaded_bytes < p.total_bytes ? "pulling" : "extracting";
                                transfers_.progress(entry, p.extracted_bytes, p.total_bytes);
                            });
        transfers_.done(entry);
    } catch (const std::exception& e) {
        load_ended_[name] = std::chrono::steady_clock::now();
        transfers_.failed(entry, error_of(e));
        throw;
    }
}

awaitable<void> agent::take_away(plan::placed_name what, bool nameless) {
    const auto name = nameless ? what.image_id : what.name;
    co_await drop_alias(what.image_id);
    const auto gone = co_await engine_.remove(name, what.image_id);
    switch (gone.what) {
        case engine::removal::outcome::removed:
        case engine::removal::outcome::untagged:
        case engine::removal::outcome::absent:
        case engine::removal::outcome::other_image:
            co_await owned_.remove(what);
            log::info("image taken away",
                      {{"image", what.name}, {"id", what.image_id}, {"reason", gone.reason}});
            break;
        case engine::removal::outcome::in_use: {
            auto& users = users_[what.image_id];
            users.clear();
            for (const auto& c : gone.users)
                users.push_back(fmt::format("{} ({})", c.name, c.id.substr(0, 12)));
            if (users.empty())
                users.push_back(gone.reason);
            log::info("image kept",
                      {{"image", what.name}, {"id", what.image_id}, {"reason", gone.reason}});
            break;
        }
    }
}

awaitable<void> agent::drop_alias(std::string image_id) {
    for (const auto& [digest, record] : catalogue_.images()) {
        const auto ids = plan::engine_ids(record, options_.platform);
        if (std::ranges::find(ids, image_id) == ids.end())
            continue;
        const auto source = load_source(options_.registry_address, record);
        if (co_await engine_.inspect(source))
            co_await engine_.remove(source, image_id);
        co_return;
    }
}

awaitable<void> agent::pin_for_strategies(crypto::digest image) {
    const auto* known = catalogue_.image(image);
    if (!known)
        co_return;
    const auto record = *known;
    const auto needed = oci::needed_blobs(record, options_.platform);
    if (!needed)
        co_return;
    std::vector<crypto::digest> digests;
    for (const auto& blob : *needed)
        digests.push_back(blob.digest);
    co_await store_.pin(strategy_pin(image), std::move(digests), co_await tree_nodes(record.root));
}

/// The folders of an image tree that are here: the root and what is right below it.
awaitable<std::vector<store::dag_node>> agent::tree_nodes(multiformats::cid root) {
    std::vector<store::dag_node> out;
    std::vector<multiformats::cid> todo{root};
    for (std::size_t i = 0; i < todo.size(); ++i) {
        const auto block = co_await store_.block(todo[i]);
        if (!block)
            continue;
        out.push_back({todo[i], *block});
        const auto node = unixfs::parse_node(todo[i], *block);
        if (!node || !node->is_directory())
            continue;
        for (const auto& link : node->links)
            if (i == 0 || link.name.empty())  // a nameless link leads to another shard
                todo.push_back(link.target);
    }
    co_return out;
}

awaitable<void> agent::write_layout_index() {
    const auto turn = co_await layout_writer_.acquire();
    if (!std::exchange(layout_stale_, false))
        co_return;
    std::vector<oci::descriptor> rows;
    const auto names = catalogue_.names();  // of this moment: they change meanwhile
    for (const auto& [key, name] : names) {
        if (!catalogue_.image(name.digest) || !co_await store_.find(name.digest))
            continue;
        const auto* record = catalogue_.image(name.digest);
        const auto* top = record ? record->find(name.digest) : nullptr;
        if (!top)
            continue;
        oci::descriptor row;
        row.media_type = record->media_type;
        row.digest = record->digest;
        row.size = top->size;
        row.annotations[std::string(oci::ref_name_annotation)] = name.name.familiar();
        rows.push_back(std::move(row));
    }
    co_await store_.write_layout_index(oci::layout_index_text(rows));
}

}  // namespace dm::agent
