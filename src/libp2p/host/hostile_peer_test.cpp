// What a stranger can do to a host, layer by layer: the host stays up, its memory bounded, and an
// honest peer is served meanwhile.
#include "libp2p/host/host_for_test.hpp"
#include "libp2p/yamux/frame.hpp"

using namespace dm;
using namespace std::chrono_literals;
using host::fleet;
using host::quick;
using host::say;
using host::tcp_host;
using host::with_fleet;
using yamux::frame_type;

namespace {

bytes frame(frame_type type, std::uint16_t flags, std::uint32_t stream, std::uint32_t length) {
    return to_bytes(byte_view(yamux::encode({type, flags, stream, length})));
}

/// Reads until the other side closes; a reset of the connection is an end, too.
awaitable<void> wait_for_end(aio::byte_stream& s) {
    bytes buffer(65536);
    try {
        while (co_await s.read_some(buffer) > 0) {
        }
    } catch (const boost::system::system_error& e) {
        if (aio::is_cancelled(e))
            throw;
    }
}

/// An honest peer still gets its service.
awaitable<void> check_honest(fleet& f, tcp_host& at) {
    auto& honest = f.add();
    co_await honest.connect(at.self(), at.addresses());
    EXPECT_EQ(co_await say(honest, at, "are you well?"), "are you well?");
}

/// Frames that end the session, sent by a peer that has shaken hands.
void check_ends(const bytes& frames) {
    with_fleet([&frames](fleet& f) -> awaitable<void> {
        auto& a = f.add();
        host::rogue r;
        co_await r.meet(f.executor_, f.workers_, a);
        co_await r.say(frames);
        co_await r.see_the_end();
        co_await host::until([&] { return a.connection_count() == 0; });
        co_await check_honest(f, a);
    });
}

}  // namespace

TEST(hostile_peer, connects_without_end_and_says_nothing) {
    with_fleet([](fleet& f) -> awaitable<void> {
        auto o = quick();
        o.handshake_timeout = 300ms;
        auto& a = f.add(o);
        std::vector<std::unique_ptr<aio::byte_stream>> all;
        for (int i = 0; i < 100; ++i)
            all.push_back(host::knock(f.executor_, f.workers_, a));
        // Those over the limit of an address are closed at once; others get in from elsewhere.
        co_await wait_for_end(*all.back());
        co_await check_honest(f, a);
        // The rest when their time is up.
        co_await wait_for_end(*all.front());
        EXPECT_EQ(a.connection_count(), 1u);
    });
}

TEST(hostile_peer, shakes_hands_from_one_address_without_end) {
    with_fleet([](fleet& f) -> awaitable<void> {
        auto o = quick();
        o.connections_of_address_max = 4;
        auto& a = f.add(o);
        std::list<host::rogue> all;
        std::size_t refused = 0;
        for (int i = 0; i < 10; ++i)
            try {
                co_await all.emplace_back().meet(f.executor_, f.workers_, a);
            } catch (const boost::system::system_error&) {
                ++refused;
            }
        EXPECT_EQ(refused, 6u);
        EXPECT_EQ(a.connection_count(), 4u);
        co_await check_honest(f, a);
    });
}

TEST(hostile_peer, sends_a_byte_at_a_time) {
    with_fleet([](fleet& f) -> awaitable<void> {
        auto o = quick();
        o.handshake_timeout = 300ms;
        auto& a = f.add(o);
        auto line = host::knock(f.executor_, f.workers_, a);
        const std::string header = "\x13/multistream/1.0.0\n\x07/noise\n";
        const auto start = std::chrono::steady_clock::now();
        bool refused = false;
        for (std::size_t i = 0; i < 1000 && !refused; ++i)
            try {
                co_await line->write(as_bytes(header).subspan(i % header.size(), 1));
                co_await aio::sleep_for(20ms);
            } catch (const boost::system::system_error&) {
                refused = true;
            }
        EXPECT_TRUE(refused);
        EXPECT_LT(std::chrono::steady_clock::now() - start, 3s);
        co_await check_honest(f, a);
    });
}

