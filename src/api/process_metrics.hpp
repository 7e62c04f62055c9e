#pragma once

namespace dm::api {

/// Notes memory, processor time and open files of this process as metrics, as they are now.
/// Spec: Prometheus "Writing client libraries", process metrics.
void update_process_metrics();

}  // namespace dm::api
