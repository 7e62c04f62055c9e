#pragma once

#include <span>
#include <string_view>

namespace dm::assets {

/// One file of a web page, in the binary.
struct asset {
    std::string_view path;  ///< below where its table is mounted: "index.html"
    std::string_view type;  ///< media type
    std::string_view etag;  ///< with its quotes
    bool gzip = false;      ///< `data` is compressed
    std::string_view data;
};

/// The API explorer and the description of the API: index.html, openapi.yaml, openapi.json, …
std::span<const asset> swagger() noexcept;

/// The web application: index.html, assets/… (whose names change with their content), …
std::span<const asset> app() noexcept;

}  // namespace dm::assets
