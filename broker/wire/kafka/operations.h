// The lists of authorized operations: Kafka's names for what a user may do, as a bit for each operation's number. They
// follow from the three permissions that the core judges by, request by request (docs/kafka.md, "Permissions").
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "broker/wire/kafka/task.h"

namespace tandem::wire::kafka {

namespace operation {
inline constexpr std::int32_t read = 1 << 3, write = 1 << 4, create = 1 << 5, remove = 1 << 6, alter = 1 << 7,
                              describe = 1 << 8, describe_configs = 1 << 10, alter_configs = 1 << 11,
                              idempotent_write = 1 << 12;
}

inline constexpr std::int32_t operations_not_asked = INT32_MIN;

inline core::Allowed allowed(const Conversation& conversation, std::optional<std::string_view> name) {
  return conversation.port().allowed(conversation.context.connection, name);
}

/// Everybody may look, and produce idempotently to what he may write to. To create in the cluster is to create topics of any name.
/// Nobody alters the cluster or its configuration, or acts as one of its brokers: there is no such request here.
inline std::int32_t cluster_operations(const Conversation& conversation) {
  using namespace operation;
  const core::Allowed may = allowed(conversation, std::nullopt);
  return describe | describe_configs | idempotent_write | (may.configure ? create : 0);
}

inline std::int32_t topic_operations(const Conversation& conversation, std::string_view topic) {
  using namespace operation;
  const core::Allowed may = allowed(conversation, topic);
  return describe | describe_configs | (may.read ? read : 0) | (may.write ? write : 0) |
         (may.configure ? create | remove | alter | alter_configs : 0);
}

inline std::int32_t group_operations(const Conversation& conversation, std::string_view group) {
  using namespace operation;
  const core::Allowed may = allowed(conversation, group);
  return describe | (may.read ? read : 0) | (may.configure ? remove : 0);
}

}  // namespace tandem::wire::kafka
