#include "api/image_routes.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "api/answer.hpp"
#include "api/content_names.hpp"
#include "api/errc.hpp"
#include "api/view_json.hpp"

namespace dm::api {
namespace {

using server::request;
using server::response_writer;

class image_routes {
  public:
    image_routes(agent::agent& node, oci::platform platform)
        : node_(node), platform_(std::move(platform)) {}

    awaitable<void> list(response_writer& out) const {
        auto all = json::array();
        for (const auto& image : node_.images())
            all.push_back(to_json(image, false));
        auto body = success();
        body["images"] = std::move(all);
        co_await send_json(out, std::move(body));
    }

    awaitable<void> show(const request& req, response_writer& out) const {
        const auto image = node_.image(req.parameter("name"));
        auto body = success();
        body["image"] = to_json(image, true);
        for (std::size_t i = 0; i < image.record.blobs.size(); ++i)
            body["image"]["blobs"][i]["shared_with"] =
                others_with(image, image.record.blobs[i].digest);
        co_await send_json(out, std::move(body));
    }

    /// Answers once the name is resolved; the bytes come afterwards.
    awaitable<void> import(request& req, response_writer& out) const {
        const auto text = co_await req.body(image_body_bytes_max);
        auto order = parse_image_order(as_chars(text), platform_);
        if (order.stored)
            co_return co_await name_stored(std::move(order.image), *order.stored, out);
        const auto id = co_await node_.import_image(
            std::move(order.image), std::move(order.platforms), std::move(order.tree));
        auto body = success();
        body["msg"] = "Upload order is given and being processed.";
        body["transfer"] = id;
        if (const auto* t = node_.moving().find(id); t && !t->digest.empty())
            body["digest"] = t->digest;
        co_await send_json(out, std::move(body));
    }

    awaitable<void> remove(const request& req, response_writer& out) const {
        co_await node_.remove_image(req.parameter("name"));
        auto body = success();
        body["msg"] = "success";
        co_await send_json(out, std::move(body));
    }

    awaitable<void> pins(response_writer& out) const {
        auto all = json::array();
        for (const auto& root : co_await node_.pins())
            all.push_back(root.to_string());
        auto body = success();
        body["pins"] = std::move(all);
        co_await send_json(out, std::move(body));
    }

    awaitable<void> pin(const request& req, response_writer& out) const {
        co_await node_.pin(parse_content_name(req.parameter("cid")));
        co_await done(out);
    }

    awaitable<void> unpin(const request& req, response_writer& out) const {
        const auto root = parse_content_name(req.parameter("cid"));
        if (!co_await node_.unpin(root))
            raise(errc::not_found, fmt::format("{} is not pinned here", root.to_string()));
        co_await done(out);
    }

  private:
    awaitable<void> name_stored(oci::reference name, crypto::digest image,
                                response_writer& out) const {
        const auto done = co_await node_.publish(std::move(name), image);
        auto body = success();
        body["msg"] = "success";
        body["digest"] = image.to_string();
        body["root"] = done.root.to_string();
        co_await send_json(out, std::move(body));
    }

    /// Names of the other images that a blob is part of, too.
    std::vector<std::string> others_with(const agent::image_view& image,
                                         const crypto::digest& blob) const {
        auto names = node_.images_with(blob);
        std::erase_if(names, [&](const std::string& name) {
            return std::ranges::find(image.names, name) != image.names.end() ||
                   name == image.record.digest.to_string();
        });
        return names;
    }

    static awaitable<void> done(response_writer& out) {
        auto body = success();
        body["msg"] = "OK";
        co_await send_json(out, std::move(body));
    }

    agent::agent& node_;
    oci::platform platform_;
};

/// `"from"`: "ipfs:CID" or "store:DIGEST"; without it the image comes from its registry.
void parse_source(const nlohmann::json& order, image_order& out) {
    if (!order.contains("from"))
        return;
    const auto from = required_string(order, "from");
    const auto wrong = [](std::string_view why) {
        raise(errc::invalid_field, fmt::format("\"from\" is wrong: {}", why));
    };
    const auto colon = from.find(':');
    const auto scheme = std::string_view(from).substr(0, colon);
    const auto rest = std::string_view(from).substr(colon == std::string::npos ? 0 : colon + 1);
    if (scheme == "ipfs") {
        auto cid = multiformats::parse_cid(rest);
        if (!cid)
            wrong(cid.error().message());
        out.tree = *std::move(cid);
    } else if (scheme == "store") {
        const auto digest = crypto::parse_digest(rest);
        if (!digest)
            wrong(digest.error().message());
        out.stored = *digest;
        if (out.image.tag.empty() || out.image.digest)
            wrong("what the store has gets a name with a tag and no digest");
    } else {
        wrong("only ipfs:CID and store:DIGEST are known");
    }
}

oci::reference parse_name(const nlohmann::json& order) {
    if (order.contains("ref")) {
        auto image = oci::parse_reference(required_string(order, "ref"));
        if (!image)
            raise(errc::invalid_field,
                  fmt::format("the name is wrong: {}", image.error().message()));
        return *std::move(image);
    }
    const auto name = required_string(order, "name");
    const auto tag = required_string(order, "tag");
    if (!oci::is_tag(tag))
        raise(errc::invalid_field,
              "\"tag\" is no image tag: letters, digits, '_', '.' and '-', at most 128");
    auto image = oci::parse_reference(name + ":" + tag);
    if (!image)
        raise(errc::invalid_field, fmt::format("\"name\" is wrong: {}", image.error().message()));
    return *std::move(image);
}

}  // namespace

image_order parse_image_order(std::string_view text, const oci::platform& platform) {
    const auto order = parse_object(text, image_body_bytes_max);
    image_order out{parse_name(order), {}, {}, {}};
    parse_source(order, out);
    const auto words = string_list(order, "platforms", oci::platforms_asked_max);
    auto choice = oci::parse_platform_choice(words, platform);
    if (!choice)
        raise(errc::invalid_field,
              fmt::format("\"platforms\" is wrong: {}", choice.error().message()));
    out.platforms = *std::move(choice);
    return out;
}

void add_image_routes(server::router& routes, agent::agent& node, oci::platform platform) {
    const image_routes at(node, std::move(platform));
    routes.add("GET", "/api/v1/image",
               [at](request&, response_writer& out) { return at.list(out); });
    routes.add("POST", "/api/v1/image",
               [at](request& req, response_writer& out) { return at.import(req, out); });
    routes.add("GET", "/api/v1/image/:name",
               [at](request& req, response_writer& out) { return at.show(req, out); });
    routes.add("DELETE", "/api/v1/image/:name",
               [at](request& req, response_writer& out) { return at.remove(req, out); });
    routes.add("GET", "/api/v1/pin", [at](request&, response_writer& out) { return at.pins(out); });
    routes.add("POST", "/api/v1/pin/:cid",
               [at](request& req, response_writer& out) { return at.pin(req, out); });
    routes.add("DELETE", "/api/v1/pin/:cid",
               [at](request& req, response_writer& out) { return at.unpin(req, out); });
}

}  // namespace dm::api
