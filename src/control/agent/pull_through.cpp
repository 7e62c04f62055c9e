#include "control/agent/pull_through.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "aio/timeout.hpp"
#include "base/json/read.hpp"
#include "base/log.hpp"
#include "oci/importer/blob_fetch.hpp"
#include "oci/manifest.hpp"

namespace dm::agent {
namespace {

/// Local key of what a tag meant; its value is a digest and when upstream said so.
constexpr std::string_view tag_prefix = "mirrored/";
/// Repositories in which a blob is remembered to be.
constexpr std::size_t repositories_of_blob_max = 16;

wall_time wall_now() {
    return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

steady_time now() {
    return std::chrono::steady_clock::now();
}

/// Upstream has answered, and has no such thing for us.
bool is_no(const failure& e) {
    const auto c = dm::condition_of(e.code());
    return c == condition::not_found || c == condition::unauthorized || c == condition::forbidden;
}

}  // namespace

/// Notes where the bytes come from.
class pull_through::watched_source final : public importer::image_source {
  public:
    watched_source(std::unique_ptr<image_source> of, std::function<void(const char*)> began)
        : of_(std::move(of)), began_(std::move(began)) {}

    awaitable<importer::found_manifest> resolve() override { return of_->resolve(); }
    awaitable<importer::found_manifest> manifest(oci::descriptor what) override {
        return of_->manifest(std::move(what));
    }
    awaitable<bool> fill(oci::descriptor what, store::arrival& into,
                         std::function<void(std::uint64_t)> received) override {
        return of_->fill(std::move(what), into, [this, received](std::uint64_t n) {
            began_("peer");
            received(n);
        });
    }
    awaitable<void> blob(oci::descriptor what, std::uint64_t offset,
                         importer::byte_sink& sink) override {
        began_("upstream");
        return of_->blob(std::move(what), offset, sink);
    }
    std::string name() const override { return of_->name(); }

