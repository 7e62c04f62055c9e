#include "api/rest_api.hpp"

#include "api/api_world_for_test.hpp"
#include "api/crdt_routes.hpp"
#include "api/image_routes.hpp"
#include "control/plan/payload.hpp"

using namespace dm;
using namespace dm::api::testing;
using nlohmann::json;

namespace {

std::string payload(std::string_view nametag, int percentage = 100) {
    return fmt::format(
        R"({{"type":"percentage","nametag":"{}","percentage":{},"target":"x","execute":true}})",
        nametag, percentage);
}

}  // namespace

TEST(api_strategy, goes_through_its_life_with_the_prototypes_shapes) {
    in_world([](world& w) -> awaitable<void> {
        const auto digest = w.origin.offer("busybox:1.35.0", "layer");
        auto got = co_await w.ask("GET", "/api/v1/strategy");
        EXPECT_EQ(got.body, (json{{"error", false}, {"strategies", json::array()}}));

        got = co_await w.ask("POST", "/api/v1/strategy", payload("busybox:1.35.0"));
        EXPECT_EQ(got.status, 200);
        EXPECT_EQ(got.body["error"], false);
        EXPECT_EQ(got.body["strategy"]["digest"], digest.to_string());
        EXPECT_TRUE(got.text.starts_with(
            R"({"error":false,"strategy":{"type":"percentage","nametag":"busybox:1.35.0","percentage":100,"target":"","execute":true,)"))
            << got.text;
        const std::string id = got.body["strategy"]["id"];

        for (const auto& key :
             {id, std::string("percentage-busybox%3A1.35.0-100-active"),
              std::string("percentage-busybox:1.35.0-100-active"), std::string("busybox:1.35.0")}) {
            got = co_await w.ask("GET", "/api/v1/strategy/" + key);
            EXPECT_EQ(got.status, 200) << key;
            EXPECT_EQ(got.body["strategy"]["id"], id);
        }
        got = co_await w.ask("PUT", "/api/v1/strategy", payload("busybox:1.35.0", 50));
        EXPECT_EQ(got.body["strategy"]["id"], id);
        EXPECT_EQ(got.body["strategy"]["percentage"], 50);

        got = co_await w.ask("DELETE", "/api/v1/strategy/" + id);
        EXPECT_EQ(got.status, 200);
        EXPECT_EQ(got.body["strategy"]["nametag"], "busybox:1.35.0");
        expect_problem(co_await w.ask("DELETE", "/api/v1/strategy/" + id), 404);
        expect_problem(co_await w.ask("GET", "/api/v1/strategy/" + id), 404);
    });
}

TEST(api_strategy, pauses_resumes_and_explains) {
    in_world([](world& w) -> awaitable<void> {
        w.origin.offer("ghcr.io/a/b:1", "layer");
        co_await w.ask("POST", "/api/v1/strategy", payload("ghcr.io/a/b:1"));
        const std::string path = "/api/v1/strategy/percentage-ghcr.io%2Fa%2Fb:1-100-active";
        auto got = co_await w.ask("POST", path + "/pause");
        EXPECT_EQ(got.body["strategy"]["execute"], false);
        EXPECT_EQ(got.body["strategy"]["state"], "paused");
        got = co_await w.ask("POST", "/api/v1/strategy/ghcr.io%2Fa%2Fb:1/resume");
        EXPECT_EQ(got.body["strategy"]["execute"], true);
        got = co_await w.ask("GET", path + "/explain");
        EXPECT_EQ(got.status, 200);
        const auto& line = got.body["explain"]["nodes"][0];
        EXPECT_EQ(line["peer"], world::self().to_string());
        EXPECT_EQ(line["chosen"], true);
        EXPECT_EQ(line["why"], "rank 1 of 1 member, of which the first 1 gets it");
    });
}

