#pragma once

#include <cstdint>
#include <memory>
#include <queue>
#include <vector>

#include "base/rng.hpp"
#include "content/swarm/scheduler.hpp"
#include "content/swarm/uploader.hpp"

namespace dm::sim {

/// What a node does with what it is asked for: sends it; takes it and never sends; sends rubbish.
enum class conduct : std::uint8_t { honest, silent, lying };

/// One machine of a simulated swarm.
struct node_spec {
    double up_bytes = 2e6;    ///< a second
    double down_bytes = 2e6;  ///< a second
    bool source = false;
    conduct does = conduct::honest;  ///< others than honest claim to have all of it
    std::chrono::duration<double> joins{0};
    std::chrono::duration<double> leaves{-1};   ///< negative: stays
    std::chrono::duration<double> returns{-1};  ///< after leaving; negative: does not
};

struct world_options {
    std::uint64_t blob_bytes = 64'000'000;
    std::uint32_t frame_bytes = 65536;               ///< what links carry at once
    std::uint32_t window_bytes = 393216;             ///< on the way between two nodes, at most
    std::chrono::duration<double> delay_min{0.001};  ///< one way
    std::chrono::duration<double> delay_max{0.001};
    std::uint32_t neighbours = 1000;            ///< a node is connected to about this many others
    std::chrono::duration<double> batch{0.01};  ///< how long news of new leaves are gathered
    std::chrono::duration<double> time_max{3600};
    swarm::scheduler_options scheduling{};
    swarm::uploader_options uploading{};
};

struct world_result {
    std::vector<double> finished;  ///< seconds, by node; negative: did not
    double last = 0;
    std::uint64_t source_bytes = 0;     ///< that sources have sent
    std::uint64_t received_bytes = 0;   ///< by all
    std::uint64_t duplicate_bytes = 0;  ///< of those, what was there already
    std::uint64_t wrong_bytes = 0;      ///< of those, rubbish
    std::uint64_t drops = 0;            ///< times that a node gave another up
    std::uint64_t trace = 0;            ///< of everything that happened
    std::uint64_t events = 0;
};

/// Runs nodes that share one blob over links with a rate and a delay, on virtual time. Links carry
/// frames in the order they were written; what is on the way between two nodes is bounded; control
/// messages wait behind data. The same seed gives the same trace.
world_result run_world(const std::vector<node_spec>& nodes, const world_options& options,
                       std::uint64_t seed);

}  // namespace dm::sim
