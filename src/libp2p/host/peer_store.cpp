#include "libp2p/host/peer_store.hpp"

namespace dm::host {
namespace {

using seconds = std::chrono::seconds;

std::int64_t to_seconds(wall_time t) {
    return std::chrono::duration_cast<seconds>(t.time_since_epoch()).count();
}

wall_time from_seconds(std::int64_t n) {
    return wall_time(seconds(n));
}

using kept = std::vector<std::pair<peer_id, address_book::entry>>;

void replace(sqlite::database& database, const kept& all) {
    sqlite::transaction t(database);
    database.execute("delete from address");
    auto insert = database.prepare(
        "insert into address (peer, address, expires, last_success) values (?, ?, ?, ?)");
    for (const auto& [id, e] : all) {
        insert.bind(1, id.bytes())
            .bind(2, e.address.bytes())
            .bind(3, to_seconds(e.expires))
            .bind(4, to_seconds(e.last_success));
        insert.run();
    }
    t.commit();
}

}  // namespace

peer_store::peer_store(aio::pool& workers, const std::filesystem::path& file)
    : workers_(workers), database_(file, sqlite::durability::normal) {
    database_.execute(
        "create table if not exists address (peer blob not null, address blob not null, expires "
        "integer not null, last_success integer not null, primary key (peer, address)) without "
        "rowid");
}

void peer_store::load(address_book& into) {
    auto rows = database_.prepare("select peer, address, expires, last_success from address");
    while (rows.step()) {
        const auto id = peer_id::from_bytes(rows.blob(0));
        auto address = multiformats::parse_multiaddr(rows.blob(1));
        if (id && address)
            into.restore(*id, {*std::move(address), from_seconds(rows.integer(2)),
                               from_seconds(rows.integer(3))});
    }
}

awaitable<void> peer_store::save(const address_book& book) {
    const auto all = book.entries(std::chrono::system_clock::now());
    co_await workers_.run([&] { replace(database_, all); });
}

}  // namespace dm::host
