#pragma once

#include <curl/curl.h>

#include "base/result.hpp"
#include "http/client/request.hpp"
#include "http/syntax/url.hpp"

namespace dm::http {

/// What is known when libcurl gives up.
struct curl_failure {
    CURLcode code = CURLE_OK;
    std::string_view curl_text;
    int os_error = 0;
    bool connected = false;
    bool answered = false;
    std::uint64_t body_bytes = 0;
};

/// Our code and a sentence that names the host and says what to do.
error describe(const curl_failure& what, const syntax::url& where, const request& asked);

/// "no byte from registry.example for 30 s".
std::string stall_text(const syntax::url& where, const request& asked);

/// How messages name the other side: "registry.example", "127.0.0.1:5000".
std::string host_text(const syntax::url& where);

}  // namespace dm::http
