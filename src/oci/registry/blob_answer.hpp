#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "content/store/arrival.hpp"
#include "crypto/digest.hpp"
#include "http/server/request.hpp"
#include "http/server/response_writer.hpp"

namespace dm::registry {

/// The answer to a blob request: the blob, a part of it, 304, 416, or headers only. The bytes may
/// come out of several files one after the other: an arrival that fails, and the one that takes it
/// up.
class blob_answer {
  public:
    /// Told which byte of the blob a client waits for; again whenever others have come.
    using waiting_listener = std::function<void(const crypto::digest& blob, std::uint64_t at)>;

    /// All outlive it.
    blob_answer(const crypto::digest& d, const server::request& req, server::response_writer& out,
                const waiting_listener& waiting)
        : digest_(d), request_(req), out_(out), waiting_(waiting) {}

    /// Sends what is missing from the file of a complete blob.
    awaitable<void> send(int file, std::uint64_t size);
    /// Sends what arrives, the blob's last byte only once it is complete. Returns when all is sent,
    /// or when the arrival has failed and another may take over; throws wrong_digest.
    awaitable<void> follow(store::arrival& blob);

    /// Where an arrival comes from, before follow(): "peer", "upstream"; empty: not for this.
    void set_source(std::string source) {
        if (!source.empty())
            source_ = std::move(source);
    }
    const std::string& source() const noexcept { return source_; }
    /// Bytes of the blob in this answer.
    std::uint64_t sent() const noexcept { return sent_; }

    bool begun() const noexcept { return begun_; }
    bool done() const noexcept { return done_; }
    /// Whether some of it came out of an arrival.
    bool followed() const noexcept { return followed_; }

  private:
    awaitable<void> begin(std::uint64_t size);
    awaitable<void> begin_part(std::uint64_t size);
    awaitable<void> finish();

    const crypto::digest& digest_;
    const server::request& request_;
    server::response_writer& out_;
    const waiting_listener& waiting_;
    std::string source_ = "store";
    std::uint64_t sent_ = 0;
    std::uint64_t next_ = 0;
    std::uint64_t end_ = 0;
    bool begun_ = false;
    bool done_ = false;
    bool followed_ = false;
};

/// Says where what is sent comes from: "store", "peer" or "upstream".
constexpr std::string_view source_header = "X-Distromash-Source";

std::string etag_of(const crypto::digest& d);
/// Whether the client says by If-None-Match that it has this content already.
bool has_already(const server::request& req, const crypto::digest& d);
/// Content-Type, Docker-Content-Digest, ETag.
server::header_list content_headers(const crypto::digest& d, std::string type);

}  // namespace dm::registry
