#include "http/client/address.hpp"

#include <boost/asio/ip/address.hpp>

#include "aio/awaitable.hpp"

namespace dm::http {
namespace {

bool is_private_v4(const asio::ip::address_v4& a) noexcept {
    const auto value = a.to_uint();
    const auto within = [value](std::uint32_t net, int bits) {
        return (value ^ net) >> (32 - bits) == 0;
    };
    return within(0, 8) || within(0x0a000000, 8) || within(0x64400000, 10) ||
           within(0x7f000000, 8) || within(0xa9fe0000, 16) || within(0xac100000, 12) ||
           within(0xc0a80000, 16) || within(0xe0000000, 3);
}

}  // namespace

bool is_private_address(const std::string& text) {
    boost::system::error_code ec;
    const auto a = asio::ip::make_address(text, ec);
    if (ec)
        return true;
    if (a.is_v4())
        return is_private_v4(a.to_v4());
    const auto v6 = a.to_v6();
    if (v6.is_v4_mapped())
        return is_private_v4(asio::ip::make_address_v4(asio::ip::v4_mapped, v6));
    const bool unique_local = (v6.to_bytes()[0] & 0xfe) == 0xfc;
    return v6.is_loopback() || v6.is_unspecified() || v6.is_link_local() || v6.is_multicast() ||
           unique_local;
}

}  // namespace dm::http
