#include "api/content_routes.hpp"

#include <fmt/format.h>

#include "api/answer.hpp"
#include "api/content_names.hpp"
#include "api/errc.hpp"
#include "content/tree/driver.hpp"

namespace dm::api {
namespace {

using multiformats::cid;
using server::request;
using server::response_writer;

/// Entries of a directory that are asked for at once.
constexpr std::size_t entries_ahead = 32;

const char* name_of(unixfs::node_kind kind) {
    switch (kind) {
        case unixfs::node_kind::file:
            return "file";
        case unixfs::node_kind::directory:
        case unixfs::node_kind::shard:
            return "directory";
        case unixfs::node_kind::symlink:
            return "symlink";
    }
    return "file";
}

class content_routes {
  public:
    explicit content_routes(bitswap::exchange& blocks) : blocks_(blocks) {}

    /// {"cid","type","size"} of a file, with "entries" of a directory, with "target" of a symlink.
    awaitable<void> list(const request& req, response_writer& out) const {
        const auto root = parse_content_name(req.parameter("cid"));
        tree::reader from(blocks_);
        const auto here = co_await from.look(root);
        auto body = success();
        body["cid"] = root.to_string();
        body["type"] = name_of(here.node.kind);
        body["size"] = here.node.size;
        if (here.node.kind == unixfs::node_kind::symlink)
            body["target"] = as_chars(here.node.content);
        if (here.node.is_directory())
            body["entries"] = co_await entries(from, root);
        co_await send_json(out, std::move(body));
    }

    /// The connection is cut where a block is missing, so that nobody takes a part for the whole.
    awaitable<void> read(const request& req, response_writer& out) const {
        const auto file = parse_content_name(req.parameter("cid"));
        tree::reader from(blocks_);
        const auto top = co_await from.look(file);
        if (top.node.kind != unixfs::node_kind::file)
            raise(unixfs::errc::not_a_file, file.to_string());
        co_await out.start_stream(200,
                                  {{"Content-Type", "application/octet-stream"},
                                   {"Content-Disposition", "attachment"},
                                   {"Content-Security-Policy", "sandbox; default-src 'none'"}},
                                  top.node.size);
        co_await from.read(file, 0, [&](byte_view piece) { return out.write(piece); });
        co_await out.end();
    }

  private:
    static awaitable<json> entries(tree::reader& from, cid root) {
        auto out = json::array();
        const auto links = co_await from.list(root, listed_entries_max);
        std::vector<cid> targets;
        for (const auto& link : links)
            targets.push_back(link.target);
        for (std::size_t i = 0; i < links.size(); ++i) {
            co_await from.get_ahead({targets.begin() + static_cast<std::ptrdiff_t>(i),
                                     targets.begin() + static_cast<std::ptrdiff_t>(std::min(
                                                           i + entries_ahead, targets.size()))});
            out.push_back(co_await entry(from, links[i]));
        }
        co_return out;
    }

    static awaitable<json> entry(tree::reader& from, unixfs::node_link link) {
        json out{{"name", link.name}, {"cid", link.target.to_string()}};
        try {
            const auto here = co_await from.look(link.target);
            out["type"] = name_of(here.node.kind);
            out["size"] = here.node.size;
        } catch (const failure& e) {
            if (e.code() != bitswap::errc::not_found)
                throw;
            out["type"] = "absent";
        }
        co_return out;
    }

    bitswap::exchange& blocks_;
};

}  // namespace

void add_content_routes(server::router& routes, bitswap::exchange& blocks) {
    const content_routes at(blocks);
    routes.add("GET", "/api/v1/ls/:cid",
               [at](request& req, response_writer& out) { return at.list(req, out); });
    routes.add("GET", "/api/v1/cat/:cid",
               [at](request& req, response_writer& out) { return at.read(req, out); });
}

}  // namespace dm::api
