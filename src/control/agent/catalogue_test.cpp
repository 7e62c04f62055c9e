#include "control/agent/catalogue.hpp"

#include <gtest/gtest.h>

#include "aio/run_for_test.hpp"
#include "base/temp_dir.hpp"
#include "control/agent/agent_world_for_test.hpp"
#include "mesh/state/durable_map.hpp"

using namespace dm;
using namespace dm::agent;

namespace {

crypto::digest digest_of(std::string_view text) {
    return crypto::hash_of(crypto::hash_algorithm::sha256, as_bytes(text));
}

oci::image_record image_of(std::string_view text) {
    return {
        .digest = digest_of(text),
        .media_type = "application/vnd.oci.image.manifest.v1+json",
        .root = multiformats::cid::of(multiformats::codec::dag_pb, as_bytes(text)),
        .blobs = {{digest_of(text), multiformats::cid::of(multiformats::codec::raw, as_bytes(text)),
                   text.size()}},
        .platforms = {}};
}

plan::name_record name_of(const std::string& text, const crypto::digest& digest) {
    plan::name_record out;
    out.name = value_or_throw(oci::parse_reference(text));
    out.digest = digest;
    return out;
}

template <class Body>
void with_state(Body body) {
    temp_dir folder;
    aio::pool workers;
    aio::run_coroutine([&](executor ex) -> awaitable<void> {
        state::durable_map shared(ex, workers, folder / "state.db");
        co_await body(shared);
    });
}

}  // namespace

TEST(catalogue, follows_the_shared_state) {
    with_state([](state::durable_map& shared) -> awaitable<void> {
        catalogue before(shared);
        int told = 0;
        before.on_change([&](const state::change&) { ++told; });
        const auto image = image_of("image");
        co_await before.put(&image, name_of("busybox:1", image.digest));
        const catalogue after(shared);  // reads what is there already
        for (const catalogue* c : {&std::as_const(before), &after}) {
            EXPECT_EQ(*c->image(image.digest), image);
            EXPECT_EQ(c->image_with_root(image.root), c->image(image.digest));
            EXPECT_EQ(c->names_of(image.digest).size(), 1u);
            EXPECT_EQ(c->name(oci::parse_reference("docker.io/library/busybox:1").value())->digest,
                      image.digest);
        }
        EXPECT_EQ(told, 2);
        co_await before.erase_name(name_key(oci::parse_reference("busybox:1").value()));
        co_await before.erase_image(image.digest);
        EXPECT_TRUE(before.images().empty());
        EXPECT_TRUE(before.names().empty());
        EXPECT_EQ(before.image_with_root(image.root), nullptr);
    });
}

TEST(catalogue, finds_a_name_whatever_digest_is_asked_with_it) {
    with_state([](state::durable_map& shared) -> awaitable<void> {
        catalogue records(shared);
        const auto image = image_of("image");
        co_await records.put(&image, name_of("busybox:1", image.digest));
        const auto asked =
            oci::parse_reference("busybox:1@" + digest_of("other").to_string()).value();
        EXPECT_EQ(name_key(asked), "docker.io/library/busybox:1");
        EXPECT_NE(records.name(asked), nullptr);
        EXPECT_EQ(records.name(oci::parse_reference("busybox:2").value()), nullptr);
    });
}

TEST(catalogue, believes_what_it_has_seen_of_an_image_and_no_record_against_it) {
    with_state([](state::durable_map& shared) -> awaitable<void> {
        catalogue records(shared);
        const auto good = image_of("good");
        const auto key = "/dm1/image/" + good.digest.to_string() + "/rec";
        auto bad = good;
        bad.blobs.front().cid = multiformats::cid::of(multiformats::codec::raw, as_bytes("bad"));
        co_await shared.set(key, oci::encode(bad));
        EXPECT_EQ(*records.image(good.digest), bad) << "who has not got it cannot tell";
        EXPECT_TRUE(records.certify(good));
        EXPECT_EQ(*records.image(good.digest), good);
        bad.blobs.front().cid = good.blobs.front().cid;
        bad.platforms.push_back({{"windows", "amd64"}, digest_of("no such manifest"), {}});
        co_await shared.set(key, oci::encode(bad));
        EXPECT_EQ(*records.image(good.digest), good);
        co_await shared.set(key, "rubbish");
        EXPECT_EQ(*records.image(good.digest), good);
        auto more = good;
        more.blobs.push_back({digest_of("layer"), good.blobs.front().cid, 5});
        co_await shared.set(key, oci::encode(more));
        EXPECT_EQ(*records.image(good.digest), more) << "what it does not deny";
        co_await shared.erase(key);
        EXPECT_EQ(records.image(good.digest), nullptr);
    });
}

TEST(catalogue, leaves_records_alone_that_it_cannot_read) {
    with_state([](state::durable_map& shared) -> awaitable<void> {
        catalogue records(shared);
        const auto good = image_of("good");
        co_await records.put(&good, name_of("good:1", good.digest));
        const auto key = "/dm1/image/" + good.digest.to_string() + "/rec";
        co_await shared.set(key, "no record");
        EXPECT_NE(records.image(good.digest), nullptr) << "the last one that could be read";
        // A record under the digest of another image would name an image falsely.
        const auto other = digest_of("other");
        co_await shared.set("/dm1/image/" + other.to_string() + "/rec", oci::encode(good));
        EXPECT_EQ(records.image(other), nullptr);
        for (const auto* odd : {"/dm1/image/nonsense/rec", "/dm1/name/x/rec", "/dm1/strategy/x/rec",
                                "/dm1/node/x/rec", "/dm1/future/x/rec", "/dm1/operator/x/rec", "x"})
            co_await shared.set(odd, "{}");
        EXPECT_EQ(records.images().size(), 1u);
        EXPECT_EQ(records.names().size(), 1u);
        EXPECT_TRUE(records.strategies().empty());
        EXPECT_TRUE(records.nodes().empty());
        EXPECT_EQ(shared.find("/dm1/node/x/rec"), "{}");
    });
}