TEST(api_strategy, is_only_tried_in_a_dry_run) {
    in_world([](world& w) -> awaitable<void> {
        w.origin.offer("busybox:1", "layer");
        const auto got = co_await w.ask("POST", "/api/v1/strategy?dry_run=1", payload("busybox:1"));
        EXPECT_EQ(got.body["dry_run"]["desired"], 1);
        EXPECT_EQ((co_await w.ask("GET", "/api/v1/strategy")).body["strategies"].size(), 0u);
        expect_problem(
            co_await w.ask("POST", "/api/v1/strategy?dry_run=perhaps", payload("busybox:1")), 400,
            "dry_run");
    });
}

TEST(api_strategy, names_the_member_that_is_wrong) {
    in_world([](world& w) -> awaitable<void> {
        auto got = co_await w.ask("POST", "/api/v1/strategy", payload("busybox:1", 101));
        expect_problem(got, 400, "percentage");
        EXPECT_EQ(got.body["field"], "percentage");
        got = co_await w.ask("POST", "/api/v1/strategy",
                             R"({"type":"target","nametag":"x:1","target":"nobody"})");
        expect_problem(got, 422);
        EXPECT_EQ(got.body["field"], "target");
        expect_problem(co_await w.ask("POST", "/api/v1/strategy", payload("unknown:1")), 404,
                       "unknown:1");
    });
}

TEST(api_strategy, shows_a_target_that_is_no_member_as_pending) {
    in_world([](world& w) -> awaitable<void> {
        w.origin.offer("busybox:1", "layer");
        const std::string peer = "12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA";
        const auto got = co_await w.ask(
            "POST", "/api/v1/strategy",
            fmt::format(R"({{"type":"target","nametag":"busybox:1","target":"{}"}})", peer));
        EXPECT_EQ(got.body["strategy"]["state"], "pending");
        EXPECT_EQ(got.body["strategy"]["missing_targets"], json::array({peer}));
    });
}

TEST(api_strategy, refuses_payloads_over_their_limit_without_reading_them) {
    in_world([](world& w) -> awaitable<void> {
        const std::string padding(plan::payload_bytes_max, ' ');
        expect_problem(co_await w.ask("POST", "/api/v1/strategy", "{" + padding + "}"), 413);
        // The length alone is enough: nothing of it has been sent.
        const auto raw = co_await server::talk(
            w.http,
            "POST /api/v1/strategy HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
            "application/json\r\nContent-Length: 100000000\r\nConnection: close\r\n\r\n");
        EXPECT_EQ(server::parse_reply(raw).status, 413);
    });
}

TEST(api_node, is_labelled_and_forgotten) {
    in_world([](world& w) -> awaitable<void> {
        const auto peer = world::other(1);
        const auto path = "/api/v1/peers/" + peer.to_string();
        expect_problem(co_await w.ask("GET", path), 404, "no member");
        co_await w.join(peer);
        auto got = co_await w.ask("GET", path);
        EXPECT_EQ(got.body["node"]["state"], "online");
        EXPECT_FALSE(got.body["node"].contains("disk_free_bytes")) << "it has not said";
        got = co_await w.ask("PUT", path + "/labels", R"({"site":"store","rack":null})");
        EXPECT_EQ(got.status, 200) << got.text;
        EXPECT_EQ(got.body["node"]["labels"], (json{{"site", "store"}}));
        for (const auto* body : {"[]", "{", R"({"a b":"c"})", R"({"a":""})", R"({"a":1})"})
            expect_problem(co_await w.ask("PUT", path + "/labels", body), 400);
        expect_problem(co_await w.ask("PUT", "/api/v1/peers/nobody/labels", "{}"), 400, "peer id");
        expect_problem(co_await w.ask("DELETE", path), 409, "is there");
        w.hear(peer, presence::liveness::offline, {});
        EXPECT_EQ((co_await w.ask("GET", path)).body["node"]["state"], "offline");
        EXPECT_EQ((co_await w.ask("DELETE", path)).status, 200);
        expect_problem(co_await w.ask("DELETE", path), 404);
        const auto self = "/api/v1/peers/" + world::self().to_string();
        expect_problem(co_await w.ask("DELETE", self + "?even_online=1"), 409, "another one");
    });
}

