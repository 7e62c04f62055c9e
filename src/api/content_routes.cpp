#include "api/content_routes.hpp"

#include <fmt/format.h>

#include "api/answer.hpp"
#include "api/content_names.hpp"
#include "api/errc.hpp"
#include "content/unixfs/walk.hpp"

namespace dm::api {
namespace {

using multiformats::cid;
using server::request;
using server::response_writer;

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
    explicit content_routes(store::content_store& content) : content_(content) {}

    /// {"cid","type","size"} of a file, with "entries" of a directory, with "target" of a symlink.
    awaitable<void> list(const request& req, response_writer& out) const {
        const auto root = parse_content_name(req.parameter("cid"));
        const auto block = co_await need(root);
        const auto here = value_or_throw(unixfs::parse_node(root, block));
        auto body = success();
        body["cid"] = root.to_string();
        body["type"] = name_of(here.kind);
        body["size"] = here.size;
        if (here.kind == unixfs::node_kind::symlink)
            body["target"] = as_chars(here.content);
        if (here.is_directory())
            body["entries"] = co_await entries(root);
        co_await send_json(out, std::move(body));
    }

    /// The connection is cut where a block is missing, so that nobody takes a part for the whole.
    awaitable<void> read(const request& req, response_writer& out) const {
        unixfs::file_walk walk(parse_content_name(req.parameter("cid")));
        auto block = co_await need(*walk.wanted());
        auto piece = value_or_throw(walk.feed(block));
        co_await out.start_stream(200,
                                  {{"Content-Type", "application/octet-stream"},
                                   {"Content-Disposition", "attachment"},
                                   {"Content-Security-Policy", "sandbox; default-src 'none'"}},
                                  walk.file_size());
        for (;;) {
            if (!piece.empty())
                co_await out.write(piece);
            if (!walk.wanted())
                break;
            block = co_await need(*walk.wanted());
            piece = value_or_throw(walk.feed(block));
        }
        co_await out.end();
    }

  private:
    awaitable<bytes> need(cid id) const {
        if (const auto carried = multiformats::inlined_block(id))
            co_return to_bytes(*carried);
        auto block = co_await content_.block(id);
        if (!block)
            raise(errc::not_found, fmt::format("{} is not here", id.to_string()));
        co_return *std::move(block);
    }

    awaitable<json> entries(cid root) const {
        auto out = json::array();
        unixfs::directory_walk walk(root);
        while (walk.wanted()) {
            const auto block = co_await need(*walk.wanted());
            for (const auto& link : value_or_throw(walk.feed(block))) {
                if (out.size() == listed_entries_max)
                    raise(errc::not_found, fmt::format("{} has more than {} entries",
                                                       root.to_string(), listed_entries_max));
                out.push_back(co_await entry(link));
            }
        }
        co_return out;
    }

    awaitable<json> entry(unixfs::node_link link) const {
        json out{{"name", link.name}, {"cid", link.target.to_string()}};
        bytes block;
        if (const auto carried = multiformats::inlined_block(link.target)) {
            block = to_bytes(*carried);
        } else if (auto stored = co_await content_.block(link.target)) {
            block = *std::move(stored);
        } else {
            out["type"] = "absent";
            co_return out;
        }
        const auto node = value_or_throw(unixfs::parse_node(link.target, block));
        out["type"] = name_of(node.kind);
        out["size"] = node.size;
        co_return out;
    }

    store::content_store& content_;
};

}  // namespace

void add_content_routes(server::router& routes, store::content_store& content) {
    const content_routes at(content);
    routes.add("GET", "/api/v1/ls/:cid",
               [at](request& req, response_writer& out) { return at.list(req, out); });
    routes.add("GET", "/api/v1/cat/:cid",
               [at](request& req, response_writer& out) { return at.read(req, out); });
}

}  // namespace dm::api
