#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <deque>

#include "control/plan/plan.hpp"
#include "crypto/hash.hpp"

namespace dm::plan {

/// A node and its surroundings for tests: can be asked for a plan, and carry it out.
struct plan_world {
    static multiformats::peer_id peer(std::uint8_t number) {
        bytes hash{std::byte{0x12}, std::byte{0x20}};
        hash.resize(34, std::byte{number});
        return *multiformats::peer_id::from_bytes(hash);
    }
    static crypto::digest digest(std::string_view text) {
        return crypto::hash_of(crypto::hash_algorithm::sha256, as_bytes(text));
    }
    /// The engine's id of an image, by its digest or by what the digest is of.
    static std::string engine_id_of(const crypto::digest& image) {
        return digest(fmt::format("{} config", image.to_string())).to_string();
    }
    static std::string engine_id(std::string_view text) { return engine_id_of(digest(text)); }

    steady_time now{std::chrono::hours{24}};
    std::vector<strategy> strategies;
    std::vector<member> members{{.id = peer(0), .platform = {"linux", "amd64"}}};
    std::deque<oci::image_record> records;
    std::vector<image_view> images;
    engine_view engine;
    std::vector<placed_name> placed;
    std::uint64_t bytes_available = 1 << 30;
    std::uint64_t bytes_unused = 1 << 30;

    /// An image that nobody has imported yet.
    image_view& image(std::string_view text) {
        for (auto& i : images)
            if (i.digest == digest(text))
                return i;
        images.push_back({.digest = digest(text), .import_seen = now});
        return images.back();
    }

    /// One that is in the fleet, for these platforms; the last `sparse` of them not imported.
    image_view& imported(std::string_view text,
                         std::vector<oci::platform> platforms = {{"linux", "amd64"}},
                         std::size_t sparse = 0) {
        oci::image_record r{
            .digest = digest(text), .media_type = "", .root = {}, .blobs = {}, .platforms = {}};
        for (const auto& p : platforms) {
            const bool here = r.platforms.size() + sparse < platforms.size();
            const auto manifest = digest(fmt::format("{} {} manifest", text, p.to_string()));
            r.platforms.push_back({p, manifest, {}});
            if (here)
                r.platforms.back().blobs = {*crypto::parse_digest(engine_id(text))};
        }
        records.push_back(std::move(r));
        auto& i = image(text);
        i.record = &records.back();
        i.bytes_missing = 1000;
        return i;
    }

    image_view& complete(std::string_view text) {
        auto& i = imported(text);
        i.complete = true;
        i.bytes_missing = 0;
        return i;
    }

    /// Applies a percentage strategy for `name`, whose tag means image `text`.
    strategy& apply(std::string_view name, std::string_view text, unsigned p = 100) {
        strategy s;
        s.image = *oci::parse_reference(name);
        s.percentage = p;
        return put(std::move(s), text);
    }

    strategy& target(std::string_view name, std::string_view text,
                     std::vector<multiformats::peer_id> who) {
        strategy s;
        s.type = strategy_type::target;
        s.image = *oci::parse_reference(name);
        s.targets = std::move(who);
        std::ranges::sort(s.targets);
        return put(std::move(s), text);
    }

    strategy& put(strategy s, std::string_view text) {
        s.digest = digest(text);
        s.origin = members.front().id;
        s.updated = wall_time{std::chrono::seconds{++applied_}};
        std::erase_if(strategies, [&](const strategy& other) { return id_of(other) == id_of(s); });
        strategies.push_back(std::move(s));
        return strategies.back();
    }

    engine_image& in_engine(std::string_view id, std::vector<std::string> names) {
        engine.images.push_back({.id = std::string{id}, .names = std::move(names)});
        return engine.images.back();
    }

    outcome plan() const {
        return make_plan({.self = members.front().id,
                          .now = now,
                          .strategies = strategies,
                          .members = members,
                          .images = images,
                          .engine = engine,
                          .placed = placed,
                          .bytes_available = bytes_available,
                          .bytes_unused = bytes_unused});
    }

    /// "load busybox:1", "fetch", "untag busybox:1": the plan in short.
    std::vector<std::string> steps() const {
        std::vector<std::string> out;
        for (const auto& a : plan().actions)
            out.push_back(
                fmt::format("{}{}{}", name_of(a.kind), a.name.empty() ? "" : " ", a.name));
        return out;
    }

    /// "done", "conflict: …" of the newest strategy, or the given one.
    std::string status(std::size_t i = 0) const {
        const auto s = plan().statuses.at(i);
        return fmt::format("{}{}{}", name_of(s.phase), s.detail.empty() ? "" : ": ", s.detail);
    }

    void tag(std::string_view id, std::string_view name) {
        engine_image* there = nullptr;
        for (auto& i : engine.images) {
            std::erase(i.names, name);
            if (i.id == id)
                there = &i;
        }
        if (there == nullptr)
            there = &in_engine(id, {});
        there->names.emplace_back(name);
    }

    /// Docker's `rmi` without force: refused while a container uses the last name.
    void remove_name(std::string_view name) {
        const auto there = std::ranges::find_if(engine.images, [&](const engine_image& i) {
            return std::ranges::find(i.names, name) != i.names.end();
        });
        if (there == engine.images.end() ||
            (there->names.size() == 1 && !there->containers.empty()))
            return;
        std::erase(there->names, name);
        if (there->names.empty())
            engine.images.erase(there);
    }

    /// Does what an action says, as the reconciler will.
    void carry_out(const action& a) {
        const auto view = std::ranges::find_if(
            images, [&](const image_view& i) { return a.image && i.digest == *a.image; });
        switch (a.kind) {
            case action_kind::import_image:
                import(*view, a.platforms);
                break;
            case action_kind::fetch:
                view->complete = true;
                view->bytes_missing = 0;
                break;
            case action_kind::pin:
                view->pinned = true;
                break;
            case action_kind::unpin:
                view->pinned = false;
                break;
            case action_kind::load: {
                const auto id = engine_ids(*view->record, members.front().platform).front();
                placed.push_back({a.name, id});
                tag(id, a.name);
                break;
            }
            case action_kind::untag:
                remove_name(a.name);
                break;
            case action_kind::remove_image:
                std::erase_if(engine.images, [&](const engine_image& i) {
                    return i.id == a.image_id && i.names.empty() && i.containers.empty();
                });
                break;
            case action_kind::disown:
                std::erase(placed, placed_name{a.name, a.image_id});
                break;
        }
    }

    /// Until nothing is left to do; returns how many rounds it took, `rounds_max` if it never ends.
    std::size_t settle(std::size_t rounds_max = 10) {
        for (std::size_t round = 0; round < rounds_max; ++round) {
            const auto p = plan();
            if (p.actions.empty())
                return round;
            for (const auto& a : p.actions)
                carry_out(a);
        }
        return rounds_max;
    }

  private:
    void import(image_view& view, const std::vector<oci::platform>& platforms) {
        oci::image_record r = view.record != nullptr ? *view.record
                                                     : oci::image_record{.digest = view.digest,
                                                                         .media_type = "",
                                                                         .root = {},
                                                                         .blobs = {},
                                                                         .platforms = {}};
        for (const auto& p : platforms) {
            auto at = std::ranges::find(r.platforms, p, &oci::image_platform::platform);
            if (at == r.platforms.end())
                at = r.platforms.insert(at, {p, view.digest, {}});
            at->blobs = {*crypto::parse_digest(engine_id_of(view.digest))};
        }
        records.push_back(std::move(r));
        view.record = &records.back();
        view.complete = true;
    }

    int applied_ = 0;
};

}  // namespace dm::plan
