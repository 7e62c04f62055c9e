#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <string>

#include "aio/event.hpp"
#include "oci/registry/name_resolver.hpp"

namespace dm::registry {

/// Names in memory, for tests: what a repository's or root's tags mean. `expecting` holds expect()
/// back until `changed` is notified.
class memory_resolver final : public name_resolver {
  public:
    explicit memory_resolver(executor ex) : changed(std::move(ex)) {}

    static std::string key(const oci::name_form& name) {
        if (const auto* root = std::get_if<multiformats::cid>(&name))
            return root->to_v1().to_string();
        return std::get<oci::repository_name>(name).to_string();
    }

    awaitable<bool> knows(oci::name_form name) override { co_return images.contains(key(name)); }

    awaitable<std::optional<resolved_tag>> resolve(oci::name_form name, std::string tag,
                                                   reach how) override {
        if (how == reach::upstream && upstream.contains(tag))
            co_return upstream.at(tag);
        const auto image = images.find(key(name));
        if (image == images.end())
            co_return std::nullopt;
        const auto found = image->second.find(tag);
        co_return found == image->second.end() ? std::nullopt : std::optional(found->second);
    }

    awaitable<std::vector<std::string>> tags(oci::name_form name) override {
        std::vector<std::string> out;
        for (const auto& [tag, what] : images.at(key(name)))
            out.push_back(tag);
        co_return out;
    }

    awaitable<bool> includes(oci::name_form name, crypto::digest what) override {
        const auto image = images.find(key(name));
        if (image == images.end())
            co_return false;
        co_return std::ranges::any_of(image->second, [&](const auto& tag) {
            return tag.second.digest == what || parts.contains({tag.second.digest, what});
        });
    }

    awaitable<bool> expect(oci::name_form, crypto::digest what, reach how) override {
        if (how == reach::upstream && fetch)
            co_return co_await fetch(what);
        if (!expecting)
            co_return false;
        co_await changed.wait();
        co_return expecting;
    }

    std::map<std::string, std::map<std::string, resolved_tag>> images;
    awaitable<std::string> source_of(crypto::digest) override { co_return source; }

    std::set<std::pair<crypto::digest, crypto::digest>> parts;  ///< of images
    std::map<std::string, resolved_tag> upstream;               ///< tags, whatever the name
    std::function<awaitable<bool>(crypto::digest)> fetch;       ///< from upstream
    std::string source;
    bool expecting = false;
    aio::event changed;
};

}  // namespace dm::registry
