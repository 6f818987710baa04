#include "bench/workloads.h"

namespace tandem::bench {

const std::vector<Workload>& workloads() {
  static const std::vector<Workload> all = [] {
    std::vector<Workload> list;
    add_queue_workloads(list);
    add_topic_workloads(list);
    add_latency_workloads(list);
    add_standing_workloads(list);
    return list;
  }();
  return all;
}

}  // namespace tandem::bench