TEST(api_node, says_what_it_does_about_each_strategy_and_why) {
    in_world([](world& w) -> awaitable<void> {
        const auto peer = world::other(1);
        const auto path = "/api/v1/peers/" + peer.to_string() + "/explain";
        expect_problem(co_await w.ask("GET", path), 404, "no member");
        expect_problem(co_await w.ask("GET", "/api/v1/peers/nobody/explain"), 400, "peer id");
        co_await w.join(peer);
        w.origin.offer("busybox:1", "layer");
        w.origin.offer("other:1", "layer");
        co_await w.ask("POST", "/api/v1/strategy", payload("busybox:1"));
        co_await w.ask("POST", "/api/v1/strategy",
                       fmt::format(R"({{"type":"target","nametag":"other:1","target":"{}"}})",
                                   world::self().to_string()));
        const auto got = co_await w.ask("GET", path);
        EXPECT_EQ(got.status, 200) << got.text;
        const auto& explain = got.body["explain"];
        EXPECT_EQ(explain["node"]["peer"], peer.to_string());
        EXPECT_FALSE(explain.contains("peer")) << "it is not connected";
        std::map<std::string, json> lines;
        for (const auto& line : explain["strategies"])
            lines[line["nametag"]] = line;
        EXPECT_EQ(lines["busybox:1"]["chosen"], true);
        EXPECT_EQ(lines["busybox:1"]["reason"], "the node has not said anything yet");
        EXPECT_TRUE(lines["busybox:1"]["why"].get<std::string>().ends_with(
            "of 2 members, of which the first 2 get it"));
        EXPECT_EQ(lines["other:1"]["chosen"], false);
        EXPECT_EQ(lines["other:1"]["why"], "not named as a target");
    });
}

TEST(api_crdt, keeps_raw_keys_and_values) {
    in_world([](world& w) -> awaitable<void> {
        const json success{{"error", false}, {"msg", "success"}};
        auto got = co_await w.ask("POST", "/api/v1/crdt", R"({"key":"a:b/c","value":"1"})");
        EXPECT_EQ(got.body, success);
        got = co_await w.ask("GET", "/api/v1/crdt/a%3Ab%2Fc");
        EXPECT_EQ(got.body, (json{{"error", false}, {"crdt", {{"key", "a:b/c"}, {"value", "1"}}}}));
        const auto listed = (co_await w.ask("GET", "/api/v1/crdt")).body["crdts"];
        EXPECT_TRUE(std::ranges::find(listed, json{{"key", "a:b/c"}, {"value", "1"}}) !=
                    listed.end());
        EXPECT_EQ((co_await w.ask("DELETE", "/api/v1/crdt/a:b%2Fc")).body, success);
        expect_problem(co_await w.ask("GET", "/api/v1/crdt/a:b%2Fc"), 404);
        expect_problem(co_await w.ask("DELETE", "/api/v1/crdt/a:b%2Fc"), 404);
    });
}

TEST(api_crdt, tells_of_no_history_where_there_is_none) {
    in_world([](world& w) -> awaitable<void> {
        const auto got = co_await w.ask("GET", "/api/v1/history");
        EXPECT_EQ(got.body["history"],
                  (json{{"heads", json::array()}, {"blocks", 0}, {"bytes", 0}}));
    });
}

TEST(api_crdt, lists_more_than_fits_into_one_piece) {
    in_world([](world& w) -> awaitable<void> {
        for (int i = 0; i < 40; ++i)
            co_await w.shared.set(fmt::format("key{:02}", i), std::string(5000, 'v'));
        const auto listed = (co_await w.ask("GET", "/api/v1/crdt")).body["crdts"];
        EXPECT_EQ(std::ranges::count_if(
                      listed,
                      [](const json& e) { return e["key"].get<std::string>().starts_with("key"); }),
                  40);
    });
}

