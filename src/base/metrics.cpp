#include "base/metrics.hpp"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <sstream>

namespace dm::metrics {

prometheus::Registry& registry() {
    static prometheus::Registry r;
    return r;
}

prometheus::Counter& counter(const std::string& name, const std::string& help, const labels& l) {
    return prometheus::BuildCounter().Name(name).Help(help).Register(registry()).Add(l);
}

prometheus::Gauge& gauge(const std::string& name, const std::string& help, const labels& l) {
    return prometheus::BuildGauge().Name(name).Help(help).Register(registry()).Add(l);
}

std::string exposition() {
    std::ostringstream out;
    prometheus::TextSerializer{}.Serialize(out, registry().Collect());
    return out.str();
}

}  // namespace dm::metrics
