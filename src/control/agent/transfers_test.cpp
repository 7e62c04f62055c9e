#include "control/agent/transfers.hpp"

#include <gtest/gtest.h>

using namespace dm;
using namespace dm::agent;

TEST(transfers, show_the_newest_first_and_tell_of_their_end) {
    transfers all;
    std::vector<std::pair<std::string, transfer_state>> told;
    all.on_change([&](const transfer_view& t) { told.emplace_back(t.id, t.state); });
    const auto first = all.begin(transfer_kind::import, "busybox:1", "docker.io");
    const auto second = all.begin(transfer_kind::load, "busybox:1", "store");
    EXPECT_EQ(all.all().front().id, second->id);
    EXPECT_EQ(all.find(first->id)->phase, "resolving");
    EXPECT_EQ(all.find("t99"), nullptr);

    all.progress(first, 10, 100);
    all.done(first);
    EXPECT_EQ(first->bytes_done, 100u) << "all of it, whatever was told last";
    EXPECT_TRUE(first->ended);
    all.failed(second, {make_error_code(std::errc::io_error), "the disk is gone"});
    EXPECT_EQ(all.find(second->id)->failure->detail, "the disk is gone");
    const decltype(told) expected{{first->id, transfer_state::running},
                                  {second->id, transfer_state::running},
                                  {first->id, transfer_state::done},
                                  {second->id, transfer_state::failed}};
    EXPECT_EQ(told, expected);
}

TEST(transfers, do_not_tell_of_every_byte) {
    transfers all;
    int told = 0;
    const auto t = all.begin(transfer_kind::import, "busybox:1", "docker.io");
    all.on_change([&](const transfer_view&) { ++told; });
    for (std::uint64_t i = 0; i < 1000; ++i)
        all.progress(t, i, 1000);
    EXPECT_LE(told, 10);
    EXPECT_EQ(t->bytes_done, 999u);
}

TEST(transfers, that_have_ended_are_forgotten_beyond_a_limit) {
    transfers all;
    const auto running = all.begin(transfer_kind::import, "first", "docker.io");
    std::string oldest_kept;
    for (std::size_t i = 0; i <= transfers_ended_max; ++i) {
        const auto t = all.begin(transfer_kind::import, "x", "docker.io");
        if (i == 1)
            oldest_kept = t->id;
        all.done(t);
    }
    EXPECT_EQ(all.all().size(), transfers_ended_max + 1);
    EXPECT_NE(all.find(running->id), nullptr) << "what is under way is never forgotten";
    EXPECT_NE(all.find(oldest_kept), nullptr);
    EXPECT_EQ(all.find("t2"), nullptr);
}
