#include "base/log.hpp"
#include "control/agent/snapshot.hpp"
#include "runtime/engine/errc.hpp"

namespace dm::agent {

awaitable<agent::snapshot> agent::observe() {
    snapshot s;
    for (const auto& [id, strategy] : catalogue_.strategies())
        s.strategies.push_back(strategy);
    s.members = members();
    s.placed = owned_.all();
    co_await observe_images(s);
    co_await observe_engine(s);
    const auto disk = co_await store_.stat();
    const auto evictable = disk.blob_bytes - disk.pinned_bytes;
    s.bytes_available = disk.disk_free_bytes + evictable;
    if (disk.size_max != 0)
        s.bytes_available =
            std::min(s.bytes_available, disk.size_max - std::min(disk.size_max, disk.pinned_bytes));
    s.bytes_unused = disk.disk_free_bytes;
    if (disk.size_max != 0)
        s.bytes_unused =
            std::min(s.bytes_unused, disk.size_max - std::min(disk.size_max, disk.blob_bytes));
    if (disk_free_bytes_ != disk.disk_free_bytes) {
        disk_free_bytes_ = disk.disk_free_bytes;
        report_stale_ = true;
        report_changed_.notify_all();
    }
    co_return s;
}

plan::node_record agent::own_record() const {
    plan::node_record self{.id = options_.self};
    self.platform = options_.platform;
    self.labels = options_.labels;
    self.addresses = options_.addresses;
    self.version = options_.version;
    return self;
}

/// This node first, as it is: also before its record is written, or when an older one is there.
std::vector<plan::node_record> agent::known_nodes() const {
    std::vector<plan::node_record> out{own_record()};
    for (const auto& [id, node] : catalogue_.nodes())
        if (node.id != options_.self && is_member(node.id))
            out.push_back(node);
    return out;
}

std::vector<plan::member> agent::members() const {
    std::vector<plan::member> out;
    for (const auto& node : known_nodes()) {
        presence::sighting seen{.since = started_steady_};
        if (options_.see && node.id != options_.self)
            seen = fleet_.sighting_of(node.id);
        out.push_back({.id = node.id,
                       .platform = node.platform,
                       .labels = labels_of(node),
                       .online = seen.state != presence::liveness::offline,
                       .since = seen.since,
                       .was_offline = seen.was_offline});
    }
    return out;
}

awaitable<void> agent::observe_images(snapshot& s) {
    std::set<crypto::digest> of_interest;
    for (const auto& strategy : s.strategies)
        if (strategy.digest)
            of_interest.insert(*strategy.digest);
    std::set<crypto::digest> pinned;
    for (const auto& pin : co_await store_.pins(std::string(strategy_pin_prefix)))
        if (const auto digest =
                crypto::parse_digest(std::string_view(pin.name).substr(strategy_pin_prefix.size())))
            pinned.insert(*digest);
    of_interest.insert(pinned.begin(), pinned.end());
    for (const auto& [digest, record] : catalogue_.images())
        of_interest.insert(digest);

    std::set<crypto::digest> complete;
    for (const auto& digest : of_interest) {
        plan::image_view view;
        view.digest = digest;
        view.pinned = pinned.contains(digest);
        if (const auto* record = catalogue_.image(digest)) {
            view.record = &s.records.emplace_back(*record);
            if (const auto needed = oci::needed_blobs(*record, options_.platform)) {
                std::vector<crypto::digest> digests;
                for (const auto& blob : *needed)
                    digests.push_back(blob.digest);
                for (const auto& missing : co_await store_.missing(std::move(digests)))
                    view.bytes_missing += view.record->find(missing)->size + 1;
                view.complete = view.bytes_missing == 0;
                if (view.complete)
                    complete.insert(digest);
            }
        }
        view.holders = fleet_.holders(digest);
        view.import_seen =
            import_seen_.try_emplace(digest, std::chrono::steady_clock::now()).first->second;
        s.images.push_back(std::move(view));
    }
    if (complete_ != complete) {
        complete_ = std::move(complete);
        notify("node", about_node(options_.self));
    }
}

awaitable<void> agent::observe_engine(snapshot& s) {
    s.engine.present = engine_present_;
    s.engine.available = engine_available_;
    if (!engine_present_ || !engine_available_)
        co_return;
    std::set<std::string> names;
    for (const auto& strategy : s.strategies)
        names.insert(strategy.image.engine_name());
    for (const auto& p : s.placed) {
        names.insert(p.name);
        names.insert(p.image_id);
    }
    try {
        std::vector<std::string> wanted(names.begin(), names.end());
        for (auto& there : co_await engine_.list(std::move(wanted))) {
            auto& image = s.engine.images.emplace_back();
            if (const auto known = users_.find(there.id); known != users_.end())
                image.containers = known->second;
            image.id = std::move(there.id);
            image.names = std::move(there.repo_tags);
        }
    } catch (const failure& e) {
        // An engine in doubt is left alone: it may be down, or somebody removes the image that was
        // just looked at. The rest of the node goes on.
        log::warn("engine in doubt", {{"reason", e.what()}});
        s.engine.available = s.whole = false;
        engine_trouble_ = e.what();
        if (e.code() == engine::errc::unavailable) {
            engine_available_ = false;
            engine_in_doubt_ = true;
            engine_doubted_.notify_all();
        }
    }
}

}  // namespace dm::agent
