#include "bench/workloads.h"

namespace tandem::bench {

const std::vector<Workload>& workloads() {
  static const std::vector<Workload> all = [] {
    std::vector<Workload> list;
    add_queue_workloads(list);
    add_topic_workloads(list);
    add_mixed_workloads(list);
    add_amqp_workloads(list);
    add_kafka_workloads(list);
    add_group_workloads(list);
    add_latency_workloads(list);
    add_rate_workloads(list);
    add_standing_workloads(list);
    add_backlog_workloads(list);
    add_compaction_workloads(list);
    return list;
  }();
  return all;
}

}  // namespace tandem::bench
