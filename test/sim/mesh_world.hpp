#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <queue>
#include <set>
#include <string>
#include <vector>

#include "base/rng.hpp"
#include "base/temp_dir.hpp"
#include "crypto/key.hpp"
#include "libp2p/gossipsub/router.hpp"
#include "mesh/crdt/announcer.hpp"
#include "mesh/crdt/reader.hpp"
#include "mesh/crdt/replica.hpp"
#include "mesh/presence/roster.hpp"

namespace dm::sim {

struct mesh_options {
    std::size_t nodes = 10;
    std::size_t writers = 10;  ///< the first so many have their state on disk, and can write
    std::size_t dials = 5;     ///< others that each node connects to
    std::chrono::milliseconds delay_min{5};  ///< one way
    std::chrono::milliseconds delay_max{50};
    bool with_presence = true;
    /// Of a node: what it takes for the time of day, against the others.
    std::function<std::chrono::nanoseconds(std::size_t)> clock_error = [](std::size_t) {
        return std::chrono::nanoseconds(0);
    };
    presence::roster_options roster{};
};

/// Nodes with the real cores of pubsub, shared state and presence, over links with a delay, on
/// virtual time. What the drivers do is done here in short: who hears of heads fetches them from
/// whom it heard them, who connects gets what it lacks. The same seed gives the same run.
class mesh_world {
  public:
    mesh_world(mesh_options o, std::uint64_t seed);

    void run_for(steady_time::duration time);
    /// False when it does not come to hold within that time.
    bool run_until(const std::function<bool()>& holds, steady_time::duration time);
    steady_time now() const noexcept { return now_; }

    /// The writer's own keys; deleted first.
    void write(std::size_t n, std::vector<std::pair<std::string, std::string>> set,
               const std::vector<std::string>& erased = {});
    const crdt::replica::values& state(std::size_t n) const { return sites_[n]->state; }
    presence::sighting seen(std::size_t by, std::size_t who) const;
    void say(std::size_t n, std::string status);

    /// Cuts or makes every link between the two groups; a node alone is cut off from all.
    void cut(const std::set<std::size_t>& some);
    void heal();

    std::size_t size() const noexcept { return sites_.size(); }
    multiformats::peer_id id(std::size_t n) const { return sites_[n]->id; }
    std::uint64_t sent_bytes(std::size_t n) const { return sites_[n]->sent_bytes; }
    bool all_alike() const;

  private:
    using peer_id = multiformats::peer_id;
    struct link {
        bool up = false;
        std::uint64_t generation = 0;
        std::chrono::microseconds delay{};
    };
    struct site {
        site(crypto::private_key own, std::uint64_t seqno, steady_time now, rng& random,
             const presence::roster_options& o);

        crypto::private_key key;
        peer_id id;
        gossipsub::router router;
        std::unique_ptr<temp_dir> folder{};
        std::unique_ptr<crdt::replica> replica{};
        std::unique_ptr<crdt::reader> reader{};
        crdt::announcer announcer;
        presence::roster roster;
        crdt::replica::values state{};
        std::map<crdt::cid, std::shared_ptr<const bytes>> blocks{};
        std::vector<crdt::cid> order{};
        std::set<crdt::cid> asked{};
        std::map<crdt::cid, std::vector<std::size_t>> wanted{};  ///< of us, and by whom
        std::uint64_t sent_bytes = 0;
        steady_time timer = steady_time::max();
    };
    struct event {
        steady_time at;
        std::uint64_t number;
        std::function<void()> what;
        bool operator<(const event& other) const {
            return at != other.at ? at > other.at : number > other.number;
        }
    };

    void after(steady_time::duration time, std::function<void()> what);
    void act(std::size_t n);
    void send(std::size_t from, gossipsub::send_rpc rpc);
    void hear(std::size_t n, const gossipsub::deliver& d);
    void fetch(std::size_t n, const crdt::cid& id, std::size_t from);
    void give(std::size_t from, const crdt::cid& id);
    void take(std::size_t n, const std::vector<crdt::block>& blocks);
    void note(site& s, const crdt::outcome& out);
    void set_link(std::size_t a, std::size_t b, bool up);
    void sync(std::size_t from, std::size_t to);
    link& link_of(std::size_t a, std::size_t b) { return links_[{std::min(a, b), std::max(a, b)}]; }

    mesh_options options_;
    rng random_;
    steady_time now_{std::chrono::hours{1}};
    std::uint64_t events_ = 0;
    std::priority_queue<event> queue_;
    std::vector<std::unique_ptr<site>> sites_;
    std::map<peer_id, std::size_t> index_;
    std::map<std::pair<std::size_t, std::size_t>, link> links_;
    std::map<std::pair<std::size_t, std::size_t>, steady_time> last_arrival_;
};

}  // namespace dm::sim