TEST(api_crdt, leaves_records_of_ours_alone) {
    in_world([](world& w) -> awaitable<void> {
        for (const auto* key : {"/dm1/strategy/x/rec", "dm1/x", "//dm1/x", "/dm1"})
            expect_problem(co_await w.ask("POST", "/api/v1/crdt",
                                          fmt::format(R"({{"key":"{}","value":"x"}})", key)),
                           403);
        w.origin.offer("busybox:1", "layer");
        co_await w.ask("POST", "/api/v1/strategy", payload("busybox:1"));
        co_await w.ask("POST", "/api/v1/crdt", R"({"key":"/dm2/x","value":"x"})");
        EXPECT_EQ((co_await w.ask("DELETE", "/api/v1/crdt")).status, 200);
        expect_problem(co_await w.ask("GET", "/api/v1/crdt/%2Fdm2%2Fx"), 404);
        EXPECT_EQ((co_await w.ask("GET", "/api/v1/strategy")).body["strategies"].size(), 1u);
        const auto key = "%2Fdm1%2Fnode%2F" + world::self().to_string() + "%2Frec";
        co_await w.until("/api/v1/crdt/" + key,
                         [](const json& got) { return got["error"] == false; });
        expect_problem(co_await w.ask("DELETE", "/api/v1/crdt/" + key), 403);
    });
}

TEST(api_crdt, refuses_entries_that_are_none) {
    in_world([](world& w) -> awaitable<void> {
        for (const auto* body :
             {R"({"key":"","value":"x"})", R"({"key":"x","value":""})", R"({"key":"x"})",
              R"({"value":"x"})", R"({"key":1,"value":"x"})", "[]", "null", "{"})
            expect_problem(co_await w.ask("POST", "/api/v1/crdt", body), 400);
        expect_problem(co_await w.ask("POST", "/api/v1/crdt",
                                      fmt::format(R"({{"key":"{}","value":"x"}})",
                                                  std::string(state::key_bytes_max + 1, 'k'))),
                       400);
        expect_problem(
            co_await w.ask("POST", "/api/v1/crdt", std::string(api::crdt_body_bytes_max + 1, ' ')),
            413);
    });
}

TEST(api_image, is_imported_shown_pinned_read_and_removed) {
    in_world([](world& w) -> awaitable<void> {
        const auto digest = w.origin.offer("localhost:5000/x:1", "content of the layer");
        auto got =
            co_await w.ask("POST", "/api/v1/image", R"({"name":"localhost:5000/x","tag":"1"})");
        EXPECT_EQ(got.status, 200) << got.text;
        EXPECT_EQ(got.body["error"], false);
        EXPECT_EQ(got.body["msg"], "Upload order is given and being processed.");
        EXPECT_EQ(got.body["digest"], digest.to_string());
        const std::string transfer = got.body["transfer"];
        const auto ended = co_await w.until("/api/v1/transfer/" + transfer, [](const json& t) {
            return t["transfer"]["state"] == "done";
        });
        EXPECT_EQ(ended["transfer"]["image"], "localhost:5000/x:1");

        got = co_await w.ask("GET", "/api/v1/image/localhost:5000%2Fx:1");
        EXPECT_EQ(got.status, 200);
        EXPECT_EQ(got.body["image"]["digest"], digest.to_string());
        EXPECT_EQ(got.body["image"]["keep"], true);
        const std::string root = got.body["image"]["root"];
        EXPECT_EQ((co_await w.ask("GET", "/api/v1/image/" + root)).body["image"]["digest"],
                  digest.to_string());
        got = co_await w.ask("GET", "/api/v1/image");
        EXPECT_EQ(got.body["images"][0]["names"], json::array({"localhost:5000/x:1"}));
        EXPECT_FALSE(got.body["images"][0].contains("blobs"));

        EXPECT_EQ((co_await w.ask("POST", "/api/v1/pin/" + root)).body,
                  (json{{"error", false}, {"msg", "OK"}}));
        EXPECT_EQ((co_await w.ask("GET", "/api/v1/pin")).body["pins"], json::array({root}));
        EXPECT_EQ((co_await w.ask("DELETE", "/api/v1/pin/" + root)).status, 200);
        expect_problem(co_await w.ask("DELETE", "/api/v1/pin/" + root), 404);

        got = co_await w.ask("GET", "/api/v1/ls/" + root);
        EXPECT_EQ(got.body["type"], "directory");
        EXPECT_EQ(got.body["entries"][0]["name"], "blobs");
        const std::string blobs = got.body["entries"][0]["cid"];
        got = co_await w.ask("GET", "/api/v1/ls/" + blobs);
        std::set<std::string> contents;
        for (const auto& entry : got.body["entries"]) {
            EXPECT_EQ(entry["type"], "file");
            contents.insert(
                (co_await w.ask("GET", "/api/v1/cat/" + entry["cid"].get<std::string>())).text);
        }
        EXPECT_TRUE(contents.contains("content of the layer"));

        EXPECT_EQ((co_await w.ask("DELETE", "/api/v1/image/localhost:5000%2Fx:1")).status, 200);
        expect_problem(co_await w.ask("GET", "/api/v1/image/localhost:5000%2Fx:1"), 404);
        expect_problem(co_await w.ask("DELETE", "/api/v1/image/localhost:5000%2Fx:1"), 404);
    });
}

