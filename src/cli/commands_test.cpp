#include "cli/commands.hpp"

#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <fstream>

#include "base/temp_dir.hpp"
#include "cli/errc.hpp"
#include "cli/fake_node_for_test.hpp"
#include "cli/json.hpp"

using namespace dm;
using namespace dm::cli;
using ::testing::internal::CaptureStdout;
using ::testing::internal::GetCapturedStdout;

namespace {

constexpr const char* strategy =
    R"({"id":"0123456789abcdef","nametag":"busybox:1","type":"percentage","percentage":50,)"
    R"("execute":true,"digest":"sha256:aaaaaaaaaaaaaaaa","members":4,"desired":2,"actual":1,)"
    R"("state":"importing","bytes_done":1,"bytes_total":4,"reason":"","nodes":[)"
    R"({"peer":"12D3Me","self":true,"chosen":true,"state":"loaded"},)"
    R"({"peer":"12D3You","chosen":true,"state":"importing","bytes_done":1,"bytes_total":4}]})";

std::string answer(const std::string& name, const std::string& value) {
    return R"({"error":false,")" + name + "\":" + value + "}";
}

/// Parses and runs a command line; what it wrote to standard output.
std::string run(std::vector<std::string> words) {
    CLI::App app;
    action chosen;
    add_commands(app, chosen);
    std::ranges::reverse(words);
    app.parse(std::move(words));
    EXPECT_TRUE(chosen);
    CaptureStdout();
    try {
        EXPECT_EQ(chosen(), 0);
    } catch (...) {
        GetCapturedStdout();
        throw;
    }
    return GetCapturedStdout();
}

error failure_of(std::vector<std::string> words) {
    try {
        run(std::move(words));
    } catch (const failure& e) {
        return e.reason();
    }
    return {};
}

}  // namespace

TEST(commands, print_tables_for_people_and_json_for_programs) {
    fake_node node;
    node.on("GET /api/v1/strategy", answer("strategies", std::string("[") + strategy + "]"));
    EXPECT_EQ(run({"strategy", "ls", "--api", node.address()}),
              "ID                IMAGE      SHARE  NODES  STATE      NOTE\n"
              "0123456789abcdef  busybox:1  50 %   1/2    importing  25 % of 4 B\n");
    EXPECT_EQ(json::parse(run({"strategy", "ls", "--output", "json", "--api", node.address()})),
              json::parse(std::string("[") + strategy + "]"));
}

TEST(commands, find_the_node_by_flag_or_variable) {
    fake_node node;
    node.on("GET /api/v1/strategy", answer("strategies", "[]"));
    for (const auto& form :
         {node.address(), "http://" + node.address(), "http://" + node.address() + "/"})
        EXPECT_EQ(run({"--api", form, "strategy", "ls"}), run({"strategy", "ls", "--api", form}));
    ::setenv("DISTROMASH_API", node.address().c_str(), 1);
    run({"strategy", "ls"});
    ::setenv("DISTROMASH_API", "127.0.0.1:1", 1);
    run({"strategy", "ls", "--api", node.address()});
    ::unsetenv("DISTROMASH_API");
    EXPECT_EQ(failure_of({"strategy", "ls", "--api", "not an address"}).code, errc::bad_input);
    EXPECT_EQ(failure_of({"strategy", "ls", "--api", "http://x/path"}).code, errc::bad_input);
}

TEST(commands, say_so_when_no_node_answers) {
    const auto why = failure_of({"status", "--api", "127.0.0.1:1"});
    EXPECT_EQ(why.code, errc::no_node);
    EXPECT_TRUE(why.message().contains("127.0.0.1:1")) << why.message();
}

TEST(commands, pass_on_the_nodes_own_sentence) {
    fake_node node;
    node.on("GET /api/v1/image/x%3A1",
            R"({"error":true,"msg":"this node knows no image \"x:1\"","code":"unknown_image"})",
            404);
    const auto why = failure_of({"image", "show", "x:1", "--api", node.address()});
    EXPECT_EQ(why.code, errc::refused);
    EXPECT_EQ(why.message(), "this node knows no image \"x:1\"");
}

TEST(commands, know_what_is_no_node) {
    fake_node node;
    node.on("GET /api/v1/strategy", "<html>");
    node.on("GET /api/v1/image", "<html>", 502);
    EXPECT_EQ(failure_of({"strategy", "ls", "--api", node.address()}).code, errc::bad_answer);
    EXPECT_EQ(failure_of({"image", "ls", "--api", node.address()}).code, errc::bad_answer);
}

