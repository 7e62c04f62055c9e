#pragma once

namespace dm::daemon {

/// Sets the allocator up for a process that shall be small when it rests: few arenas, large
/// buffers given back at once. Call before any thread starts.
void tune_allocator();

/// Gives free memory back to the system if there is enough of it to be worth it.
void release_free_memory();

}  // namespace dm::daemon
