#include "runtime/docker/pull_reader.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/json/read.hpp"
#include "runtime/docker/answers.hpp"
#include "runtime/docker/line_splitter.hpp"

namespace dm::docker {
namespace {

using engine::layer_phase;
using engine::layer_progress;

/// The state of a layer, from the start of its status; nullopt for lines about other things.
std::optional<layer_phase> phase_of(std::string_view status) {
    static constexpr std::pair<std::string_view, layer_phase> known[] = {
        {"Pulling fs layer", layer_phase::waiting},
        {"Waiting", layer_phase::waiting},
        {"Downloading", layer_phase::downloading},
        {"Retrying", layer_phase::retrying},
        {"Verifying Checksum", layer_phase::downloaded},
        {"Download complete", layer_phase::downloaded},
        {"Extracting", layer_phase::extracting},
        {"Pull complete", layer_phase::complete},
        {"Already exists", layer_phase::complete},
    };
    for (const auto& [start, phase] : known)
        if (status.starts_with(start))
            return phase;
    return std::nullopt;
}

struct bytes_done {
    std::uint64_t current = 0;
    std::uint64_t total = 0;
};

/// Newer engines count the seconds of an extraction instead of bytes: that is no size.
std::optional<bytes_done> bytes_of(const nlohmann::json& line) {
    const auto* detail = json::member(line, "progressDetail");
    if (detail == nullptr || json::string_member(*detail, "units") != nullptr)
        return std::nullopt;
    const auto current = json::unsigned_member(*detail, "current");
    const auto total = json::unsigned_member(*detail, "total");
    if (!current || !total || *total == 0 || *total > layer_bytes_max)
        return std::nullopt;
    return bytes_done{std::min(*current, *total), *total};
}

void apply(layer_progress& layer, layer_phase phase, const std::optional<bytes_done>& bytes) {
    layer.phase = phase;
    if (phase == layer_phase::downloading && bytes) {
        // After a broken connection both numbers are about what was still missing.
        layer.total_bytes = std::max(layer.total_bytes, bytes->total);
        layer.downloaded_bytes =
            std::max(layer.downloaded_bytes, layer.total_bytes - bytes->total + bytes->current);
    } else if (phase == layer_phase::extracting && bytes) {
        layer.total_bytes = std::max(layer.total_bytes, bytes->total);
        layer.downloaded_bytes = layer.total_bytes;
        layer.extracted_bytes = std::max(layer.extracted_bytes, bytes->current);
    } else if (phase == layer_phase::downloaded || phase == layer_phase::extracting) {
        layer.downloaded_bytes = layer.total_bytes;
    } else if (phase == layer_phase::complete) {
        layer.downloaded_bytes = layer.extracted_bytes = layer.total_bytes;
    }
}

}  // namespace

bool pull_reader::take(std::string_view text) {
    const auto line = json::read(text, {.bytes_max = line_bytes_max});
    if (!line)
        return false;
    if (const auto* failed = json::string_member(*line, "error"))
        failure_ = one_line(*failed);
    else if (const auto* detail = json::member(*line, "errorDetail"))
        if (const auto* message = json::string_member(*detail, "message"))
            failure_ = one_line(*message);
    const auto* status = json::string_member(*line, "status");
    if (status == nullptr)
        return false;
    done_ = done_ || status->starts_with("Status: ");
    const auto* id = json::string_member(*line, "id");
    const auto phase = phase_of(*status);
    if (id == nullptr || !phase)
        return false;
    auto* const at = layer(*id);
    if (at == nullptr)
        return false;
    apply(*at, *phase, bytes_of(*line));
    sum_up();
    return true;
}

result<void> pull_reader::finish() const {
    if (!failure_.empty())
        return fail(pull_error(failure_));
    if (!done_)
        return fail(engine::errc::pull_failed,
                    "Docker ended the pull without saying that it has the image");
    return {};
}

engine::layer_progress* pull_reader::layer(const std::string& id) {
    if (const auto known = index_.find(id); known != index_.end())
        return &progress_.layers[known->second];
    if (progress_.layers.size() == layers_max)
        return nullptr;
    index_.emplace(id, progress_.layers.size());
    auto& added = progress_.layers.emplace_back();
    added.id = id;
    return &added;
}

void pull_reader::sum_up() {
    progress_.total_bytes = progress_.downloaded_bytes = progress_.extracted_bytes = 0;
    for (const auto& one : progress_.layers) {
        progress_.total_bytes += one.total_bytes;
        progress_.downloaded_bytes += one.downloaded_bytes;
        progress_.extracted_bytes += one.extracted_bytes;
    }
}

error pull_error(std::string_view message) {
    const auto code = [&] {
        if (message.contains("no space left on device"))
            return engine::errc::no_space;
        if (message.contains("no matching manifest") ||
            message.contains("does not match the specified platform"))
            return engine::errc::no_such_platform;
        return engine::errc::pull_failed;
    }();
    return {code, fmt::format("Docker: {}", message)};
}

}  // namespace dm::docker
