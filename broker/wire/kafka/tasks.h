// One function for each kind of request, in a file named after its subject.
#pragma once

#include "broker/wire/kafka/api.h"

namespace tandem::wire::kafka {

// cluster.cpp
bool begin_api_versions(Arrival& arrival);
bool begin_find_coordinator(Arrival& arrival);
bool begin_describe_cluster(Arrival& arrival);
/// What the answer to an ApiVersions request of a version that is not known here starts with: error 35 in
/// version 0, which every client understands.
void begin_unknown_api_versions(Arrival& arrival);
// metadata.cpp
bool begin_metadata(Arrival& arrival);
// sasl.cpp
bool begin_sasl_handshake(Arrival& arrival);
bool begin_sasl_authenticate(Arrival& arrival);
// produce.cpp
bool begin_produce(Arrival& arrival);
// fetch.cpp
bool begin_fetch(Arrival& arrival);
// partition_offsets.cpp
bool begin_list_offsets(Arrival& arrival);
bool begin_offset_for_leader_epoch(Arrival& arrival);
bool begin_delete_records(Arrival& arrival);
// group_membership.cpp
bool begin_join_group(Arrival& arrival);
bool begin_sync_group(Arrival& arrival);
bool begin_heartbeat(Arrival& arrival);
bool begin_leave_group(Arrival& arrival);
// group_offsets.cpp
bool begin_offset_commit(Arrival& arrival);
bool begin_offset_fetch(Arrival& arrival);
bool begin_offset_delete(Arrival& arrival);
// groups.cpp
bool begin_describe_groups(Arrival& arrival);
bool begin_list_groups(Arrival& arrival);
bool begin_delete_groups(Arrival& arrival);
// producers.cpp
bool begin_init_producer_id(Arrival& arrival);
// transactions.cpp
bool begin_add_partitions_to_txn(Arrival& arrival);
bool begin_add_offsets_to_txn(Arrival& arrival);
bool begin_end_txn(Arrival& arrival);
bool begin_txn_offset_commit(Arrival& arrival);
// describe_producers.cpp
bool begin_describe_producers(Arrival& arrival);
bool begin_describe_transactions(Arrival& arrival);
bool begin_list_transactions(Arrival& arrival);
// topic_admin.cpp
bool begin_create_topics(Arrival& arrival);
bool begin_delete_topics(Arrival& arrival);
bool begin_create_partitions(Arrival& arrival);
// describe_configs.cpp
bool begin_describe_configs(Arrival& arrival);
// alter_configs.cpp
bool begin_alter_configs(Arrival& arrival);
bool begin_incremental_alter_configs(Arrival& arrival);
// log_dirs.cpp
bool begin_describe_log_dirs(Arrival& arrival);
// acls.cpp
bool begin_describe_acls(Arrival& arrival);
bool begin_create_acls(Arrival& arrival);
bool begin_delete_acls(Arrival& arrival);

}  // namespace tandem::wire::kafka
