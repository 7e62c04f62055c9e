#include "mesh/crdt/reader.hpp"

#include <algorithm>
#include <map>
#include <queue>
#include <unordered_map>

#include "content/unixfs/dag_pb.hpp"
#include "mesh/state/key.hpp"

namespace dm::crdt {
namespace {

cid cid_of_hash(byte_view digest) {
    return {multiformats::codec::dag_pb, {multiformats::hash_code::sha2_256, digest}};
}

}  // namespace

reader::reader(const std::filesystem::path& file) : db_(file, sqlite::durability::full) {}

std::vector<std::optional<std::size_t>> reader::sizes(const std::vector<cid>& ids) {
    std::vector<std::optional<std::size_t>> out;
    auto s = db_.prepare("select length(data) from crdt_block where hash = ?");
    for (const auto& id : ids) {
        auto& size = out.emplace_back();
        if (!is_block_cid(id))
            continue;
        s.bind(1, id.hash().digest());
        if (s.step())
            size = static_cast<std::size_t>(s.integer(0));
        s.reset();
    }
    return out;
}

std::optional<bytes> reader::block(const cid& id) {
    const auto name = is_block_cid(id) ? find(id) : std::nullopt;
    if (!name)
        return std::nullopt;
    return block_at(*name);
}

std::optional<std::int64_t> reader::find(const cid& id) {
    auto s = db_.prepare("select id from crdt_block where hash = ?");
    s.bind(1, id.hash().digest());
    return s.step() ? std::optional(s.integer(0)) : std::nullopt;
}

bytes reader::block_at(std::int64_t name) {
    auto s = db_.prepare("select data from crdt_block where id = ?");
    s.bind(1, name);
    return s.step() ? s.blob(0) : bytes{};
}

std::vector<cid> reader::locator(std::size_t ids_max) {
    std::vector<cid> out;
    std::int64_t height = 0;
    auto heads = db_.prepare(
        "select b.hash, b.height from crdt_head h join crdt_block b on b.id = h.block "
        "order by b.height desc");
    while (out.size() < ids_max && heads.step()) {
        out.push_back(cid_of_hash(heads.blob(0)));
        height = std::max(height, heads.integer(1));
    }
    auto below = db_.prepare(
        "select hash, height from crdt_block where height <= ? order by height desc limit 1");
    for (std::int64_t step = 1; out.size() < ids_max && height - step > 0; step *= 2) {
        height -= step;
        below.bind(1, height);
        if (!below.step())
            break;
        out.push_back(cid_of_hash(below.blob(0)));
        height = below.integer(1);
        below.reset();
    }
    return out;
}

/// From the newest down: who is reached from what the other has, it has. Heights fall along links,
/// so a block is decided when it is at the front; where they do not, it gets some more than it
/// needs.
std::vector<std::int64_t> reader::not_before(const std::vector<cid>& have, std::size_t count_max) {
    std::unordered_map<std::int64_t, bool> is_theirs;
    std::priority_queue<std::pair<std::int64_t, std::int64_t>> front;  // height, name
    std::size_t lacking = 0;                                           // in the front
    const auto reach = [&](std::int64_t name, std::int64_t height, bool theirs) {
        const auto [it, is_new] = is_theirs.try_emplace(name, theirs);
        if (is_new) {
            front.emplace(height, name);
            lacking += theirs ? 0 : 1;
        } else if (theirs && !it->second) {
            it->second = true;
            --lacking;
        }
    };
    auto by_hash = db_.prepare("select id, height from crdt_block where hash = ?");
    const auto reach_block = [&](const cid& id, bool theirs) {
        by_hash.bind(1, id.hash().digest());
        if (by_hash.step())
            reach(by_hash.integer(0), by_hash.integer(1), theirs);
        by_hash.reset();
    };
    for (const auto& id : have)
        reach_block(id, true);
    auto heads =
        db_.prepare("select b.id, b.height from crdt_head h join crdt_block b on b.id = h.block");
    while (heads.step())
        reach(heads.integer(0), heads.integer(1), false);
    std::vector<std::int64_t> out;
    while (lacking > 0) {
        const auto name = front.top().second;
        front.pop();
        auto& theirs = is_theirs.at(name);
        const bool was_theirs = theirs;
        if (!was_theirs) {
            out.push_back(name);
            --lacking;
            theirs = true;  // decided: a later mark changes no count
        }
        const auto data = block_at(name);
        if (const auto pb = unixfs::decode_dag_pb(data))
            for (const auto& link : pb->links)
                reach_block(link.target, was_theirs);
    }
    std::ranges::reverse(out);
    if (out.size() > count_max)
        out.resize(count_max);
    return out;
}

std::vector<std::pair<std::string, std::string>> reader::written(std::string_view prefix,
                                                                 element_position& at,
                                                                 std::size_t count_max) {
    if (at.key < prefix)
        at = {.key = std::string(prefix), .height = 0, .block = 0};
    std::map<std::int64_t, std::vector<std::string>> wanted;  // keys, by block
    auto s = db_.prepare(
        "select key, height, block from crdt_element where (key, height, block) > (?, ?, ?) "
        "order by key, height, block limit ?");
    s.bind(1, std::string_view(at.key)).bind(2, at.height).bind(3, at.block);
    s.bind(4, static_cast<std::int64_t>(count_max));
    while (s.step()) {
        auto key = s.text(0);
        if (!key.starts_with(prefix))
            break;
        at = {.key = key, .height = s.integer(1), .block = s.integer(2)};
        wanted[at.block].push_back(std::move(key));
    }
    std::vector<std::pair<std::string, std::string>> out;
    for (const auto& [block, keys] : wanted) {
        const auto n = decode_node(block_at(block));
        if (!n)
            continue;
        std::map<std::string, std::string> values;
        for (const auto& e : n->delta.elements) {
            // As the replica has it: the greatest where a block sets a key more than once.
            auto& value = values[state::clean_key(e.key)];
            value = std::max(value, e.value);
        }
        for (const auto& key : keys)
            if (auto value = values.extract(key))
                out.emplace_back(key, std::move(value.mapped()));
    }
    return out;
}

}  // namespace dm::crdt
