#include "daemon/memory.hpp"

#include <malloc.h>

#include <cstddef>

namespace dm::daemon {
namespace {

constexpr int arenas_max = 2;
constexpr int mmap_threshold_bytes = 128 * 1024;
constexpr int trim_threshold_bytes = 512 * 1024;
constexpr std::size_t worth_releasing_bytes = 1 << 20;

}  // namespace

void tune_allocator() {
    ::mallopt(M_ARENA_MAX, arenas_max);
    // Set by hand it also stops growing by itself, which would keep every buffer of an import.
    ::mallopt(M_MMAP_THRESHOLD, mmap_threshold_bytes);
    ::mallopt(M_TRIM_THRESHOLD, trim_threshold_bytes);
}

void release_free_memory() {
    if (::mallinfo2().fordblks > worth_releasing_bytes)
        ::malloc_trim(0);
}

}  // namespace dm::daemon
