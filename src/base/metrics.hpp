#pragma once

#include <map>
#include <string>

namespace prometheus {
class Counter;
class Gauge;
class Registry;
}  // namespace prometheus

namespace dm::metrics {

using labels = std::map<std::string, std::string>;

/// The process's registry.
prometheus::Registry& registry();

/// Name: distromash_<module>_<noun>_<unit>_total. Labels are bounded: no cid, no peer id.
prometheus::Counter& counter(const std::string& name, const std::string& help,
                             const labels& l = {});
prometheus::Gauge& gauge(const std::string& name, const std::string& help, const labels& l = {});

/// All metrics in the Prometheus text format 0.0.4.
std::string exposition();

}  // namespace dm::metrics
