#pragma once

#include <map>
#include <set>

#include "base/clock.hpp"
#include "base/rng.hpp"
#include "mesh/presence/message.hpp"

namespace dm::presence {

enum class liveness {
    online,
    suspect,  ///< a neighbour has lost it, or it is silent: it may still speak up
    offline,
};

/// "online" and so on.
std::string_view name_of(liveness l) noexcept;

struct roster_options {
    std::chrono::seconds interval{300};  ///< between two beats when nothing happens
    std::chrono::seconds silence{660};   ///< after which a node is suspect: two beats were missed
    std::chrono::seconds suspicion{20};  ///< for which it may contradict
    std::chrono::milliseconds gone{5'000};     ///< a lost connection may come back within this time
    std::chrono::milliseconds spacing{1'000};  ///< between two beats of ours, at least
    /// Who is asked for its status says it no sooner than so long after it last did.
    std::chrono::seconds answer_spacing{10};
    std::size_t peers_max = 10'000;
};

/// What is known of a node.
struct sighting {
    liveness state = liveness::online;
    steady_time since{};  ///< when it came into this state
    std::string status{};
    bool was_offline = false;  ///< at some time since our start
};

/// Who is there, from what nodes say of themselves and of neighbours that they have lost. Beats go
/// out on change, after `interval` at the latest; who is said to be gone and is not, says so. A
/// status is said when it is new, to newcomers and to who asks for it: otherwise only its digest,
/// so that idle nodes say next to nothing however much they hold. Pure. After SWIM's suspicion,
/// with gossip in the place of probes: connections are probes enough.
class roster {
  public:
    roster(steady_time now, const peer_id& self, std::uint64_t seed, roster_options o = {});

    void connected(steady_time now, const peer_id& peer);
    void disconnected(steady_time now, const peer_id& peer);
    /// A connected peer listens to the topic: it wants to know.
    void listener(steady_time now);
    /// `number` rises with each beat of an author; older ones are ignored.
    void heard(steady_time now, const peer_id& author, std::uint64_t number, beat b);
    void status_changed(steady_time now, std::string status);

    steady_time deadline() const;
    void tick(steady_time now);
    /// A beat to be published.
    std::optional<beat> poll(steady_time now);
    /// The last one: there are no others after it.
    beat farewell();

    /// Of a node that was never heard: online for a while from our own start, then offline.
    sighting find(const peer_id& peer, steady_time now) const;
    /// Those of whom something has changed since the last call.
    std::set<peer_id> take_changed();

  private:
    struct entry {
        liveness state = liveness::online;
        steady_time since{};
        steady_time heard{};
        std::uint64_t number = 0;
        std::optional<steady_time> lost{};  // our connection, not yet reported
        bool is_connected = false;
        bool was_offline = false;
        std::string status{};
    };

    entry* entry_of(steady_time now, const peer_id& peer);
    void take_status(steady_time now, const peer_id& author, entry& e, beat& b);
    void take_asked(steady_time now, const std::vector<peer_id>& asked);
    void become(steady_time now, const peer_id& peer, entry& e, liveness state);
    void hurry(steady_time at);
    std::optional<steady_time> next_change(const entry& e) const;

    roster_options options_;
    rng random_;
    peer_id self_;
    steady_time started_;
    steady_time next_beat_;
    steady_time last_beat_;
    std::optional<steady_time> said_;  // when our status was said last
    bool is_status_due_ = true;
    bool is_leaving_ = false;
    std::string status_;
    std::map<peer_id, entry> peers_;
    std::set<peer_id> gone_;     // to be reported
    std::set<peer_id> lacking_;  // whose status is to be asked for
    std::set<peer_id> changed_;
};

}  // namespace dm::presence
