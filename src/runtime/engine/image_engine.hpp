#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "aio/awaitable.hpp"
#include "runtime/engine/errc.hpp"

namespace dm::engine {

/// What a machine or an image runs, in Go's words: "linux", "arm", "v7".
struct platform {
    std::string os;
    std::string architecture;
    std::string variant = {};

    friend bool operator==(const platform&, const platform&) = default;
};

/// "linux/arm/v7"; empty for an empty platform.
std::string to_string(const platform& value);

/// How an engine keeps images, which decides what its image ids are.
enum class image_store {
    none,
    graph,       ///< id = digest of the image configuration
    containerd,  ///< id = digest of the index or manifest that was pulled
};

/// An engine that answers.
struct engine_info {
    std::string name;         ///< "docker", "none"
    std::string version;      ///< "20.10.24"
    std::string api_version;  ///< the one we speak with it: "1.41"
    platform runs_on;
    image_store store = image_store::none;
    std::string root_dir;  ///< where its images lie, to look at that disk; empty when unknown
};

/// An image in the engine.
struct image {
    std::string id;                         ///< "sha256:…"
    std::vector<std::string> repo_tags;     ///< as people write them: "busybox:1.35.0"
    std::vector<std::string> repo_digests;  ///< "127.0.0.1:5005/x@sha256:…"
    platform runs_on;                       ///< empty where it was listed with others
    std::uint64_t size_bytes = 0;           ///< unpacked
    std::map<std::string, std::string> labels;
};

enum class layer_phase { waiting, downloading, retrying, downloaded, extracting, complete };

/// One layer on its way in. Sizes are compressed bytes, zero while unknown.
struct layer_progress {
    std::string id;  ///< short: 12 hex digits
    layer_phase phase = layer_phase::waiting;
    std::uint64_t total_bytes = 0;
    std::uint64_t downloaded_bytes = 0;
    std::uint64_t extracted_bytes = 0;
};

/// Whether the image is meant by that id, or has that name.
bool answers_to(const image& what, std::string_view name_or_id);

/// How far a pull is: its layers and the sums over them. Layers that were there already count no
/// bytes.
struct pull_progress {
    std::vector<layer_progress> layers;
    std::uint64_t total_bytes = 0;  ///< grows as layers begin
    std::uint64_t downloaded_bytes = 0;
    std::uint64_t extracted_bytes = 0;
};

/// Called as a pull goes on, from within the transfer: it may note and notify, but not call the
/// engine.
using progress_listener = std::function<void(const pull_progress&)>;

/// A container made from an image, running or not.
struct container {
    std::string id;
    std::string name;
    bool running = false;
};

/// Containers that `removal::users` names at most.
constexpr std::size_t users_max = 32;

/// What became of an image name that was to go.
struct removal {
    enum class outcome {
        removed,      ///< name and image are gone
        untagged,     ///< the name is gone; the image has others, or is part of another
        in_use,       ///< untouched: containers use the image
        other_image,  ///< untouched: the name stands for another image by now
        absent,       ///< there was no such name
    };
    outcome what = outcome::absent;
    std::vector<container> users;  ///< for in_use; empty when the engine does not say who
    std::string reason;            ///< a sentence part for people when something was kept
};

/// Something happened in the engine. A hint to look again, not the truth: events get lost.
struct event {
    enum class kind {
        connected,  ///< listening from now on: what happened before has to be looked up
        image,      ///< came, went or got another name
        container,  ///< stopped or went, so it may have let go of an image
    };
    kind what = kind::connected;
    std::string action;   ///< the engine's word: "untag", "die"
    std::string subject;  ///< image id or name, container name
};

/// Called from within the stream of events: it may note and notify, but not call the engine.
using event_listener = std::function<void(const event&)>;

/// The container engine of this machine. Names are image names with their tag ("busybox:1.35.0",
/// "docker.io/library/busybox:1.35.0") or with their digest ("127.0.0.1:5005/x@sha256:…"); one with
/// neither is refused as `invalid_request`. Failures are thrown as `failure` with engine::errc; an
/// engine that is down is `errc::unavailable`, whatever was asked.
class image_engine {
  public:
    virtual ~image_engine() = default;

    /// Which engine this is; throws when it is down.
    virtual awaitable<engine_info> info() = 0;

    /// The images that have these names or ids ("sha256:…"), each once, in no order; what is not
    /// there is left out. One question to the engine, however many names.
    virtual awaitable<std::vector<image>> list(std::vector<std::string> names_or_ids) = 0;

    /// The image of that name or id.
    awaitable<std::optional<image>> inspect(std::string name_or_id);

    /// Has the engine pull from a registry; returns the image's id. Pulled by digest, the image
    /// has no tag and any pruning takes it: tag it at once. Without `wanted` the engine chooses the
    /// platform of an index; an image without index is taken whatever it is for. There is no limit
    /// in time, but a pull without a sign of life is given up
    /// (`stalled`). Cancelling ends the pull; nothing of it has a name then.
    virtual awaitable<std::string> pull(std::string source, std::optional<platform> wanted,
                                        progress_listener listener) = 0;

    /// Gives an image a further name, away from the image that has it: look first. Doing it again
    /// changes nothing.
    virtual awaitable<void> tag(std::string image_id, std::string name) = 0;

    /// Takes a name away if it stands for `image_id`, and with the last name the image. Never by
    /// force, and not at all while a container uses the image, whatever other names there are. Only
    /// a digest name goes even then, as long as the image has a tag: so is the name dropped that
    /// an image was pulled by.
    virtual awaitable<removal> remove(std::string name, std::string image_id) = 0;

    /// Listens until the connection ends (returns then, because the engine stopped) or the caller
    /// cancels. The first event is `connected`. Throws when there is no connection to begin with.
    virtual awaitable<void> changes(event_listener listener) = 0;
};

}  // namespace dm::engine
