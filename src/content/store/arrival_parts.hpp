#pragma once

#include <array>
#include <boost/asio/post.hpp>

#include "content/store/arrival.hpp"

/// What an arrival is made of, for its own files.
namespace dm::store {

struct arrival::chunk {
    std::uint64_t index = 0;
    std::size_t used = 0;
    std::atomic<int> users = 0;  ///< the leaf job and the chain
    std::array<std::byte, leaf_bytes> data;

    byte_view view() const noexcept { return byte_view(data).first(used); }
};

/// A leaf that put() waits for.
struct arrival::handed_leaf {
    handed_leaf(executor ex, std::uint32_t n, byte_view bytes, const leaf_hash& h)
        : index(n), data(bytes), expected(h), changed(std::move(ex)) {}

    std::uint32_t index;
    byte_view data;
    leaf_hash expected;
    bool right = false;
    std::optional<crypto::hasher> whole;  ///< of the blob up to its end, where it was hashed along
    std::exception_ptr failed;
    bool done = false;  ///< the loop knows
    aio::event changed;
};

/// What put() was given and no job has taken yet.
struct arrival::lane {
    std::mutex mutex;
    std::deque<handed_leaf*> waiting;
    int jobs = 0;
    std::uint64_t next = 0;  ///< follows the leaf that was taken last
};

/// The hash of the whole blob, fed leaf by leaf in order by one job at a time.
struct arrival::chain {
    chain(crypto::hasher h, std::size_t leaves) : hash(std::move(h)), here(leaves) {}

    /// A copy of the hash that one job advances, and nobody else meanwhile. Made with the lock
    /// held.
    struct claim {
        explicit claim(chain& c) : hash(c.hash), of(c) { c.claimed = true; }
        claim(const claim&) = delete;
        claim& operator=(const claim&) = delete;
        ~claim() {
            const std::scoped_lock lock(of.mutex);
            of.claimed = false;
            of.hash = hash;
        }
        crypto::hasher hash;
        chain& of;
    };

    /// Lock held: leaves that the hash covers.
    std::size_t leaves() const { return (hash.size() + leaf_bytes - 1) / leaf_bytes; }

    /// Lock held: leaves behind the hash that are here without a gap, up to `most`.
    std::size_t behind(std::size_t most) const {
        const auto first = leaves();
        std::size_t n = 0;
        while (n < most && first + n < here.size() && here[first + n])
            ++n;
        return n;
    }

    std::mutex mutex;
    std::deque<chunk*> queue;
    bool running = false;
    crypto::hasher hash;
    std::vector<bool> here;  ///< leaves that can be read out of the file
    bool claimed = false;    ///< by a job of put()
    std::atomic<bool> snapshot_wanted = false;
    std::optional<crypto::hasher> snapshot;
};

template <class F>
void arrival::on_loop(F f) {
    asio::post(executor_, std::move(f));
}

}  // namespace dm::store
