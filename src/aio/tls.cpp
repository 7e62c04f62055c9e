#include "aio/tls.hpp"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace dm::aio {
namespace {

/// Plain bytes that are encrypted, and encrypted ones that are taken off the wire, at a time.
constexpr std::size_t piece_bytes = 64 << 10;

std::string last_reason() {
    const auto code = ERR_get_error();
    ERR_clear_error();
    const char* const text = code != 0 ? ERR_reason_error_string(code) : nullptr;
    return text ? text : "it cannot be read";
}

[[noreturn]] void refuse_file(std::string_view what, const std::string& file) {
    throw failure({make_error_code(std::errc::invalid_argument),
                   fmt::format("the {} in {} cannot be used: {}", what, file, last_reason())});
}

/// TLS over a byte_stream, by memory BIOs: OpenSSL never touches the socket.
class tls_stream final : public byte_stream {
  public:
    tls_stream(std::unique_ptr<byte_stream> over, const tls_identity& as, pool& workers)
        : over_(std::move(over)), workers_(workers), ssl_(SSL_new(as.context())) {
        if (!ssl_)
            throw std::bad_alloc();
        incoming_ = BIO_new(BIO_s_mem());
        outgoing_ = BIO_new(BIO_s_mem());
        SSL_set_bio(ssl_.get(), incoming_, outgoing_);
        SSL_set_accept_state(ssl_.get());
    }

    awaitable<void> handshake() {
        for (;;) {
            ERR_clear_error();
            const int done = SSL_do_handshake(ssl_.get());
            const int why = SSL_get_error(ssl_.get(), done);
            co_await flush();
            if (done == 1)
                co_return;
            if (why != SSL_ERROR_WANT_READ)
                raise(errc::closed, "the client does not speak TLS: " + last_reason());
            if (!co_await take_in())
                raise(errc::end_of_stream);
        }
    }

    awaitable<std::size_t> read_some(std::span<std::byte> into) override {
        for (;;) {
            ERR_clear_error();
            std::size_t n = 0;
            const int done = SSL_read_ex(ssl_.get(), into.data(), into.size(), &n);
            if (done == 1)
                co_return n;
            const int why = SSL_get_error(ssl_.get(), done);
            if (why == SSL_ERROR_ZERO_RETURN)
                co_return 0;
            if (why != SSL_ERROR_WANT_READ)
                raise(errc::closed, "the TLS connection broke: " + last_reason());
            if (!writing_)
                co_await flush();
            if (!co_await take_in())
                raise(errc::end_of_stream);  // without a goodbye it may have been cut
        }
    }

    awaitable<void> write(byte_view data) override {
        writing_ = true;
        struct done {
            bool& flag;
            ~done() { flag = false; }
        } const at_end{writing_};
        while (!data.empty()) {
            const auto part = data.first(std::min(data.size(), piece_bytes));
            std::size_t n = 0;
            ERR_clear_error();
            if (SSL_write_ex(ssl_.get(), part.data(), part.size(), &n) != 1)
                raise(errc::closed, "the TLS connection broke: " + last_reason());
            data = data.subspan(n);
            co_await flush();
        }
    }

    awaitable<void> send_file(int file, std::uint64_t offset, std::uint64_t length) override {
        bytes piece(std::min<std::uint64_t>(length, 4 * piece_bytes));
        while (length > 0) {
            const auto want = std::min<std::uint64_t>(length, piece.size());
            const auto n = co_await workers_.run(
                [&] { return ::pread(file, piece.data(), want, static_cast<off_t>(offset)); });
            if (n < 0)
                throw std::system_error(errno, std::generic_category(), "pread");
            if (n == 0)
                raise(errc::end_of_stream, "the file is shorter than announced");
            co_await write(byte_view(piece).first(static_cast<std::size_t>(n)));
            offset += static_cast<std::uint64_t>(n);
            length -= static_cast<std::uint64_t>(n);
        }
    }

    void shutdown_write() noexcept override { over_->shutdown_write(); }
    void close() noexcept override { over_->close(); }
    std::string peer() const override { return over_->peer(); }

  private:
    struct closer {
        void operator()(SSL* s) const noexcept { SSL_free(s); }
    };

    /// What OpenSSL wants sent.
    awaitable<void> flush() {
        while (BIO_ctrl_pending(outgoing_) > 0) {
            bytes out(BIO_ctrl_pending(outgoing_));
            const int n = BIO_read(outgoing_, out.data(), static_cast<int>(out.size()));
            out.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
            co_await over_->write(out);
        }
    }

    /// False when the client has gone.
    awaitable<bool> take_in() {
        in_.resize(piece_bytes);
        const auto n = co_await over_->read_some(in_);
        if (n > 0)
            BIO_write(incoming_, in_.data(), static_cast<int>(n));
        co_return n > 0;
    }

    std::unique_ptr<byte_stream> over_;
    pool& workers_;
    std::unique_ptr<SSL, closer> ssl_;
    BIO* incoming_ = nullptr;  ///< ssl_ owns both
    BIO* outgoing_ = nullptr;
    bytes in_;
    bool writing_ = false;
};

}  // namespace

void tls_identity::closer::operator()(ssl_ctx_st* c) const noexcept {
    SSL_CTX_free(c);
}

tls_identity::tls_identity(const std::string& certificate_file, const std::string& key_file)
    : context_(SSL_CTX_new(TLS_server_method())) {
    if (!context_)
        throw std::bad_alloc();
    SSL_CTX_set_min_proto_version(context_.get(), TLS1_2_VERSION);
    SSL_CTX_set_mode(context_.get(), SSL_MODE_RELEASE_BUFFERS);
    ERR_clear_error();
    if (SSL_CTX_use_certificate_chain_file(context_.get(), certificate_file.c_str()) != 1)
        refuse_file("certificate", certificate_file);
    if (SSL_CTX_use_PrivateKey_file(context_.get(), key_file.c_str(), SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(context_.get()) != 1)
        refuse_file("key", key_file);
}

awaitable<std::unique_ptr<byte_stream>> accept_tls(std::unique_ptr<byte_stream> over,
                                                   const tls_identity& as, pool& workers) {
    auto out = std::make_unique<tls_stream>(std::move(over), as, workers);
    co_await out->handshake();
    co_return out;
}

}  // namespace dm::aio
