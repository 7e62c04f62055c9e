#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/log.hpp"
#include "control/agent/errc.hpp"
#include "control/agent/snapshot.hpp"
#include "oci/importer/ipfs_source.hpp"

/// Images that an operator imports by hand. They stay until they are removed by hand.
namespace dm::agent {
namespace {

/// What was asked for, as it is kept in the local table.
struct order_text {
    std::string image;
    std::vector<std::string> platforms;
    std::string tree;

    std::string to_string() const {
        return nlohmann::json{{"image", image}, {"platforms", platforms}, {"tree", tree}}.dump();
    }
};

std::optional<order_text> read_order(std::string_view text) {
    const auto value = nlohmann::json::parse(text, nullptr, false);
    if (!value.is_object())
        return std::nullopt;
    return order_text{value.value("image", ""),
                      value.value("platforms", std::vector<std::string>{}),
                      value.value("tree", "")};
}

std::vector<std::string> words_of(const oci::platform_choice& choice) {
    std::vector<std::string> out;
    if (choice.all)
        out.emplace_back("all");
    for (const auto& p : choice.listed)
        out.push_back(p.to_string());
    return out;
}

std::string arriving_pin(const std::string& job) {
    return std::string(arriving_pin_prefix) + job;
}

std::string importing_key(const std::string& job) {
    return std::string(importing_prefix) + job;
}

}  // namespace

awaitable<std::string> agent::import_image(oci::reference ref, oci::platform_choice platforms,
                                           std::optional<multiformats::cid> tree) {
    if (tree && !options_.peers)
        raise(errc::unknown_content, "this node has no peers to get it from");
    if (!ref.tag.empty())
        catalogue_.require_operator();  // for its name
    crypto::digest digest;
    if (tree)
        digest = (co_await importer::ipfs_source(*options_.peers, *tree).resolve()).digest;
    else
        digest = co_await digest_of(ref, true);
    const auto words = words_of(platforms);
    const auto job = fmt::format("{} {}", fmt::join(words, ","), digest.to_string());
    if (!imports_by_hand_.contains(job))
        co_await local_.set(
            importing_key(job),
            order_text{ref.canonical(), words, tree ? tree->to_string() : ""}.to_string());
    if (stopping_)
        raise(errc::stopping);
    if (const auto it = imports_by_hand_.find(job); it != imports_by_hand_.end())
        co_return it->second;
    co_return start_import_by_hand(ref, digest, std::move(platforms), std::move(tree), job);
}

std::string agent::start_import_by_hand(const oci::reference& ref, const crypto::digest& digest,
                                        oci::platform_choice choice,
                                        std::optional<multiformats::cid> tree, std::string job) {
    const auto entry = transfers_.begin(transfer_kind::import, ref.familiar(),
                                        tree ? "ipfs:" + tree->to_string() : ref.domain);
    entry->digest = digest.to_string();
    imports_by_hand_[job] = entry->id;
    auto work = import_by_hand({ref, digest, std::move(choice), arriving_pin(job),
                                importer::pin_name(digest), std::move(tree)},
                               job, entry);
    by_hand_.spawn(std::move(job), std::move(work));
    return entry->id;
}

awaitable<void> agent::import_by_hand(import_order order, std::string job, transfers::entry entry) {
    struct forget {
        agent& owner;
        const std::string& job;
        ~forget() {
            owner.imports_by_hand_.erase(job);
            owner.progressed_.notify_all();
            owner.wake();
        }
    } const at_end{*this, job};
    const auto pin = order.pin;
    std::optional<error> failed;
    try {
        co_await run_import(order, entry);
        co_await remember_kept(std::move(order));
        co_await write_layout_index();
    } catch (const std::exception& e) {
        failed = error_of(e);
    }
    if (failed && stopping_) {  // taken up again by resume_imports()
        transfers_.failed(entry, *std::move(failed));
        co_return;
    }
    // What was here before it is kept under other pins.
    co_await store_.unpin(pin);
    co_await local_.erase(importing_key(job));
    if (!failed) {
        transfers_.done(entry);
        co_return;
    }
    log::warn("import failed", {{"image", entry->image}, {"reason", failed->message()}});
    transfers_.failed(entry, *std::move(failed));  // where the operator looks for the outcome
}

/// Platforms add up.
awaitable<void> agent::remember_kept(import_order order) {
    auto platforms = order.platforms;
    if (const auto text = local_.find(kept_key(order.digest)))
        if (const auto before = read_order(*text))
            if (const auto known =
                    oci::parse_platform_choice(before->platforms, options_.platform)) {
                platforms.all = platforms.all || known->all;
                for (const auto& p : known->listed)
                    if (std::ranges::find(platforms.listed, p) == platforms.listed.end())
                        platforms.listed.push_back(p);
            }
    if (platforms.all)
        platforms.listed.clear();
    co_await local_.set(kept_key(order.digest),
                        order_text{order.image.canonical(), words_of(platforms),
                                   order.tree ? order.tree->to_string() : ""}
                            .to_string());
}

/// Those that a stop or a crash interrupted.
awaitable<void> agent::resume_imports() {
    for (const auto& [key, value] : local_.list(importing_prefix)) {
        auto job = std::string(key.substr(importing_prefix.size()));
        const auto digest = crypto::parse_digest(std::string_view(job).substr(job.rfind(' ') + 1));
        const auto order = read_order(value);
        if (!digest || !order)
            continue;
        const auto ref = oci::parse_reference(order->image);
        const auto choice = oci::parse_platform_choice(order->platforms, options_.platform);
        if (!ref || !choice)
            continue;
        const auto tree = multiformats::parse_cid(order->tree);
        if (!imports_by_hand_.contains(job))  // asked for again before this node was up
            start_import_by_hand(*ref, *digest, *choice, tree ? std::optional(*tree) : std::nullopt,
                                 std::move(job));
    }
    // A push that a crash interrupted is begun anew by its client.
    for (const auto& pin : co_await store_.pins(std::string(arriving_pin_prefix)))
        if (!imports_by_hand_.contains(pin.name.substr(arriving_pin_prefix.size())))
            co_await store_.unpin(pin.name);
}

}  // namespace dm::agent
