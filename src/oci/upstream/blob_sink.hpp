#pragma once

#include "base/bytes.hpp"

namespace dm::upstream {

class blob_download;

/// Takes the bytes of a blob in order. What it throws ends the download and is thrown by
/// registry_client::blob.
class blob_sink {
  public:
    blob_sink() = default;
    blob_sink(const blob_sink&) = delete;
    blob_sink& operator=(const blob_sink&) = delete;
    virtual ~blob_sink() = default;

    /// Takes all of `piece` (at most 16 KiB). False: nothing more comes before resume(); after that
    /// up to http::receive_bytes may come at once.
    virtual bool on_bytes(byte_view piece) = 0;

    /// Lets a paused download go on; no effect when there is none. Loop thread only; may be called
    /// from within on_bytes.
    void resume();

  private:
    friend class blob_download;
    blob_download* download_ = nullptr;
};

}  // namespace dm::upstream
