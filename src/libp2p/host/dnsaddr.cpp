#include "libp2p/host/dnsaddr.hpp"

#include <arpa/nameser.h>
#include <netinet/in.h>
#include <resolv.h>

#include <array>
#include <memory>

#include "base/log.hpp"
#include "libp2p/host/errc.hpp"
#include "libp2p/host/net_address.hpp"

namespace dm::host {
namespace {

using multiformats::multiaddr;
using multiformats::peer_id;

constexpr std::string_view record_prefix = "dnsaddr=";
constexpr std::string_view name_prefix = "_dnsaddr.";
constexpr std::size_t answer_bytes_max = 65'536;
constexpr int lookup_seconds = 3;

/// The strings of a TXT record, joined: each has its length in front.
std::string joined(std::span<const unsigned char> data) {
    std::string out;
    while (!data.empty()) {
        const auto size = std::min<std::size_t>(data[0], data.size() - 1);
        out.append(reinterpret_cast<const char*>(data.data()) + 1, size);
        data = data.subspan(1 + size);
    }
    return out;
}

struct resolution {
    const peer_id& peer;
    const text_lookup& look_up;
    std::size_t lookups = 0;
    std::vector<multiaddr> found{};

    void follow(const multiaddr& address, int depth) {
        const auto name = dnsaddr_name(address);
        if (!name) {
            if (is_dialable(address) && found.size() < dnsaddr_addresses_max)
                found.push_back(address.without_peer());
            return;
        }
        if (depth >= dnsaddr_depth_max || ++lookups > dnsaddr_lookups_max)
            return;
        std::vector<std::string> records;
        try {
            records = look_up(std::string(name_prefix) + *name);
        } catch (const failure& e) {
            log::debug("name of a peer cannot be looked up",
                       {{"name", *name}, {"reason", e.what()}});
        }
        for (const auto& text : records) {
            if (!text.starts_with(record_prefix))
                continue;
            const auto next =
                multiformats::parse_multiaddr(std::string_view(text).substr(record_prefix.size()));
            // A name without a peer may lead to one that has it; an address may not.
            if (next && (next->peer() == peer || (!next->peer() && dnsaddr_name(*next))))
                follow(*next, depth + 1);
        }
    }
};

}  // namespace

std::optional<std::string> dnsaddr_name(const multiaddr& address) {
    const auto all = address.components();
    if (all.empty() || all[0].code != multiformats::protocol::dnsaddr || all.size() > 2 ||
        (all.size() == 2 && all[1].code != multiformats::protocol::p2p))
        return std::nullopt;
    return all[0].text();
}

std::vector<std::string> system_text_records(const std::string& name) {
    struct __res_state state{};
    if (::res_ninit(&state) != 0)
        raise(errc::bad_address, "the resolver of this machine is not set up");
    const std::unique_ptr<struct __res_state, void (*)(struct __res_state*)> closing(
        &state, [](struct __res_state* s) { ::res_nclose(s); });
    state.retrans = lookup_seconds;
    state.retry = 2;
    const auto answer = std::make_unique<std::array<unsigned char, answer_bytes_max>>();
    const int size = ::res_nquery(&state, name.c_str(), ns_c_in, ns_t_txt, answer->data(),
                                  static_cast<int>(answer->size()));
    if (size < 0) {
        if (state.res_h_errno == HOST_NOT_FOUND || state.res_h_errno == NO_DATA)
            return {};
        raise(errc::bad_address, "no answer from DNS");
    }
    ns_msg message;
    std::vector<std::string> out;
    if (::ns_initparse(answer->data(), std::min(size, static_cast<int>(answer->size())),
                       &message) != 0)
        return out;
    for (int i = 0; i < ns_msg_count(message, ns_s_an); ++i) {
        ns_rr record;
        if (::ns_parserr(&message, ns_s_an, i, &record) != 0)
            break;
        if (ns_rr_type(record) == ns_t_txt && out.size() < dnsaddr_addresses_max)
            out.push_back(
                joined({ns_rr_rdata(record), static_cast<std::size_t>(ns_rr_rdlen(record))}));
    }
    return out;
}

std::vector<multiaddr> resolve_dnsaddr(const std::vector<multiaddr>& addresses, const peer_id& peer,
                                       const text_lookup& look_up) {
    resolution r{.peer = peer, .look_up = look_up};
    for (const auto& a : addresses)
        r.follow(a, 0);
    return std::move(r.found);
}

}  // namespace dm::host