TEST(hostile_peer, speaks_other_protocols_or_messages_that_are_too_long) {
    with_fleet([](fleet& f) -> awaitable<void> {
        auto o = quick();
        o.handshake_timeout = 300ms;
        auto& a = f.add(o);
        for (const std::string& said :
             {std::string("GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
              std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 and a long hello of TLS"),
              std::string("\xff\xff\x03"), std::string("\x13/multistream/1.0.0\n\xff\x7f"),
              std::string("\x13/multistream/1.0.0\n\x07/noise\n\xff\xff") + std::string(100, 'x'),
              std::string("\x13/multistream/1.0.0\n\x07/noise\n\x00\x05hello", 35)}) {
            auto line = host::knock(f.executor_, f.workers_, a);
            co_await line->write(as_bytes(said));
            co_await wait_for_end(*line);
        }
        EXPECT_EQ(a.connection_count(), 0u);
        co_await check_honest(f, a);
    });
}

TEST(hostile_peer, proposes_protocols_without_end) {
    with_fleet([](fleet& f) -> awaitable<void> {
        auto& a = f.add();
        auto line = host::knock(f.executor_, f.workers_, a);
        std::string said = "\x13/multistream/1.0.0\n";
        for (int i = 0; i < 100; ++i)
            said += "\x07/nope!\n";
        co_await line->write(as_bytes(said));
        co_await wait_for_end(*line);
        co_await check_honest(f, a);
    });
}

TEST(hostile_peer, forges_the_signature_of_its_identity) {
    with_fleet([](fleet& f) -> awaitable<void> {
        auto& a = f.add();
        const auto somebody = crypto::private_key::generate();
        const noise::local_party forged{somebody, crypto::x25519_key::generate(), {}};
        auto line = host::knock(f.executor_, f.workers_, a);
        co_await line->write(as_bytes("\x13/multistream/1.0.0\n\x07/noise\n"));
        const auto read = [&](std::size_t n) -> awaitable<bytes> {
            bytes out(n);
            for (std::size_t have = 0; have < n;)
                have += co_await line->read_some(std::span(out).subspan(have));
            co_return out;
        };
        co_await read(28);
        noise::xx_handshake xx(noise::role::initiator, forged.static_key,
                               crypto::x25519_key::generate());
        const auto send = [&](byte_view message) -> awaitable<void> {
            bytes out = {static_cast<std::byte>(message.size() >> 8),
                         static_cast<std::byte>(message.size())};
            append(out, message);
            co_await line->write(out);
        };
        co_await send(xx.write({}));
        const auto length = co_await read(2);
        const auto second =
            co_await read(static_cast<std::size_t>(to_u8(length[0]) << 8 | to_u8(length[1])));
        EXPECT_TRUE(xx.read(second).has_value());
        // Signs another key than the one that it uses.
        co_await send(xx.write(noise::encode_payload(
            somebody, crypto::x25519_key::generate().public_bytes(), {"/yamux/1.0.0"})));
        co_await wait_for_end(*line);
        EXPECT_EQ(a.connection_count(), 0u);
        EXPECT_TRUE(a.peers().empty());
        co_await check_honest(f, a);
    });
}

TEST(hostile_peer, sends_frames_that_are_not_authentic) {
    with_fleet([](fleet& f) -> awaitable<void> {
        auto& a = f.add();
        for (const auto* said : {"\x00\x03zzz", "\x00\x20 and 32 bytes of no ciphertext at"}) {
            host::rogue r;
            co_await r.meet(f.executor_, f.workers_, a);
            auto data = to_bytes(std::string_view(said, 5));
            data.resize(40);
            co_await r.line->carrier.write(data);
            co_await r.see_the_end();
        }
        co_await host::until([&] { return a.connection_count() == 0; });
        co_await check_honest(f, a);
    });
}

TEST(hostile_peer, ends_in_the_middle_of_a_frame) {
    with_fleet([](fleet& f) -> awaitable<void> {
        auto& a = f.add();
        {
            host::rogue r;
            co_await r.meet(f.executor_, f.workers_, a);
            auto data = to_bytes("\xff\xffhalf");
            co_await r.line->carrier.write(data);
        }
        co_await host::until([&] { return a.connection_count() == 0; });
        co_await check_honest(f, a);
    });
}

TEST(hostile_peer, overruns_its_window) {
    auto said = frame(frame_type::data, yamux::syn, 1, yamux::initial_window_bytes + 1);
    said.resize(said.size() + yamux::initial_window_bytes + 1);
    check_ends(said);
}

TEST(hostile_peer, opens_streams_that_are_not_its_to_open) {
    check_ends(frame(frame_type::window_update, yamux::syn, 2, 0));
}

TEST(hostile_peer, sends_frames_of_no_known_kind) {
    check_ends(bytes(12, std::byte{0x7f}));
}

TEST(hostile_peer, pings_without_end_and_does_not_read) {
    bytes said;
    for (std::size_t i = 0; i < 200'000; ++i)
        append(said, frame(frame_type::ping, yamux::syn, 0, 1));
    with_fleet([&said](fleet& f) -> awaitable<void> {
        auto& a = f.add();
        host::rogue r;
        co_await r.meet(f.executor_, f.workers_, a);
        aio::task_group flood(f.executor_);
        flood.spawn("flood", [](host::rogue& who, const bytes& what) -> awaitable<void> {
            try {
                for (;;)
                    co_await who.say(what);
            } catch (const boost::system::system_error& e) {
                EXPECT_TRUE(aio::is_cancelled(e) || e.code() == asio::error::broken_pipe ||
                            e.code() == asio::error::connection_reset);
            }
        }(r, said));
        co_await check_honest(f, a);
        co_await flood.stop();
    });
}

TEST(hostile_peer, opens_streams_without_end) {
    bytes said;
    for (std::uint32_t id = 1; id < 20'000; id += 2)
        append(said, frame(frame_type::window_update, yamux::syn, id, 0));
    with_fleet([&said](fleet& f) -> awaitable<void> {
        auto& a = f.add();
        host::rogue r;
        co_await r.meet(f.executor_, f.workers_, a);
        co_await r.say(said);
        co_await check_honest(f, a);
    });
}

TEST(hostile_peer, negotiates_forever_on_many_streams) {
    with_fleet([](fleet& f) -> awaitable<void> {
        auto o = quick();
        o.negotiation_timeout = 200ms;
        auto& a = f.add(o);
        host::rogue r;
        co_await r.meet(f.executor_, f.workers_, a);
        bytes said;
        for (std::uint32_t id = 1; id < 400; id += 2) {
            append(said, frame(frame_type::data, yamux::syn, id, 1));
            said.push_back(std::byte{0x13});
        }
        co_await r.say(said);
        co_await check_honest(f, a);
    });
}

TEST(hostile_peer, fills_windows_that_nobody_reads) {
    with_fleet([](fleet& f) -> awaitable<void> {
        auto& a = f.add();
        a.handle("/deaf/1", [](host::inbound in) -> awaitable<void> {
            const auto held = std::move(in.channel);
            aio::event never(co_await asio::this_coro::executor);
            co_await never.wait();
        });
        host::rogue r;
        co_await r.meet(f.executor_, f.workers_, a);
        const std::string hello = "\x13/multistream/1.0.0\n\x08/deaf/1\n";
        // 200 windows of 256 KiB are more than the budget over all streams.
        constexpr std::uint32_t streams = 200;
        const auto rest = static_cast<std::uint32_t>(yamux::initial_window_bytes - hello.size());
        for (std::uint32_t i = 0; i < streams; ++i) {
            auto said = frame(frame_type::data, yamux::syn, 1 + 2 * i,
                              static_cast<std::uint32_t>(hello.size()));
            append(said, hello);
            append(said, frame(frame_type::data, 0, 1 + 2 * i, rest));
            said.resize(said.size() + rest);
            co_await r.say(said);
        }
        EXPECT_LE(a.budget().unread_bytes(), yamux::window_budget::receive_bytes_max);
        co_await check_honest(f, a);
    });
}
