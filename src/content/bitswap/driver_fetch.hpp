#pragma once

#include <map>
#include <memory>

#include "content/bitswap/driver.hpp"
#include "content/bitswap/session.hpp"

namespace dm::bitswap {

/// Blocks that one fetcher holds or asks for ahead of their use, at most.
constexpr std::size_t fetched_ahead_max = 96;

/// Gets the blocks of one tree, from the store where they are there, else from peers: one session.
/// Lives on the loop; the exchange outlives it.
class fetcher final : public want_listener {
  public:
    explicit fetcher(exchange& from, session_options o = {});
    fetcher(const fetcher&) = delete;
    fetcher& operator=(const fetcher&) = delete;
    ~fetcher() override;

    /// The block, whose bytes are what its CID says. Throws not_found when nobody who can be
    /// reached has it.
    awaitable<std::shared_ptr<const bytes>> get(cid id);

    /// Blocks that get() will be called for soon, in this order: they are asked for now and kept
    /// until then. Those beyond fetched_ahead_max are left out.
    awaitable<void> get_ahead(std::vector<cid> ids);

    /// Bytes of blocks that came from peers.
    std::uint64_t received_bytes() const noexcept { return received_bytes_; }
    /// Peers that sent some.
    std::size_t sources() const noexcept { return sources_.size(); }

    void on_peer(const peer_id& peer, bool is_there, bool has_presence) override;
    void on_have(const peer_id& peer, const cid& id) override;
    void on_dont_have(const peer_id& peer, const cid& id, bool is_silence) override;
    void on_block(const peer_id& peer, const cid& id,
                  const std::shared_ptr<const bytes>& data) override;
    void on_tick(steady_time now) override;
    bool is_busy() const override { return session_.wanted() > 0; }
    void on_provider(const peer_id& peer) override;
    void on_searched() override;

  private:
    struct slot {
        std::shared_ptr<const bytes> data;
        bool is_given_up = false;
        std::size_t waiting = 0;
    };

    class waiter;

    void carry_out();

    exchange& exchange_;
    session session_;
    std::map<cid, slot> slots_;
    std::set<peer_id> providers_;
    std::set<peer_id> sources_;
    std::map<peer_id, bool> peers_;  // whether they can say HAVE
    std::uint64_t received_bytes_ = 0;
    aio::event changed_;
};

}  // namespace dm::bitswap
