#include "broker/wire/kafka/error.h"

namespace tandem::wire::kafka {

std::int16_t topic_error_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::none:
      return error::none;
    case ErrorCode::not_found:
      return error::unknown_topic_or_partition;
    case ErrorCode::already_exists:
      return error::topic_already_exists;
    case ErrorCode::invalid_argument:
      return error::invalid_request;
    case ErrorCode::access_refused:
      return error::invalid_record;  // control batches are the broker's own
    case ErrorCode::out_of_range:
      return error::offset_out_of_range;
    case ErrorCode::limit_reached:
      return error::policy_violation;
    case ErrorCode::fenced:
      return error::invalid_producer_epoch;
    case ErrorCode::out_of_order_sequence:
      return error::out_of_order_sequence;
    case ErrorCode::duplicate_sequence:
      return error::duplicate_sequence;
    case ErrorCode::corrupt:
      return error::corrupt_message;
    case ErrorCode::too_large:
      return error::message_too_large;
    case ErrorCode::resource_alarm:
    case ErrorCode::unavailable:
      return error::storage_error;
    case ErrorCode::unknown_producer:
      return error::invalid_producer_id_mapping;
    case ErrorCode::invalid_transaction_state:
      return error::invalid_transaction_state;
    case ErrorCode::not_supported:
      return error::unsupported_for_message_format;
    case ErrorCode::not_authorized:
      return error::topic_authorization_failed;
    default:
      return error::unknown_server_error;
  }
}

std::int16_t topic_error_of(const core::Refusal& refusal) {
  if (refusal.code != ErrorCode::invalid_argument || refusal.object != core::ObjectKind::topic)
    return topic_error_of(refusal.code);
  if (refusal.argument == "name") return error::invalid_topic;
  if (refusal.argument == "partitions") return error::invalid_partitions;
  return error::invalid_config;
}

std::int16_t group_error_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::none:
      return error::none;
    case ErrorCode::not_found:
      return error::unknown_topic_or_partition;
    case ErrorCode::fenced:
      return error::fenced_instance_id;
    case ErrorCode::unknown_member:
      return error::unknown_member_id;
    case ErrorCode::illegal_generation:
      return error::illegal_generation;
    case ErrorCode::rebalance_in_progress:
      return error::rebalance_in_progress;
    case ErrorCode::inconsistent_protocol:
      return error::inconsistent_group_protocol;
    case ErrorCode::member_id_required:
      return error::member_id_required;
    case ErrorCode::limit_reached:
      return error::group_max_size_reached;
    case ErrorCode::invalid_argument:
      return error::invalid_request;
    case ErrorCode::too_large:
      return error::offset_metadata_too_large;
    case ErrorCode::in_use:
      return error::group_subscribed_to_topic;
    case ErrorCode::not_empty:
      return error::non_empty_group;
    case ErrorCode::concurrent_transactions:
      return error::unstable_offset_commit;
    case ErrorCode::not_authorized:
      return error::group_authorization_failed;
    default:
      return error::unknown_server_error;
  }
}

std::int16_t producer_error_of(const core::Refusal& refusal, bool tells_fenced) {
  switch (refusal.code) {
    case ErrorCode::fenced:
      return tells_fenced ? error::producer_fenced : error::invalid_producer_epoch;
    case ErrorCode::unknown_producer:
      return error::invalid_producer_id_mapping;
    case ErrorCode::concurrent_transactions:
      return error::concurrent_transactions;
    case ErrorCode::invalid_transaction_state:
      return error::invalid_transaction_state;
    case ErrorCode::not_authorized:
      if (refusal.object == core::ObjectKind::topic) return error::topic_authorization_failed;
      if (refusal.object == core::ObjectKind::group) return error::group_authorization_failed;
      return error::transactional_id_authorization_failed;
    default:
      return topic_error_of(refusal.code);
  }
}

}  // namespace tandem::wire::kafka
