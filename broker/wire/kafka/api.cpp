#include "broker/wire/kafka/api.h"

#include <algorithm>

#include "broker/wire/kafka/tasks.h"

namespace tandem::wire::kafka {
namespace {

// Lowest versions: what Kafka 4 still serves (KIP-896), or less where a client in use needs it. Produce is
// advertised from 0 although its first three are refused: librdkafka before 2.11.1 takes a higher minimum as
// a sign that it must not compress. Highest versions: Produce 12 and 13, EndTxn 5 and TxnOffsetCommit 5 belong to
// transactions of the second kind, AddPartitionsToTxn 4 is for brokers, OffsetCommit and OffsetFetch 10 have no
// advantage over 9. (docs/kafka.md has the table for people.)
constexpr Api table[] = {
    {0, "Produce", 0, 0, 11, 9, begin_produce},
    {1, "Fetch", 4, 4, 18, 12, begin_fetch},
    {2, "ListOffsets", 1, 1, 10, 6, begin_list_offsets},
    {3, "Metadata", 0, 0, 13, 9, begin_metadata},
    {8, "OffsetCommit", 2, 2, 9, 8, begin_offset_commit},
    {9, "OffsetFetch", 1, 1, 9, 6, begin_offset_fetch},
    {10, "FindCoordinator", 0, 0, 6, 3, begin_find_coordinator},
    {11, "JoinGroup", 0, 0, 9, 6, begin_join_group},
    {12, "Heartbeat", 0, 0, 4, 4, begin_heartbeat},
    {13, "LeaveGroup", 0, 0, 5, 4, begin_leave_group},
    {14, "SyncGroup", 0, 0, 5, 4, begin_sync_group},
    {15, "DescribeGroups", 0, 0, 6, 5, begin_describe_groups},
    {16, "ListGroups", 0, 0, 5, 3, begin_list_groups},
    {17, "SaslHandshake", 0, 0, 1, newest, begin_sasl_handshake},
    {18, "ApiVersions", 0, 0, 4, 3, begin_api_versions},
    {19, "CreateTopics", 2, 2, 7, 5, begin_create_topics},
    {20, "DeleteTopics", 1, 1, 6, 4, begin_delete_topics},
    {21, "DeleteRecords", 0, 0, 2, 2, begin_delete_records},
    {22, "InitProducerId", 0, 0, 5, 2, begin_init_producer_id},
    {23, "OffsetForLeaderEpoch", 2, 2, 4, 4, begin_offset_for_leader_epoch},
    {24, "AddPartitionsToTxn", 0, 0, 3, 3, begin_add_partitions_to_txn},
    {25, "AddOffsetsToTxn", 0, 0, 4, 3, begin_add_offsets_to_txn},
    {26, "EndTxn", 0, 0, 4, 3, begin_end_txn},
    {28, "TxnOffsetCommit", 0, 0, 4, 3, begin_txn_offset_commit},
    {29, "DescribeAcls", 1, 1, 3, 2, begin_describe_acls},
    {30, "CreateAcls", 1, 1, 3, 2, begin_create_acls},
    {31, "DeleteAcls", 1, 1, 3, 2, begin_delete_acls},
    {32, "DescribeConfigs", 1, 1, 4, 4, begin_describe_configs},
    {33, "AlterConfigs", 0, 0, 2, 2, begin_alter_configs},
    {35, "DescribeLogDirs", 1, 1, 4, 2, begin_describe_log_dirs},
    {36, "SaslAuthenticate", 0, 0, 2, 2, begin_sasl_authenticate},
    {37, "CreatePartitions", 0, 0, 3, 2, begin_create_partitions},
    {42, "DeleteGroups", 0, 0, 2, 2, begin_delete_groups},
    {44, "IncrementalAlterConfigs", 0, 0, 1, 1, begin_incremental_alter_configs},
    {47, "OffsetDelete", 0, 0, 0, newest, begin_offset_delete},
    {60, "DescribeCluster", 0, 0, 2, 0, begin_describe_cluster},
    {61, "DescribeProducers", 0, 0, 0, 0, begin_describe_producers},
    {65, "DescribeTransactions", 0, 0, 0, 0, begin_describe_transactions},
    {66, "ListTransactions", 0, 0, 1, 0, begin_list_transactions},
};

}  // namespace

std::span<const Api> apis() {
  return table;
}

const Api* find_api(std::int16_t key) {
  const auto found = std::lower_bound(std::begin(table), std::end(table), key,
                                      [](const Api& api, std::int16_t wanted) { return api.key < wanted; });
  return found != std::end(table) && found->key == key ? found : nullptr;
}

}  // namespace tandem::wire::kafka
