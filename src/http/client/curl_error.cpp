#include "http/client/curl_error.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <cerrno>
#include <system_error>

#include "http/client/errc.hpp"

namespace dm::http {
namespace {

std::string seconds_text(std::chrono::milliseconds time) {
    return time.count() % 1000 == 0 ? fmt::format("{} s", time.count() / 1000)
                                    : fmt::format("{} ms", time.count());
}

error no_connection(const curl_failure& what, const std::string& side) {
    switch (what.os_error) {
        case ECONNREFUSED:
            return {
                errc::connect_failed,
                fmt::format("{} refuses connections: is it running, and is this its port?", side)};
        case ENOENT:
            return {errc::connect_failed, fmt::format("{} does not exist: is it running?", side)};
        case EACCES:
        case EPERM:
            return {errc::connect_failed, fmt::format("no permission to connect to {}", side)};
        case EHOSTUNREACH:
        case ENETUNREACH:
            return {errc::connect_failed,
                    fmt::format("no route to {}: check this machine's network", side)};
        default:
            return {errc::connect_failed,
                    fmt::format("cannot connect to {}: {}", side, what.curl_text)};
    }
}

error no_tls(const curl_failure& what, const std::string& side) {
    if (what.curl_text.contains("wrong version number"))
        return {errc::tls_failed,
                fmt::format("{} does not speak TLS: is it meant to be plain http?", side)};
    if (what.code == CURLE_PEER_FAILED_VERIFICATION)
        return {errc::tls_failed,
                fmt::format("the certificate of {} is not trusted ({}): give the CA that issued it",
                            side, what.curl_text)};
    if (what.code == CURLE_SSL_CACERT_BADFILE)
        return {errc::tls_failed, fmt::format("the CA certificates for {} cannot be read ({})",
                                              side, what.curl_text)};
    return {errc::tls_failed, fmt::format("no TLS connection to {}: {}", side, what.curl_text)};
}

error closed(const curl_failure& what, const std::string& side) {
    if (!what.answered)
        return {errc::closed_early,
                fmt::format("{} closed the connection without an answer", side)};
    return {errc::closed_early,
            fmt::format("{} closed the connection in the middle of its answer", side)};
}

}  // namespace

std::string host_text(const syntax::url& where) {
    const syntax::authority side{
        where.host, where.is_default_port() ? std::nullopt : std::optional{where.port}};
    return syntax::to_string(side);
}

std::string stall_text(const syntax::url& where, const request& asked) {
    return fmt::format("{} sent next to nothing for {}: its line or the server hangs",
                       host_text(where), seconds_text(asked.stall_timeout));
}

error describe(const curl_failure& what, const syntax::url& where, const request& asked) {
    const auto side = asked.unix_socket.empty() ? host_text(where) : asked.unix_socket;
    switch (what.code) {
        case CURLE_COULDNT_RESOLVE_HOST:
        case CURLE_COULDNT_RESOLVE_PROXY:
            return {errc::resolve_failed,
                    fmt::format("{} has no address: check the name and this machine's DNS",
                                where.host)};
        case CURLE_COULDNT_CONNECT:
            return no_connection(what, side);
        case CURLE_SSL_CONNECT_ERROR:
        case CURLE_PEER_FAILED_VERIFICATION:
        case CURLE_SSL_CERTPROBLEM:
        case CURLE_SSL_CACERT_BADFILE:
        case CURLE_SSL_ISSUER_ERROR:
        case CURLE_SSL_INVALIDCERTSTATUS:
            return no_tls(what, side);
        case CURLE_OPERATION_TIMEDOUT:
            if (!what.connected)
                return {errc::timed_out, fmt::format("no connection to {} within {}", side,
                                                     seconds_text(asked.connect_timeout))};
            return {errc::timed_out,
                    fmt::format("{} did not finish its answer within {}", side,
                                seconds_text(asked.total_timeout.value_or(asked.connect_timeout)))};
        case CURLE_GOT_NOTHING:
        case CURLE_PARTIAL_FILE:
        case CURLE_RECV_ERROR:
        case CURLE_SEND_ERROR:
            return closed(what, side);
        case CURLE_UNSUPPORTED_PROTOCOL:
        case CURLE_WEIRD_SERVER_REPLY:
        case CURLE_BAD_CONTENT_ENCODING:
            return {errc::malformed_answer,
                    fmt::format("{} does not answer in proper HTTP ({})", side, what.curl_text)};
        case CURLE_URL_MALFORMAT:
            return {errc::malformed_request,
                    fmt::format("the URL for {} cannot be used ({})", side, what.curl_text)};
        default:
            return {errc::failed, fmt::format("the exchange with {} failed: {}", side,
                                              what.curl_text.empty() ? curl_easy_strerror(what.code)
                                                                     : what.curl_text)};
    }
}

}  // namespace dm::http
