#pragma once

#include <map>
#include <memory>
#include <set>
#include <utility>

#include "aio/event.hpp"
#include "base/clock.hpp"
#include "content/swarm/session.hpp"
#include "libp2p/host/host.hpp"

namespace dm::sharing {

struct shared_blob;

/// What a peer has said about a blob.
struct remote_blob {
    shared_blob* blob = nullptr;  ///< nullptr: not one of ours
    crypto::digest digest;
    swarm::join said;         ///< its latest
    bool answered = false;    ///< since we asked last
    swarm::leaf_set claimed;  ///< leaves that it says it has
};

/// A peer on /distromash/blob/1: a stream each way, and what was said on them.
struct link {
    link(executor ex, const host::peer_id& who, swarm::peer_no number, swarm::leaf_buffers& spare)
        : peer(who), no(number), session(&spare), wake(std::move(ex)) {}

    host::peer_id peer;
    swarm::peer_no no;
    swarm::session session;
    std::unique_ptr<host::stream> out;
    host::stream* in = nullptr;
    aio::event wake;  ///< there is something to write, or it is dead
    bool dead = false;
    int users = 0;  ///< coroutines that refer to it
    std::map<swarm::channel_no, remote_blob> theirs;
    std::set<swarm::channel_no> joined;  ///< our channels that it knows
    int strikes = 0;
    std::size_t piece_bytes = swarm::piece_bytes_first;  ///< as fast as it takes them
    std::uint64_t sent_bytes = 0;
    std::uint64_t received_bytes = 0;
};

/// Keeps a link in memory. A task has it from before it starts: it is handed in as an argument.
class link_use {
  public:
    explicit link_use(link& l) : l_(&l) { ++l.users; }
    link_use(link_use&& other) noexcept : l_(std::exchange(other.l_, nullptr)) {}
    link_use& operator=(link_use&&) = delete;
    ~link_use() {
        if (l_)
            --l_->users;
    }
    link& operator*() const noexcept { return *l_; }

  private:
    link* l_;
};

}  // namespace dm::sharing
