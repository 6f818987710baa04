// The Kafka protocol's error numbers, and which of them says what the core refused. The same refusal has
// different numbers in different conversations: a fenced group member is not a fenced producer.
#pragma once

#include <cstdint>

#include "broker/core/vocabulary.h"

namespace tandem::wire::kafka {

namespace error {
inline constexpr std::int16_t unknown_server_error = -1, none = 0, offset_out_of_range = 1, corrupt_message = 2,
                              unknown_topic_or_partition = 3, message_too_large = 10, offset_metadata_too_large = 12,
                              invalid_topic = 17, invalid_required_acks = 21, illegal_generation = 22,
                              inconsistent_group_protocol = 23, invalid_group_id = 24, unknown_member_id = 25,
                              invalid_session_timeout = 26, rebalance_in_progress = 27,
                              topic_authorization_failed = 29, group_authorization_failed = 30, invalid_timestamp = 32,
                              unsupported_sasl_mechanism = 33, illegal_sasl_state = 34, unsupported_version = 35,
                              topic_already_exists = 36, invalid_partitions = 37, invalid_replication_factor = 38,
                              invalid_replica_assignment = 39, invalid_config = 40, invalid_request = 42,
                              unsupported_for_message_format = 43, policy_violation = 44,
                              out_of_order_sequence = 45, duplicate_sequence = 46, invalid_producer_epoch = 47,
                              invalid_transaction_state = 48, invalid_producer_id_mapping = 49,
                              invalid_transaction_timeout = 50, concurrent_transactions = 51,
                              transactional_id_authorization_failed = 53,
                              security_disabled = 54, operation_not_attempted = 55, storage_error = 56,
                              sasl_authentication_failed = 58, non_empty_group = 68, group_id_not_found = 69,
                              fetch_session_not_found = 70, fenced_leader_epoch = 74, unknown_leader_epoch = 75,
                              unsupported_compression_type = 76, member_id_required = 79,
                              group_max_size_reached = 81, fenced_instance_id = 82, group_subscribed_to_topic = 86,
                              invalid_record = 87, unstable_offset_commit = 88, producer_fenced = 90,
                              unknown_topic_id = 100, transactional_id_not_found = 105;
}  // namespace error

/// Of topics and partitions: append, fetch, list offsets, administration.
std::int16_t topic_error_of(ErrorCode code);
/// A refusal knows more: which argument is at fault.
std::int16_t topic_error_of(const core::Refusal& refusal);
/// Of groups and their offsets.
std::int16_t group_error_of(ErrorCode code);
/// Of transactional ids, and of what a transaction takes in. `tells_fenced`: the request's version knows PRODUCER_FENCED.
std::int16_t producer_error_of(const core::Refusal& refusal, bool tells_fenced);

}  // namespace tandem::wire::kafka