TEST(api_image, says_which_part_of_an_order_is_wrong) {
    in_world([](world& w) -> awaitable<void> {
        const std::pair<const char*, const char*> orders[] = {
            {R"({"name":"","tag":"1"})", "name"},
            {R"({"name":"x"})", "tag"},
            {R"({"name":"../x","tag":"1"})", "name"},
            {R"({"name":"x","tag":"a b"})", "tag"},
            {R"({"name":1,"tag":"1"})", "name"},
            {R"({"ref":"x y"})", "name"},
            {R"({"ref":"x","platforms":"all"})", "platforms"},
            {R"({"ref":"x","platforms":["nonsense/x/y/z"]})", "platforms"},
        };
        for (const auto& [order, words] : orders)
            expect_problem(co_await w.ask("POST", "/api/v1/image", order), 400, words);
        std::string many = R"({"ref":"x","platforms":["auto")";
        for (std::size_t i = 0; i < oci::platforms_asked_max; ++i)
            many += R"(,"auto")";
        expect_problem(co_await w.ask("POST", "/api/v1/image", many + "]}"), 400, "platforms");
        expect_problem(co_await w.ask("POST", "/api/v1/image",
                                      std::string(api::image_body_bytes_max + 1, ' ')),
                       413);
        expect_problem(co_await w.ask("POST", "/api/v1/image", R"({"ref":"unknown:1"})"), 404);
    });
}

TEST(api_pin, knows_cids_and_what_is_not_here) {
    in_world([](world& w) -> awaitable<void> {
        expect_problem(co_await w.ask("POST", "/api/v1/pin/not-a-cid"), 400, "CID");
        for (const auto* name : {"bafybeifqi3ldg5yclcz33zahr37aieo4epzbhhjxjpwoqyau2mzdxakqhq",
                                 "ciqlarwwgn3qewftxxsapdx6aqi5yi7scootos7m5bqbjuzshoavapa",
                                 "%2Fipfs%2FQmaCm7VNsmM61FApFevTcJ1PxPabmfY4Tf2dFjpAdVdHLF"}) {
            expect_problem(co_await w.ask("POST", fmt::format("/api/v1/pin/{}", name)), 404);
            expect_problem(co_await w.ask("GET", fmt::format("/api/v1/ls/{}", name)), 404);
            expect_problem(co_await w.ask("GET", fmt::format("/api/v1/cat/{}", name)), 404);
        }
    });
}

