#include "oci/transport/registry_end.hpp"

#include <fmt/format.h>

#include <boost/asio/co_spawn.hpp>
#include <optional>

#include "oci/transport/errc.hpp"

namespace dm::transport {

template <class T>
T registry_session::run(awaitable<T> work) {
    std::exception_ptr failed;
    std::optional<T> out;
    asio::co_spawn(loop_, std::move(work), [&](std::exception_ptr e, T value) {
        failed = std::move(e);
        if (!failed)
            out.emplace(std::move(value));
        loop_.stop();  // what else is on it goes on with the next piece of work
    });
    loop_.restart();
    loop_.run();
    if (failed)
        std::rethrow_exception(failed);
    return *std::move(out);
}

namespace {

using upstream::exchange_failed;
using upstream::push_step;

awaitable<bool> stop(http::client* http) {
    co_await http->stop();
    co_return true;
}

class taking_sink final : public upstream::blob_sink {
  public:
    explicit taking_sink(const taker& take) : take_(take) {}
    bool on_bytes(byte_view piece) override {
        take_(piece);
        return true;
    }

  private:
    const taker& take_;
};

awaitable<bool> download(upstream::registry_client* from, upstream::repository where,
                         oci::descriptor what, upstream::blob_sink* sink) {
    co_await from->blob(std::move(where), std::move(what), 0, *sink);
    co_return true;
}

class registry_reader final : public image_reader {
  public:
    registry_reader(std::unique_ptr<registry_session> with, oci::reference name)
        : with_(std::move(with)), name_(std::move(name)) {}

    found_document top() override { return found(with_->run(with_->client().manifest(name_))); }

    std::optional<found_document> document(const oci::descriptor& what) override {
        try {
            return found(
                with_->run(with_->client().manifest(upstream::repository::of(name_), what.digest)));
        } catch (const failure& e) {
            if (e.code() == upstream::errc::not_found)
                return std::nullopt;
            throw;
        }
    }

    void blob(const oci::descriptor& what, const taker& take) override {
        taking_sink sink(take);
        with_->run(download(&with_->client(), upstream::repository::of(name_), what, &sink));
    }

  private:
    static found_document found(upstream::fetched_manifest m) {
        return {m.digest, std::move(m.media_type), to_bytes(m.raw)};
    }

    std::unique_ptr<registry_session> with_;
    oci::reference name_;
};

class registry_writer final : public image_writer {
  public:
    registry_writer(std::unique_ptr<registry_session> with, oci::reference name)
        : with_(std::move(with)), name_(std::move(name)) {}

    bool takes_indexes() const override { return true; }

    bool has(const oci::descriptor& blob) override {
        try {
            send({"HEAD", "blobs/" + blob.digest.to_string(), {}, {}, text_of(blob)});
            return true;
        } catch (const exchange_failed& e) {
            if (e.status == 404)
                return false;
            throw;
        }
    }

    void blob(const oci::descriptor& what,
              const std::function<void(const taker&)>& produce) override {
        const auto text = text_of(what);
        const auto begun =
            send({"POST", "blobs/uploads/?mount=" + what.digest.to_string(), {}, {}, text});
        if (begun.status == 201)
            return;  // the registry had it in another repository
        auto place = next(begun);
        std::string piece;
        std::uint64_t sent = 0;
        const auto flush = [&] {
            const auto end = sent + piece.size();
            place = next(send({"PATCH",
                               place,
                               {{"Content-Type", "application/octet-stream"},
                                {"Content-Range", fmt::format("{}-{}", sent, end - 1)}},
                               std::exchange(piece, {}),
                               text}));
            sent = end;
        };
        produce([&](byte_view bytes) {
            piece += as_chars(bytes);
            if (piece.size() >= push_piece_bytes)
                flush();
        });
        if (!piece.empty())
            flush();
        place += place.contains('?') ? '&' : '?';
        send({"PUT", place + "digest=" + what.digest.to_string(), {}, {}, text});
    }

    void document(const found_document& what, bool is_top) override {
        const auto selector = is_top && !name_.tag.empty() ? name_.tag : what.digest.to_string();
        const auto type =
            oci::media_type_of(value_or_throw(oci::parse_document(what.raw, what.media_type)));
        send({"PUT",
              "manifests/" + selector,
              {{"Content-Type", type}},
              std::string(as_chars(what.raw)),
              "manifest " + selector});
    }

    void finish() override {}

  private:
    static std::string text_of(const oci::descriptor& blob) {
        return "blob " + blob.digest.to_string();
    }

    http::response_head send(push_step step) {
        return with_->run(with_->client().push(upstream::repository::of(name_), std::move(step)));
    }

    static std::string next(const http::response_head& head) {
        const auto* where = head.find("Location");
        if (!where)
            raise(errc::failed, "the registry does not say where to upload to");
        return *where;
    }

    std::unique_ptr<registry_session> with_;
    oci::reference name_;
};

}  // namespace

registry_session::registry_session(upstream::options o)
    : http_(loop_.get_executor()), client_(http_, workers_, std::move(o)) {}

registry_session::~registry_session() {
    run(stop(&http_));
}

std::unique_ptr<image_reader> read_registry(std::unique_ptr<registry_session> with,
                                            oci::reference name) {
    return std::make_unique<registry_reader>(std::move(with), std::move(name));
}

std::unique_ptr<image_writer> write_registry(std::unique_ptr<registry_session> with,
                                             oci::reference name) {
    return std::make_unique<registry_writer>(std::move(with), std::move(name));
}

void delete_from_registry(registry_session& with, const upstream::repository& where,
                          const std::vector<crypto::digest>& documents) {
    for (const auto& d : documents) {
        try {
            with.run(with.client().push(
                where, {"DELETE", "manifests/" + d.to_string(), {}, {}, d.to_string()}));
        } catch (const exchange_failed& e) {
            if (e.status != 404)
                throw;
        }
    }
}

}  // namespace dm::transport