TEST(strategy_apply, sends_the_payload_and_says_what_became_of_it) {
    fake_node node;
    node.on("POST /api/v1/strategy", answer("strategy", strategy));
    EXPECT_EQ(run({"strategy", "apply", "busybox:1", "--percentage", "50", "--label", "site=store",
                   "--replace", "--api", node.address()}),
              "strategy 0123456789abcdef applied: busybox:1 (sha256:aaaaaaaaaaaa) on 50 %: 2 of 4 "
              "counted nodes\n");
    const auto sent = node.asked().front();
    const auto payload = json::parse(sent.substr(sent.find('{')));
    EXPECT_EQ(payload["type"], "percentage");
    EXPECT_EQ(payload["nametag"], "busybox:1");
    EXPECT_EQ(payload["percentage"], 50);
    EXPECT_EQ(payload["execute"], true);
    EXPECT_EQ(payload["replace"], true);
    EXPECT_EQ(payload["selector"], (json{{"site", "store"}}));
}

TEST(strategy_apply, only_tries_in_a_dry_run) {
    fake_node node;
    node.on("POST /api/v1/strategy?dry_run=1",
            answer("dry_run", R"({"members":2,"desired":1,"nodes":[)"
                              R"({"peer":"A","platform":"linux/amd64","gains":true,)"
                              R"("loses":false,"bytes":2048,"bytes_known":true},)"
                              R"({"peer":"B","platform":"linux/arm64","gains":false,)"
                              R"("loses":true,"bytes":0,"bytes_known":true}]})"));
    EXPECT_EQ(run({"strategy", "apply", "x:1", "--percentage", "50", "--dry-run", "--api",
                   node.address()}),
              "x:1: would be on 1 of 2 counted nodes; nothing has been changed\n"
              "PEER  PLATFORM     CHANGE    TO MOVE\n"
              "A     linux/amd64  gains it  2.0 KiB\n"
              "B     linux/arm64  loses it  0 B\n"
              "2.0 KiB to move in all\n");
}

TEST(strategy_apply, says_where_it_is_not_known_what_would_move) {
    fake_node node;
    node.on("POST /api/v1/strategy?dry_run=1",
            answer("dry_run", R"({"members":1,"desired":1,"nodes":[)"
                              R"({"peer":"A","platform":"linux/amd64","gains":true,)"
                              R"("loses":false,"bytes":0,"bytes_known":false}]})"));
    const auto text = run(
        {"strategy", "apply", "x:1", "--percentage", "50", "--dry-run", "--api", node.address()});
    EXPECT_NE(text.find("not known before it is imported"), std::string::npos) << text;
    EXPECT_EQ(text.find("to move in all"), std::string::npos) << text;
}

TEST(node_label, gives_labels_and_takes_them_away) {
    fake_node node;
    node.on("PUT /api/v1/peers/A/labels",
            answer("node", R"({"peer":"A","labels":{"site":"store"}})"));
    EXPECT_EQ(run({"node", "label", "A", "site=store", "rack-", "--api", node.address()}),
              "A: site=store\n");
    EXPECT_EQ(node.asked().back(), R"(PUT /api/v1/peers/A/labels {"site":"store","rack":null})");
    EXPECT_EQ(failure_of({"node", "label", "A", "site", "--api", node.address()}).code,
              cli::errc::bad_input);
}

TEST(node_forget, says_that_the_node_may_be_there_only_when_told_to) {
    fake_node node;
    node.on("DELETE /api/v1/peers/A", R"({"error":true,"msg":"A is there","code":"conflict"})",
            409);
    node.on("DELETE /api/v1/peers/A?even_online=1", R"({"error":false})");
    EXPECT_EQ(failure_of({"node", "forget", "A", "--api", node.address()}).code,
              cli::errc::refused);
    EXPECT_EQ(run({"node", "forget", "A", "--even-online", "--api", node.address()}),
              "A is no member any more\n");
    node.on("DELETE /api/v1/peers/A?undo=1", R"({"error":false})");
    EXPECT_EQ(run({"node", "forget", "A", "--undo", "--api", node.address()}), "A may come back\n");
}

TEST(node_ls, shows_how_the_others_are) {
    fake_node node;
    node.on("GET /api/v1/node",
            answer("nodes", R"([{"peer":"A","self":true,"online":true,"state":"online",)"
                            R"("state_seconds":5,"platform":"linux/amd64","engine":"none",)"
                            R"("engine_state":"none","images_held":3,"disk_free_bytes":2048},)"
                            R"({"peer":"B","online":false,"state":"offline",)"
                            R"("state_seconds":7200,"images_held":0}])"));
    const auto text = run({"node", "ls", "--api", node.address()});
    EXPECT_NE(text.find("online           linux/amd64  none    3       2.0 KiB"), std::string::npos)
        << text;
    EXPECT_NE(text.find("offline for 2 h"), std::string::npos) << text;
}

