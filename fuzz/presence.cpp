// links: presence report
// Beats of presence and the reports in them: what is decoded is encoded and decoded the same.
#include "control/report/node_report.hpp"
#include "mesh/presence/message.hpp"
#include "require.hpp"

using namespace dm;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const byte_view input = std::as_bytes(std::span{data, size});
    if (const auto beat = presence::decode(input))
        require(presence::decode(presence::encode(*beat)) == beat);
    if (const auto report = report::decode(as_chars(input))) {
        require(report->lines.size() <= report::lines_max);
        require(report::decode(report::encode(*report, 2 * size + 1024)) == report);
    }
    return 0;
}
