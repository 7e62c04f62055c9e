#pragma once

#include <cstdint>
#include <string_view>

namespace prometheus {
class Counter;
}

namespace dm::registry {

/// The registry's metrics.
class probe {
  public:
    probe();

    void manifest_served() noexcept;
    /// A blob answer has ended; `followed`: the blob was still arriving.
    void blob_served(bool followed) noexcept;
    /// A blob answer was cut, because the blob failed or will not come.
    void blob_cut() noexcept;

    /// Bytes of a blob that have gone out; `source`: "store", "peer", "upstream".
    void sent(std::string_view source, std::uint64_t bytes) noexcept;
    void blob_pushed(std::uint64_t bytes) noexcept;
    void manifest_pushed() noexcept;

  private:
    prometheus::Counter& manifests_;
    prometheus::Counter& stored_;
    prometheus::Counter& followed_;
    prometheus::Counter& cut_;
    prometheus::Counter& pushed_manifests_;
    prometheus::Counter& pushed_blobs_;
    prometheus::Counter& pushed_bytes_;
    prometheus::Counter& from_store_;
    prometheus::Counter& from_peers_;
    prometheus::Counter& from_upstream_;
};

}  // namespace dm::registry