TEST(api_node, names_itself_first) {
    in_world([](world& w) -> awaitable<void> {
        const auto got = co_await w.until("/api/v1/node", [](const json& n) {
            return n["node"].is_object() && n["node"]["engine_state"] == "ready";
        });
        EXPECT_EQ(got["node"]["peer"], world::self().to_string());
        EXPECT_EQ(got["nodes"].size(), 1u);
        EXPECT_EQ((co_await w.ask("GET", "/api/v1/peers")).body,
                  (json{{"error", false}, {"peers", json::array()}}));
        const auto health = (co_await w.ask("GET", "/api/v1/health")).body;
        EXPECT_EQ(health["status"], "OK");
        EXPECT_EQ(health["version"], "1.2.3");
        expect_problem(co_await w.ask("GET", "/api/v1/transfer/t99"), 404);
    });
}

TEST(api_peers, are_who_is_connected) {
    in_world([](world& w) -> awaitable<void> {
        const auto id = multiformats::peer_id(crypto::private_key::generate().public_key());
        host::memory_host other(co_await asio::this_coro::executor, w.network, id);
        co_await other.connect(world::self(), w.others.addresses());
        const auto got = (co_await w.ask("GET", "/api/v1/peers")).body["peers"];
        EXPECT_EQ(got.size(), 1u);
        EXPECT_EQ(got[0]["ID"], id.to_string());
        EXPECT_EQ(got[0]["connected"], true);
        co_await other.stop();
        EXPECT_EQ((co_await w.ask("GET", "/api/v1/peers")).body["peers"], json::array());
    });
}

TEST(api_store, is_counted_verified_and_cleared) {
    in_world([](world& w) -> awaitable<void> {
        const std::string data = "a blob that nothing wants";
        const auto digest = crypto::hash_of(crypto::hash_algorithm::sha256, as_bytes(data));
        co_await w.content.put(digest, as_bytes(data));
        EXPECT_EQ((co_await w.ask("GET", "/api/v1/store")).body["store"]["blob_bytes"],
                  data.size());
        auto got = co_await w.ask("POST", "/api/v1/store/verify");
        EXPECT_EQ(got.headers.value("Content-Type"), "application/x-ndjson");
        EXPECT_EQ(json::parse(got.text.substr(got.text.rfind('\n', got.text.size() - 2) + 1)),
                  (json{{"error", false}, {"damaged", json::array()}}));
        got = co_await w.ask("POST", "/api/v1/store/gc");
        EXPECT_EQ(got.body["freed_bytes"], data.size());
    });
}

TEST(api_guard, keeps_other_sites_out_of_every_route) {
    in_world([](world& w) -> awaitable<void> {
        for (const auto* path :
             {"/", "/metrics", "/api/v1/strategy", "/api/v1/event", "/nothing"}) {
            expect_problem(co_await w.ask("GET", path, {}, {{"Host", "evil.example"}}), 403);
            expect_problem(co_await w.ask("GET", path, {}, {{"Origin", "http://evil.example"}}),
                           403);
        }
        const auto form =
            co_await server::fetch(w.http, "POST", "/api/v1/crdt", {{"Content-Type", "text/plain"}},
                                   R"({"key":"x","value":"y"})");
        EXPECT_EQ(form.status, 415);
    });
}

TEST(api_pages, say_where_things_are_under_a_strict_policy) {
    in_world([](world& w) -> awaitable<void> {
        const auto page = co_await w.ask("GET", "/");
        EXPECT_EQ(page.status, 200);
        EXPECT_TRUE(page.text.contains("href=\"/swagger/\""));
        EXPECT_TRUE(
            page.headers.value("Content-Security-Policy").starts_with("default-src 'none'"));
        EXPECT_EQ(page.headers.value("X-Content-Type-Options"), "nosniff");
        const auto metrics = co_await w.ask("GET", "/metrics");
        EXPECT_TRUE(metrics.text.contains("process_resident_memory_bytes"));
        EXPECT_TRUE(metrics.text.contains("distromash_"));
    });
}