  private:
    std::unique_ptr<image_source> of_;
    std::function<void(const char*)> began_;
};

pull_through::pull_through(executor ex, state::table& local, store::content_store& store,
                           image_origin& origin, pull_through_options o)
    : local_(local),
      store_(store),
      origin_(origin),
      options_(o),
      places_(ex, o.fetches_max),
      changed_(ex),
      watching_(store.arrivals().add([this](const crypto::digest&) { changed_.notify_all(); })),
      group_(ex) {}

awaitable<void> pull_through::stop() {
    co_await group_.stop();
    changed_.notify_all();
}

std::optional<pull_through::remembered> pull_through::recall(const std::string& name) const {
    const auto text = local_.find(std::string(tag_prefix) + name);
    if (!text)
        return std::nullopt;
    const auto value = nlohmann::json::parse(*text, nullptr, false);
    const auto* digest = json::string_member(value, "digest");
    const auto checked = json::unsigned_member(value, "checked");
    const auto d = digest ? crypto::parse_digest(*digest) : fail(crypto::errc::malformed_digest);
    if (!d || !checked)
        return std::nullopt;
    return remembered{*d, wall_time(std::chrono::milliseconds(*checked))};
}

awaitable<void> pull_through::remember(std::string name, crypto::digest digest) {
    const auto all = local_.list(tag_prefix);
    if (all.size() >= mirrored_tags_max && !recall(name)) {
        std::optional<std::pair<wall_time, std::string>> oldest;
        for (const auto& [key, value] : all) {
            const auto entry = recall(std::string(key.substr(tag_prefix.size())));
            const auto when = entry ? entry->checked : wall_time{};
            if (!oldest || when < oldest->first)
                oldest.emplace(when, std::string(key));
        }
        co_await local_.erase(oldest->second);
    }
    const auto checked =
        std::chrono::duration_cast<std::chrono::milliseconds>(wall_now().time_since_epoch());
    co_await local_.set(
        std::string(tag_prefix) + name,
        nlohmann::json{{"digest", digest.to_string()}, {"checked", checked.count()}}.dump());
}

/// nullopt: there is no such tag. Throws when upstream cannot say.
awaitable<std::optional<crypto::digest>> pull_through::ask_upstream(oci::reference name) {
    const auto rest = resting_.find(name.domain);
    if (rest != resting_.end() && now() < rest->second)
        throw failure({make_error_code(std::errc::host_unreachable),
                       fmt::format("{} did not answer a moment ago", name.domain)});
    std::optional<error> failed;
    try {
        co_return co_await aio::with_timeout(origin_.resolve(name), options_.resolve_timeout);
    } catch (const failure& e) {
        if (is_no(e))
            co_return std::nullopt;
        failed = e.reason();
    }
    if (failed->code == aio::errc::timed_out)
        failed->detail = fmt::format("{} does not answer", name.domain);
    resting_.insert_or_assign(name.domain, now() + options_.upstream_rest);
    throw failure(*failed);
}

awaitable<std::optional<registry::resolved_tag>> pull_through::resolve(
    oci::reference name, std::optional<crypto::digest> known) {
    const auto key = name.canonical();
    while (resolving_.contains(key))
        co_await changed_.wait();
    auto before = recall(key);
    const auto age = before ? wall_now() - before->checked : wall_time::duration::max();
    if (before && age >= wall_time::duration{} && age < options_.tag_ttl)
        co_return registry::resolved_tag{before->digest};
    resolving_.insert(key);
    struct done {
        pull_through& of;
        const std::string& key;
        ~done() {
            of.resolving_.erase(key);
            of.changed_.notify_all();
        }
    } const at_end{*this, key};
    std::optional<error> silent;
    std::optional<crypto::digest> found;
    try {
        found = co_await ask_upstream(name);
    } catch (const failure& e) {
        if (!before && !known)
            throw;
        silent = e.reason();
    }
    if (silent) {
        log::warn("upstream does not answer: its tag means what it did before",
                  {{"image", name.familiar()}, {"reason", silent->message()}});
        co_return registry::resolved_tag{before ? before->digest : *known, {}, true};
    }
    if (!found)
        co_return std::nullopt;
    co_await remember(key, *found);
    co_return registry::resolved_tag{*found};
}

awaitable<bool> pull_through::bring(oci::repository_name where, crypto::digest what) {
    bool took_part = false;
    for (;;) {
        if (store_.arriving(what) || co_await store_.find(what))
            co_return true;
        const auto it = fetches_.find(what);
        const bool under_way = it != fetches_.end() && !it->second.ended;
        if (!under_way) {
            if (took_part)
                co_return false;
            fetches_.insert_or_assign(what, fetch{});
            group_.spawn("pull through", run(where, what));
            took_part = true;
        } else if (it->second.source.empty()) {
            took_part = true;
        }  // else it has just failed, and this is another try
        co_await changed_.wait();
    }
}

awaitable<void> pull_through::run(oci::repository_name where, crypto::digest what) {
    std::optional<error> failed;
    try {
        const auto place = co_await places_.acquire();
        co_await fetch_one(where, what);
    } catch (const failure& e) {
        failed = e.reason();  // those who wait are told that it cannot be had
        log::info(
            "not to be had",
            {{"image", where.to_string()}, {"digest", what.to_string()}, {"reason", e.what()}});
    }
    auto& f = fetches_[what];
    f.ended = true;
    f.failed = failed.has_value();
    ended_.push_back(what);
    if (ended_.size() > mirrored_sources_max) {
        const auto old = fetches_.find(ended_.front());
        if (old != fetches_.end() && old->second.ended)
            fetches_.erase(old);
        ended_.pop_front();
    }
    changed_.notify_all();
}

void pull_through::began(const crypto::digest& what, const char* source) {
    auto& f = fetches_[what];
    if (f.source == source)
        return;
    f.source = source;
    changed_.notify_all();
}

awaitable<void> pull_through::fetch_one(oci::repository_name where, crypto::digest what) {
    if (co_await store_.find(what))
        co_return;  // it has come while somebody looked for it
    oci::reference image{where.domain, where.path, {}, what};
    watched_source source(origin_.open(image),
                          [this, what](const char* from) { began(what, from); });
    auto as = co_await describe(where, what);
    const bool is_manifest =
        !as || as->kind() == oci::media_kind::manifest || as->kind() == oci::media_kind::index;
    if (is_manifest) {
        oci::descriptor wanted;
        wanted.digest = what;
        const auto found = co_await source.manifest(as ? *as : wanted);
        began(what, found.media_type.empty() ? "peer" : "upstream");
        learn(where, found.raw);  // before anybody who has it asks for its blobs
        co_await store_.put(what, found.raw);
        co_return;
    }
    auto lease = co_await store_.receive(what, as->size);
    if (!lease)
        co_return;  // an import brings it
    co_await importer::fetch_blob(store_, source, *as, *std::move(lease), [](std::uint64_t) {});
}

/// What a manifest that has passed says of the blob.
awaitable<std::optional<oci::descriptor>> pull_through::describe(oci::repository_name where,
                                                                 crypto::digest what) {
    if (const auto it = known_.find(what); it != known_.end())
        co_return it->second.as;
    // After a restart: from the manifests that are still here.
    std::vector<crypto::digest> tops;
    const auto prefix = fmt::format("{}{}:", tag_prefix, where.to_string());
    for (const auto& [key, value] : local_.list(prefix))
        if (const auto entry = recall(std::string(key.substr(tag_prefix.size()))))
            tops.push_back(entry->digest);
    for (const auto& top : tops)
        co_await learn_from(where, top);
    const auto it = known_.find(what);
    co_return it == known_.end() ? std::nullopt : std::optional(it->second.as);
}

awaitable<void> pull_through::learn_from(oci::repository_name where, crypto::digest manifest) {
    std::deque<crypto::digest> todo{manifest};
    std::set<crypto::digest> seen{manifest};
    while (!todo.empty()) {
        const auto d = todo.front();
        todo.pop_front();
        const auto stored = co_await store_.find(d);
        if (!stored || stored->size > oci::manifest_bytes_max)
            continue;
        const auto raw = co_await store_.read(d, oci::manifest_bytes_max);
        learn(where, raw);
        const auto document = oci::parse_document(raw);
        const auto* index = document ? std::get_if<oci::image_index>(&*document) : nullptr;
        if (index)
            for (const auto& entry : index->manifests)
                if (seen.insert(entry.digest).second)
                    todo.push_back(entry.digest);
    }
}

bool pull_through::names(const oci::repository_name& where, const crypto::digest& what) const {
    const auto it = known_.find(what);
    return it != known_.end() && it->second.repositories.contains(where.to_string());
}

void pull_through::learn(const oci::repository_name& where, byte_view manifest) {
    const auto document = oci::parse_document(manifest);
    if (!document)
        return;
    const auto add = [this, &where](const oci::descriptor& d) {
        const auto [it, is_new] = known_.try_emplace(d.digest, described{d, {}});
        if (it->second.repositories.size() < repositories_of_blob_max)
            it->second.repositories.insert(where.to_string());
        if (!is_new)
            return;
        known_order_.push_back(d.digest);
        if (known_order_.size() > mirrored_blobs_max) {
            known_.erase(known_order_.front());
            known_order_.pop_front();
        }
    };
    if (const auto* m = std::get_if<oci::manifest>(&*document)) {
        for (const auto& blob : oci::stored_blobs(*m))
            add(blob);
    } else {
        for (const auto& entry : std::get<oci::image_index>(*document).manifests)
            add(entry);
    }
}

awaitable<std::string> pull_through::source_of(crypto::digest what) {
    for (;;) {
        const auto it = fetches_.find(what);
        if (it == fetches_.end())
            co_return std::string();
        if (!it->second.source.empty() || it->second.ended)
            co_return it->second.source;
        co_await changed_.wait();
    }
}

}  // namespace dm::agent
