// What can be set about a broker: on the command line, in the environment (TANDEM_…), in a configuration
// file, in this order of precedence (docs/operations.md).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "broker/base/limits.h"
#include "broker/server/log_line.h"

namespace tandem::server {

struct HostAndPort {
  std::string host;  // "" = not set
  int port = 0;
};

/// "name:9092", "10.0.0.5:9092" or "[::1]:9092"; nullopt when it is none of these.
std::optional<HostAndPort> parse_host_and_port(const std::string& text, int port_min = 1);

/// One more address and port for Kafka's clients, and where those that come there are told to connect to.
struct KafkaListener {
  HostAndPort listen;  // port 0: the system chooses
  HostAndPort advertised;
};

/// "0.0.0.0:9094=broker.example:9094"; nullopt when it is none.
std::optional<KafkaListener> parse_kafka_listener(const std::string& text);

struct Options {
  std::string check_directory;  // not "": only check this one (check.h)
  std::string data_directory = "tandem-data";
  std::vector<std::string> listen;  // empty = 127.0.0.1 and, where there is IPv6, [::1]
  // 0 = the system chooses, -1 = this face is off
  int native_port = 7171;
  int amqp_port = 5672;
  int kafka_port = 9092;
  int metrics_port = -1;  // off unless asked for: whoever reaches it may read
  std::string advertised_host;  // "" = the first listen address
  std::string amqp_default_queue_type = "classic";
  HostAndPort kafka_advertised;
  std::vector<KafkaListener> kafka_listeners;
  bool kafka_auto_create_topics = true;
  int kafka_default_partitions = 1;
  int kafka_replication_max = 3;
  std::uint64_t journal_size_max_bytes = limits::journal_size_max_bytes;
  std::uint64_t checkpoint_interval_bytes = limits::checkpoint_interval_bytes;
  std::uint64_t cache_size_max_bytes = 64ull << 20;
  std::uint64_t connection_memory_max_bytes = limits::connection_memory_max_bytes;
  LogLevel log_level = LogLevel::info;
};

struct ParsedOptions {
  std::optional<Options> options;  // none: help, version or an error was printed
  int exit_status = 0;
};

ParsedOptions parse_options(int argc, const char* const* argv);

/// Whether this program has the Kafka face.
bool has_kafka_face();

}  // namespace tandem::server
