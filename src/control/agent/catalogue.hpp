#pragma once

#include <functional>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "control/plan/record.hpp"
#include "control/plan/strategy.hpp"
#include "mesh/state/table.hpp"
#include "oci/image_record.hpp"

namespace dm::agent {

/// The fleet's records, decoded: images, what names mean, strategies, nodes. Follows the shared
/// state; a record that cannot be read is logged and left alone.
class catalogue {
  public:
    explicit catalogue(state::table& shared);

    const std::map<crypto::digest, oci::image_record>& images() const noexcept { return images_; }
    const oci::image_record* image(const crypto::digest& digest) const;
    const oci::image_record* image_with_root(const multiformats::cid& root) const;

    /// By canonical name with tag, without digest.
    const std::map<std::string, plan::name_record>& names() const noexcept { return names_; }
    const plan::name_record* name(const oci::reference& ref) const;
    std::vector<const plan::name_record*> names_of(const crypto::digest& image) const;

    /// By id.
    const std::map<std::string, plan::strategy>& strategies() const noexcept { return strategies_; }
    const std::map<std::string, plan::node_record>& nodes() const noexcept { return nodes_; }

    /// What operators call nodes, by id.
    const std::map<std::string, plan::label_record>& labels() const noexcept { return labels_; }
    /// What an operator calls a node; nullptr when nobody did.
    const plan::label_record* labels_of(const multiformats::peer_id& node) const;

    /// Why this node may not write strategies and names; nullopt when it may.
    std::optional<error> refusal() const;
    /// Throws what refusal() says.
    void require_operator() const;

    /// What this node has seen to be true of an image, because it has all of it: records that say
    /// otherwise are not believed from now on. True when the one that is there does.
    bool certify(const oci::image_record& image);

    /// What was imported and how it is called, in one step. No image: the name only. A name that
    /// this node may not write is left out where there is an image.
    awaitable<void> put(const oci::image_record* image, const plan::name_record& name);
    awaitable<void> put(const plan::strategy& r);
    awaitable<void> put(const plan::node_record& r);
    awaitable<void> put(const plan::label_record& r);
    awaitable<void> erase_strategy(std::string id);
    awaitable<void> erase_image(crypto::digest digest);
    awaitable<void> erase_name(std::string canonical);

    /// Called after each change of a record, with its key.
    void on_change(std::function<void(const state::change&)> f) { on_change_ = std::move(f); }

  private:
    void apply(const state::change& written);
    bool is_untrue(const crypto::digest& image, std::string_view record) const;

    state::table& shared_;
    std::map<crypto::digest, oci::image_record> images_;
    std::map<crypto::digest, oci::image_record> certified_;
    std::map<std::string, plan::name_record> names_;
    std::map<std::string, plan::strategy> strategies_;
    std::map<std::string, plan::node_record> nodes_;
    std::map<std::string, plan::label_record> labels_;
    std::function<void(const state::change&)> on_change_;
    state::table::subscription watching_;
};

/// "docker.io/library/busybox:1.35.0": the canonical name without digest; a name without a tag has
/// none.
std::string name_key(const oci::reference& ref);

}  // namespace dm::agent
