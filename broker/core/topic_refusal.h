// Refusals that several verbs of topics share.
#pragma once

#include <string>
#include <string_view>

#include "broker/core/vocabulary.h"

namespace tandem::core {

inline Refusal no_such_topic(std::string_view topic) {
  return {.code = ErrorCode::not_found, .object = ObjectKind::topic, .name = std::string(topic)};
}

/// A partition is named as people write it: "orders/3".
inline std::string partition_name(std::string_view topic, PartitionIndex partition) {
  return std::string(topic) + "/" + std::to_string(partition);
}

inline Refusal partition_refusal(ErrorCode code, std::string_view topic, PartitionIndex partition,
                                 std::string detail) {
  return {.code = code,
          .object = ObjectKind::partition,
          .name = partition_name(topic, partition),
          .detail = std::move(detail)};
}

inline Refusal no_such_partition(std::string_view topic, PartitionIndex partition) {
  return partition_refusal(ErrorCode::not_found, topic, partition, "");
}

inline Refusal topic_argument_refusal(std::string_view topic, std::string_view argument, std::string detail) {
  return {.code = ErrorCode::invalid_argument,
          .object = ObjectKind::topic,
          .name = std::string(topic),
          .argument = std::string(argument),
          .detail = std::move(detail)};
}

inline Refusal topic_limit_refusal(std::string_view topic, std::string_view limit, std::size_t value) {
  return {.code = ErrorCode::limit_reached,
          .object = ObjectKind::topic,
          .name = std::string(topic),
          .detail = std::string(limit) + " is " + std::to_string(value)};
}

}  // namespace tandem::core
