#include "daemon/mesh.hpp"

#include "base/rng.hpp"

namespace dm::daemon {
namespace {

/// Messages that one run may publish before its numbers could meet those of the next.
constexpr std::uint64_t messages_of_a_run = std::uint64_t{1} << 32;

/// Where the numbers of our messages begin: peers ignore those that are not above all they have
/// seen of us, so they rise over restarts, even when the clock goes back.
std::uint64_t next_seqno(const std::filesystem::path& file) {
    sqlite::database db(file, sqlite::durability::full);
    db.execute("create table if not exists pubsub_seqno(next integer not null)");
    const auto clock = std::chrono::system_clock::now().time_since_epoch();
    auto next = static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::nanoseconds>(clock).count());
    sqlite::transaction t(db);
    {
        auto s = db.prepare("select next from pubsub_seqno");
        while (s.step())
            next = std::max(next, static_cast<std::uint64_t>(s.integer(0)));
    }
    db.execute("delete from pubsub_seqno");
    db.prepare("insert into pubsub_seqno values(?)")
        .bind(1, static_cast<std::int64_t>(next + messages_of_a_run))
        .run();
    t.commit();
    return next;
}

trust::table_options trusting(const data_dir& data, bool open_operators) {
    if (open_operators)
        return {};
    auto roots = data.operators();
    const bool learns = roots.empty() && data.swarm_key();
    return {.roots = std::move(roots),
            .learns_root = learns,
            .on_learned = [&data](const multiformats::peer_id& root) {
                data.write_operators(std::vector{root});
            }};
}

}  // namespace

mesh::mesh(executor ex, aio::pool& workers, const data_dir& data, host::host& peers,
           crdt::block_source& blocks, bitswap::exchange& exchange, bool open_operators)
    : key_(data.identity()),
      pubsub_(ex, peers, key_,
              {.seqno = next_seqno(data / mesh_state_name), .seed = random_seed()}),
      state_(ex, workers, data / mesh_state_name, blocks, pubsub_, exchange,
             {.seed = random_seed()}),
      records_(ex, workers, state_, key_, data / mesh_state_name, trusting(data, open_operators)),
      presence_(ex, peers, pubsub_, random_seed()) {
    state_.reserve_for(records_.make_voucher());
}

void mesh::start() {
    pubsub_.start();
    state_.start();
    records_.start();
    presence_.start();
}

awaitable<void> mesh::stop() {
    co_await records_.stop();
    co_await state_.stop();
    co_await presence_.stop();
    co_await pubsub_.stop();
}

}  // namespace dm::daemon
