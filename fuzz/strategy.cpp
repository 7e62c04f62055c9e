// links: plan
// What clients post as strategies, and what peers write into the fleet's state.
#include <algorithm>
#include <array>
#include <span>

#include "base/bytes.hpp"
#include "control/plan/key.hpp"
#include "control/plan/payload.hpp"
#include "control/plan/record.hpp"
#include "require.hpp"

using namespace dm;
using namespace dm::plan;

namespace {

void check(const strategy& s) {
    require(decode_strategy(encode(s)) == s);
    const std::array all{s};
    require(find_strategy(all, id_of(s)) == all.data());
    require(find_strategy(all, prototype_key(s)) == all.data());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto text = as_chars(std::as_bytes(std::span{data, size}));
    if (const auto request = parse_strategy_payload(text)) {
        strategy s;
        static_cast<strategy_request&>(s) = *request;
        check(s);
    } else {
        require(!request.error().reason.message().empty());
    }
    if (const auto s = decode_strategy(text))
        check(*s);
    if (const auto r = decode_name_record(text))
        require(decode_name_record(encode(*r)) == *r);
    if (const auto r = decode_node_record(text))
        require(decode_node_record(encode(*r)) == *r);
    if (const auto r = decode_label_record(text))
        require(decode_label_record(encode(*r)) == *r);
    if (const auto key = parse_record_key(text))
        require(to_string(*key) == text);
    (void)find_strategy({}, text);
    return 0;
}
