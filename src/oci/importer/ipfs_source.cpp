#include "oci/importer/ipfs_source.hpp"

#include <fmt/format.h>

#include "aio/event.hpp"
#include "crypto/hash.hpp"
#include "oci/importer/errc.hpp"
#include "oci/manifest.hpp"

namespace dm::importer {
namespace {

constexpr std::size_t manifest_bytes_max = 4 << 20;

/// Holds a reader back while the sink has no room.
struct gate {
    explicit gate(executor ex) : opened(std::move(ex)) {}

    bool is_open = true;
    aio::event opened;
};

}  // namespace

awaitable<multiformats::cid> ipfs_source::find(std::string path) {
    tree::reader from(from_);
    try {
        co_return co_await from.resolve(root_, path);
    } catch (const failure& e) {
        if (e.code() == unixfs::errc::not_found || e.code() == unixfs::errc::not_a_directory)
            raise(errc::not_an_image,
                  fmt::format("{} has no {}: it is no image", root_.to_string(), path));
        throw;
    }
}

awaitable<found_manifest> ipfs_source::resolve() {
    const auto file = co_await find("manifests/latest");
    tree::reader from(from_);
    found_manifest out{.digest = {}, .media_type = "", .raw = {}};
    out.raw = co_await from.read_all(file, manifest_bytes_max);
    out.digest = crypto::hash_of(crypto::hash_algorithm::sha256, out.raw);
    co_return out;
}

awaitable<found_manifest> ipfs_source::manifest(oci::descriptor what) {
    const auto file = co_await find("manifests/" + what.digest.to_string());
    tree::reader from(from_);
    found_manifest out{.digest = what.digest, .media_type = what.media_type, .raw = {}};
    out.raw = co_await from.read_all(file, manifest_bytes_max);
    if (crypto::hash_of(what.digest.algorithm(), out.raw) != what.digest)
        raise(errc::not_an_image, fmt::format("{} has other bytes as manifest {}",
                                              root_.to_string(), what.digest.to_string()));
    co_return out;
}

awaitable<void> ipfs_source::blob(oci::descriptor what, std::uint64_t offset, byte_sink& sink) {
    const auto file = co_await find("blobs/" + what.digest.to_string());
    gate g(co_await asio::this_coro::executor);
    sink.on_resume([&g] {
        g.is_open = true;
        g.opened.notify_all();
    });
    struct detach {
        byte_sink& from;
        ~detach() { from.on_resume({}); }
    } const at_end{sink};
    tree::reader from(from_);
    // NOLINTNEXTLINE(cppcoreguidelines-avoid-capturing-lambda-coroutines): awaited here
    co_await from.read(file, offset, [&](byte_view piece) -> awaitable<void> {
        // It may say that there is room again before it returns.
        g.is_open = false;
        if (sink.on_bytes(piece))
            g.is_open = true;
        while (!g.is_open)
            co_await g.opened.wait();
    });
}

}  // namespace dm::importer
