// What this broker is as a Kafka cluster: one node that leads every partition and coordinates every group.
// Host, port and defaults are facts of the server (BrokerPort::fact).
#pragma once

#include <charconv>
#include <string>
#include <string_view>

#include "broker/wire/face.h"

namespace tandem::wire::kafka {

inline constexpr std::int32_t node_id = 1;
/// Every partition is in its first and only epoch of leadership (schemas/batch.h patches 0 into the batches).
inline constexpr std::int32_t leader_epoch = 0;

inline std::int32_t number_fact(const BrokerPort& port, std::string_view name, std::int32_t fallback) {
  const std::string_view text = port.fact(name);
  std::int32_t value = fallback;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

/// Where the clients of this connection's listener are told to connect to.
inline Advertised advertised(const FaceContext& context) {
  if (!context.advertised.host.empty()) return context.advertised;
  return {std::string(context.port->fact("kafka_advertised_host")),
          number_fact(*context.port, "kafka_advertised_port", 9092)};
}
/// Kafka's auto.create.topics.enable.
inline bool creates_topics(const BrokerPort& port) {
  return port.fact("kafka_auto_create_topics") != "false";
}
/// Kafka's num.partitions.
inline std::int32_t default_partitions(const BrokerPort& port) {
  return number_fact(port, "kafka_default_partitions", 1);
}
/// Replication factors up to this are taken although there is one replica.
inline std::int32_t replication_max(const BrokerPort& port) {
  return number_fact(port, "kafka_replication_max", 3);
}

}  // namespace tandem::wire::kafka
