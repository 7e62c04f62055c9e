#include "api/process_metrics.hpp"

#include <prometheus/gauge.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/metrics.hpp"

namespace dm::api {
namespace {

double seconds(const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
}

double resident_bytes() {
    std::ifstream file("/proc/self/statm");
    double all = 0;
    double resident = 0;
    file >> all >> resident;
    return resident * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

double open_files() {
    std::error_code none;
    return static_cast<double>(
        std::distance(std::filesystem::directory_iterator("/proc/self/fd", none), {}));
}

}  // namespace

void update_process_metrics() {
    static auto& memory =
        metrics::gauge("process_resident_memory_bytes", "Resident memory size in bytes.");
    static auto& processor = metrics::gauge("process_cpu_seconds_total",
                                            "Total user and system CPU time spent in seconds.");
    static auto& files = metrics::gauge("process_open_fds", "Number of open file descriptors.");
    memory.Set(resident_bytes());
    files.Set(open_files());
    rusage used{};
    if (::getrusage(RUSAGE_SELF, &used) == 0)
        processor.Set(seconds(used.ru_utime) + seconds(used.ru_stime));
}

}  // namespace dm::api
