#include "http/client/client.hpp"

#include <fmt/format.h>

#include "base/format.hpp"
#include "http/client/curl_error.hpp"
#include "http/client/multi.hpp"
#include "http/client/transfer.hpp"

namespace dm::http {
namespace {

/// Collects a body in memory.
class memory_sink final : public body_sink {
  public:
    memory_sink(const request& what, const syntax::url& where) : request_(what), url_(where) {}

    void on_head(const response_head& head, flow_control) override {
        const auto announced = head.content_length().value_or(0);
        if (request_.method == "HEAD")
            return;
        check(announced);
        body.reserve(static_cast<std::size_t>(announced));
    }

    bool on_body(byte_view piece) override {
        check(body.size() + piece.size());
        body.append(as_chars(piece));
        return true;
    }

    std::string body;

  private:
    void check(std::uint64_t size) const {
        if (size > request_.body_bytes_max)
            raise(errc::body_too_large,
                  fmt::format("the answer of {} is larger than the {} that are allowed",
                              host_text(url_), to_size_text(request_.body_bytes_max)));
    }

    const request& request_;
    const syntax::url& url_;
};

syntax::url usable_url(const request& what) {
    auto url = syntax::parse_url(what.url);
    if (!url)
        raise(errc::malformed_request, url.error().message());
    return *std::move(url);
}

bool is_credential(const header& h) {
    const header_list one{h};
    return find_header(one, "Authorization") || find_header(one, "Proxy-Authorization") ||
           find_header(one, "Cookie");
}

/// Turns `what` into the request that the redirect in `head` asks for.
syntax::url redirect(request& what, const syntax::url& from, const response_head& head) {
    auto to = syntax::resolve(from, *head.find("Location"));
    if (!to)
        raise(errc::malformed_answer,
              fmt::format("{} redirects to something that is no URL", host_text(from)));
    if (from.scheme == "https" && to->scheme != "https")
        raise(errc::redirect_refused,
              fmt::format("{} redirects from https to plain http", host_text(from)));
    if (!syntax::same_origin(from, *to)) {
        std::erase_if(what.headers, is_credential);
        what.unix_socket.clear();
        if (what.tls)  // trust stays, identity does not
            what.tls = std::make_shared<tls_options>(what.tls->ca_pem, "", "");
    }
    const bool to_get =
        head.status == 303 ? what.method != "HEAD" : head.status < 303 && what.method == "POST";
    if (to_get) {
        what.method = "GET";
        what.body.clear();
    }
    return *std::move(to);
}

}  // namespace

client::client(const executor& ex, client_options options)
    : multi_(std::make_unique<multi>(ex, std::move(options))) {}
client::~client() = default;

awaitable<response> client::fetch(request what) {
    return fetch_into_memory(std::move(what));
}

awaitable<response> client::fetch_into_memory(request what) {
    const auto url = usable_url(what);
    memory_sink sink(what, url);
    auto head = co_await follow(what, &sink);
    co_return response{std::move(head), std::move(sink.body)};
}

awaitable<response_head> client::stream(request what, body_sink& sink) {
    return follow(std::move(what), &sink);
}

awaitable<response_head> client::follow(request what, body_sink* sink) {
    auto url = usable_url(what);
    bool public_only = false;
    for (int hops = 0;; ++hops) {
        if (hops > 0 && hops > what.redirects_max)
            raise(errc::too_many_redirects, fmt::format("{} leads to more than {} redirects",
                                                        host_text(url), what.redirects_max));
        transfer t(*multi_, what, url, *sink, what.redirects_max > 0, public_only);
        co_await t.run();
        if (!t.redirected())
            co_return t.head();
        public_only = public_only || t.from_public_address();
        url = redirect(what, url, t.head());
    }
}

awaitable<void> client::stop() {
    return multi_->stop();
}

}  // namespace dm::http
