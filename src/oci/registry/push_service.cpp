#include "oci/registry/push_service.hpp"

#include <fmt/format.h>

#include <array>

#include "aio/timeout.hpp"
#include "base/log.hpp"
#include "oci/registry/chunk_range.hpp"
#include "oci/registry/errc.hpp"
#include "oci/registry/error_body.hpp"

namespace dm::registry {

using crypto::digest;
using server::header_list;
using server::request;
using server::response_writer;

namespace {

constexpr std::string_view waiting_prefix = "waiting:";
/// Bytes taken from a request at once.
constexpr std::size_t piece_bytes = 256 << 10;

steady_time now() {
    return std::chrono::steady_clock::now();
}

std::string blob_location(const asked& a, const digest& d) {
    return fmt::format("/v2/{}/blobs/{}", a.path.name, d.to_string());
}

/// How far an upload is. "0-0" also before the first byte, as all registries say.
header_list upload_headers(const asked& a, const upload_session& s) {
    const auto received = s.blob->received();
    return {{"Location", fmt::format("/v2/{}/blobs/uploads/{}", a.path.name, s.id)},
            {"Range", fmt::format("0-{}", received == 0 ? 0 : received - 1)},
            {"Docker-Upload-UUID", s.id}};
}

/// The digest that a request names; throws digest_invalid where it names none that can be checked.
digest asked_digest(const request& req) {
    const auto* text = req.where().find_query("digest");
    const auto d = text ? digest_in(*text) : std::nullopt;
    if (!d)
        raise(errc::digest_invalid, text ? "only sha256 and sha512 digests can be checked"
                                         : "the request does not say which digest the blob has");
    return *d;
}

awaitable<void> skip_body(request& req) {
    std::array<std::byte, 4096> piece;
    while (co_await req.read_body_some(piece) > 0) {
    }
}

}  // namespace

std::string waiting_pin(const digest& d) {
    return std::string(waiting_prefix) + d.to_string();
}

push_service::push_service(executor ex, aio::pool& workers, store::content_store& store,
                           repositories& known, name_resolver& names, publisher& fleet,
                           push_options o)
    : workers_(workers),
      store_(store),
      known_(known),
      names_(names),
      fleet_(fleet),
      options_(o),
      uploads_(store),
      group_(std::move(ex)) {}

void push_service::start() {
    group_.spawn("review uploads", review());
}

awaitable<void> push_service::stop() {
    co_await group_.stop();
    uploads_.drop_unused(steady_time::max());
}

/// Ends what its client has abandoned.
awaitable<void> push_service::review() {
    for (const auto& pin : co_await store_.pins(std::string(waiting_prefix)))
        co_await store_.unpin(pin.name);  // an earlier process kept them
    co_await restore_pins();
    for (;;) {
        co_await aio::sleep_for(options_.review_interval);
        uploads_.drop_unused(now() - options_.upload_idle_max);
        std::vector<digest> over;
        for (const auto& [d, until] : waiting_)
            if (until < now())
                over.push_back(d);
        for (const auto& d : over) {
            waiting_.erase(d);
            co_await store_.unpin(waiting_pin(d));
        }
    }
}

awaitable<void> push_service::keep_for_a_while(digest d) {
    waiting_.insert_or_assign(d, now() + options_.blob_waits_max);
    co_await store_.pin(waiting_pin(d), {d}, {});
}

awaitable<std::string> push_service::repository_for(const asked& a) {
    if (!a.repository)
        raise(errc::denied,
              fmt::format("{} is the name of an image elsewhere: push under a name of your own, "
                          "like team/app",
                          a.path.name));
    const bool exists = co_await workers_.run([&] { return known_.exists(*a.repository); });
    const auto* name = std::get_if<oci::repository_name>(&a.name);
    if (!exists && name->domain != oci::fleet_domain && co_await names_.knows(a.name))
        raise(errc::denied,
              fmt::format("{} is known here as an image of {}: push under another "
                          "name, or as {}/{}",
                          a.path.name, name->domain, oci::fleet_domain, *a.repository));
    co_return *a.repository;
}

awaitable<void> push_service::handle(asked a, request& req, response_writer& out) {
    auto repository = co_await repository_for(a);
    const auto& method = req.method();
    const bool is_new = a.path.selector.empty();
    using enum route::kind;
    if (a.path.what == upload && is_new && method == "POST")
        co_return co_await begin_upload(std::move(a), std::move(repository), req, out);
    if (a.path.what == upload && !is_new) {
        if (method == "PATCH")
            co_return co_await append(std::move(a), std::move(repository), req, out);
        if (method == "PUT")
            co_return co_await end_upload(std::move(a), std::move(repository), req, out);
        if (method == "DELETE") {
            uploads_.cancel(repository, a.path.selector);
            co_return co_await out.send(204, {}, {});
        }
        if (method == "GET" || method == "HEAD")
            co_return co_await out.send(
                204, upload_headers(a, *uploads_.take(repository, a.path.selector)), {});
    }
    if (a.path.what == manifest && method == "PUT")
        co_return co_await put_manifest(std::move(a), std::move(repository), req, out);
    if (a.path.what == manifest && method == "DELETE")
        co_return co_await delete_manifest(std::move(a), std::move(repository), out);
    if (a.path.what == blob && method == "DELETE")
        co_return co_await delete_blob(std::move(a), std::move(repository), out);
    throw server::refusal({make_error_code(server::errc::method_not_allowed), {}},
                          {{"Allow", "GET, HEAD"}});
}

awaitable<void> push_service::begin_upload(asked a, std::string repository, request& req,
                                           response_writer& out) {
    if (co_await mount(a, repository, req, out))
        co_return;
    const auto* monolithic = req.where().find_query("digest");
    const auto expected = monolithic ? std::optional(asked_digest(req)) : std::nullopt;
    if (expected) {
        auto session = uploads_.begin(repository);
        session.drop();
        co_await receive(*session, req);
        co_return co_await complete(a, std::move(session), *expected, out);
    }
    co_await skip_body(req);
    auto headers = upload_headers(a, *uploads_.begin(repository));
    co_await out.send(202, std::move(headers), {});
}

/// Whether the blob is in the repository now, because another one has it. Where that is not so the
/// client uploads.
awaitable<bool> push_service::mount(const asked& a, std::string repository, request& req,
                                    response_writer& out) {
    const auto* what = req.where().find_query("mount");
    const auto d = what ? crypto::parse_digest(*what) : fail(errc::digest_invalid);
    if (!d || !co_await store_.find(*d))
        co_return false;
    std::optional<std::string> from;
    if (const auto* named = req.where().find_query("from")) {
        if (oci::is_repository_path(*named))
            from = understand({route::kind::blob, *named, {}}, {}).repository;
        if (!from)
            co_return false;
    }
    const bool mounted = co_await workers_.run([&] {
        const bool there = from ? known_.find_blob(*from, *d) == repositories::presence::here
                                : known_.repository_with(*d).has_value();
        if (there)
            known_.add_blob(repository, *d);
        return there;
    });
    if (!mounted)
        co_return false;
    co_await keep_for_a_while(*d);
    co_await skip_body(req);
    co_await out.send(
        201, {{"Location", blob_location(a, *d)}, {"Docker-Content-Digest", d->to_string()}}, {});
    co_return true;
}

awaitable<void> push_service::append(asked a, std::string repository, request& req,
                                     response_writer& out) {
    std::optional<error> unmet;
    header_list headers;
    {
        // Over before the answer is out: the next chunk may come at once.
        const auto session = uploads_.take(repository, a.path.selector);
        unmet = co_await receive_if_met(*session, req);
        headers = upload_headers(a, *session);
    }
    if (unmet)
        co_await send_unmet(out, *unmet, std::move(headers));
    else
        co_await out.send(202, std::move(headers), {});
}

awaitable<void> push_service::end_upload(asked a, std::string repository, request& req,
                                         response_writer& out) {
    const auto expected = asked_digest(req);
    header_list headers;
    std::optional<error> unmet;
    {
        auto session = uploads_.take(repository, a.path.selector);
        unmet = co_await receive_if_met(*session, req);
        if (!unmet) {
            session.drop();
            co_return co_await complete(a, std::move(session), expected, out);
        }
        headers = upload_headers(a, *session);
    }
    co_await send_unmet(out, *unmet, std::move(headers));
}

/// The reason when the chunk does not follow what is here.
awaitable<std::optional<error>> push_service::receive_if_met(upload_session& s, request& req) {
    try {
        co_await receive(s, req);
    } catch (const failure& e) {
        if (e.code() != errc::upload_unmet)
            throw;
        co_return e.reason();
    }
    co_return std::nullopt;
}

awaitable<void> push_service::complete(const asked& a, upload_table::use session, digest d,
                                       response_writer& out) {
    std::optional<error> wrong;
    store::blob_info blob;
    try {
        blob = co_await store_.finish(*session->blob, d);
    } catch (const failure& e) {
        if (e.code() != store::errc::wrong_digest)
            throw;
        wrong = e.reason();
    }
    if (wrong)
        raise(errc::digest_invalid, wrong->message());
    co_await keep_for_a_while(d);
    co_await workers_.run([&] { known_.add_blob(session->repository, d); });
    probe_.blob_pushed(blob.size);
    log::info("blob pushed", {{"image", a.path.name},
                              {"digest", d.to_string()},
                              {"bytes", blob.size},
                              {"cid", blob.root.to_string()}});
    co_await out.send(201,
                      {{"Location", blob_location(a, d)},
                       {"Docker-Content-Digest", d.to_string()},
                       {"X-Docker-Content-ID", blob.root.to_string()}},
                      {});
}

/// What arrives is kept even when the client leaves in the middle: it may go on from there.
awaitable<void> push_service::receive(upload_session& s, request& req) {
    std::optional<std::uint64_t> size;
    if (const auto* range = req.headers().find("Content-Range")) {
        const auto chunk = value_or_throw(parse_chunk_range(*range));
        if (chunk.first != s.blob->received())
            raise(errc::upload_unmet, fmt::format("the chunk begins at byte {}, {} bytes are here",
                                                  chunk.first, s.blob->received()));
        size = chunk.size;
    }
    if (size && req.content_length().value_or(*size) != *size)
        raise(errc::size_invalid, fmt::format("Content-Range says {} bytes, Content-Length {}",
                                              *size, *req.content_length()));
    std::exception_ptr failed;
    try {
        co_await receive_some(s, req, size);
    } catch (...) {
        failed = std::current_exception();  // rethrown when the memory is free
    }
    co_await asio::this_coro::throw_if_cancelled(false);
    if (!s.dropped)
        co_await s.blob->pause();
    co_await asio::this_coro::throw_if_cancelled(true);
    if (failed)
        std::rethrow_exception(failed);
}

awaitable<void> push_service::receive_some(upload_session& s, request& req,
                                           std::optional<std::uint64_t> size) {
    const auto begin = s.blob->received();
    const bool was_dropped = s.dropped;  // a monolithic upload is, from its beginning on
    if (const auto length = size ? size : req.content_length())
        co_await store_.make_room(*s.blob, *length);
    bytes piece(piece_bytes);
    while (const auto n = co_await req.read_body_some(piece)) {
        if (s.dropped != was_dropped)
            raise(errc::upload_unknown);
        if (s.blob->received() + n > s.blob->reserved())
            co_await store_.make_room(*s.blob, upload_step_bytes);
        if (size && s.blob->received() + n - begin > *size) {
            s.dropped = true;
            raise(errc::size_invalid, "the chunk is longer than Content-Range says");
        }
        co_await s.blob->write(byte_view(piece).first(n));
    }
    if (size && s.blob->received() - begin < *size) {
        s.dropped = true;
        raise(errc::size_invalid, "the chunk is shorter than Content-Range says");
    }
}

awaitable<void> push_service::delete_blob(asked a, std::string repository, response_writer& out) {
    const auto d = digest_in(a.path.selector);
    const bool was_there =
        d && co_await workers_.run([&] { return known_.remove_blob(repository, *d); });
    if (!was_there)
        raise(errc::blob_unknown, fmt::format("{} has no blob {}", a.path.name, a.path.selector));
    log::info("blob deleted", {{"image", a.path.name}, {"digest", d->to_string()}});
    co_await out.send(202, {}, {});
}

}  // namespace dm::registry