TEST(strategy_apply, takes_payloads_from_a_file) {
    fake_node node;
    node.on("POST /api/v1/strategy", answer("strategy", strategy));
    const temp_dir folder;
    const auto file = (folder / "strategies.json").string();
    const auto apply = [&](const std::string& text) {
        std::ofstream(file) << text;
        const auto before = node.asked().size();
        run({"strategy", "apply", "-f", file, "--api", node.address()});
        return node.asked().size() - before;
    };
    EXPECT_EQ(apply(strategy), 1u);
    EXPECT_EQ(apply(std::string("[") + strategy + "," + strategy + "]"), 2u);
    EXPECT_EQ(apply(answer("strategies", std::string("[") + strategy + "]")), 1u);
    std::ofstream(file) << "no json";
    EXPECT_EQ(failure_of({"strategy", "apply", "-f", file, "--api", node.address()}).code,
              errc::bad_input);
    EXPECT_EQ(failure_of({"strategy", "apply", "-f", (folder / "absent").string(), "--api",
                          node.address()})
                  .code,
              errc::bad_input);
}

TEST(image_import, follows_the_transfer_to_its_end) {
    fake_node node;
    node.on("POST /api/v1/image",
            R"({"error":false,"msg":"","transfer":"t1","digest":"sha256:a"})");
    const std::string running =
        R"({"id":"t1","state":"running","image":"x:1","phase":"fetching","bytes_done":1,"bytes_total":4})";
    node.on("GET /api/v1/transfer/t1", answer("transfer", running));
    node.on("GET /api/v1/transfer/t1",
            answer("transfer",
                   R"({"id":"t1","state":"done","image":"x:1","digest":"sha256:a","root":"bafy",)"
                   R"("from":"docker.io","bytes_total":4,"bytes_from_source":3,)"
                   R"("missing_platforms":["linux/s390x"]})"));
    EXPECT_EQ(run({"image", "import", "x:1", "--platform", "linux/amd64", "--platform",
                   "linux/s390x", "--api", node.address()}),
              "x:1 is here: sha256:a, 4 B of which 3 B came from docker.io\n"
              "root bafy\n"
              "the image is not for linux/s390x\n");
    const auto sent = node.asked().front();
    EXPECT_EQ(json::parse(sent.substr(sent.find('{'))),
              (json{{"ref", "x:1"}, {"platforms", {"linux/amd64", "linux/s390x"}}}));
}

TEST(image_import, fails_with_what_the_transfer_says) {
    fake_node node;
    node.on("POST /api/v1/image", R"({"error":false,"msg":"","transfer":"t1"})");
    node.on("GET /api/v1/transfer/t1",
            answer("transfer", R"({"id":"t1","state":"failed","msg":"the registry hangs"})"));
    const auto why = failure_of({"image", "import", "x:1", "--api", node.address()});
    EXPECT_EQ(why.code, errc::failed);
    EXPECT_EQ(why.message(), "the registry hangs");
}

TEST(store_verify, names_what_is_damaged_and_fails) {
    fake_node node;
    node.on("POST /api/v1/store/verify",
            R"({"bytes_done":1,"bytes_total":2})"
            "\n"
            R"({"error":false,"damaged":[{"digest":"sha256:bad","images":["x:1"]}]})"
            "\n");
    const auto why = failure_of({"store", "verify", "--api", node.address()});
    EXPECT_NE(why.message(), "");
    fake_node fine;
    fine.on("POST /api/v1/store/verify", "{\"error\":false,\"damaged\":[]}\n");
    EXPECT_EQ(failure_of({"store", "verify", "--api", fine.address()}).message(),
              error{}.message());
}

TEST(command_line, refuses_what_it_does_not_know) {
    for (const std::vector<std::string>& words :
         {std::vector<std::string>{"strategy", "apply"},
          {"strategy", "ls", "--output", "xml"},
          {"image", "import"},
          {"no-such-command"},
          {"strategy", "apply", "x:1", "--percentage", "many"},
          {"strategy", "ls", "--no-such-option"}}) {
        CLI::App app;
        action chosen;
        add_commands(app, chosen);
        std::vector<std::string> reversed(words.rbegin(), words.rend());
        EXPECT_THROW(app.parse(std::move(reversed)), CLI::ParseError) << words.back();
    }
}
