// What faces tell their clients about this process and its store, by name: version, cluster_id, pid,
// uptime_ms, rss_bytes, journal_bytes, backlog_bytes, topic_bytes, checkpoint_bytes, cache_bytes,
// disk_free_bytes, data_directory, advertised_host, <face>_port of each face that listens; for AMQP's clients
// amqp_default_queue_type; for Kafka's clients kafka_advertised_host, kafka_advertised_port,
// kafka_auto_create_topics, kafka_default_partitions and kafka_replication_max. Thread rule: the loop's thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "broker/server/clock.h"
#include "broker/storage/store.h"
#include "schemas/result.h"

namespace tandem::server {

/// The broker's version, as `tandemd --version` prints it.
std::string_view version();

/// The directory's lasting name, made at its first start and kept in its file `cluster_id`: 22 URL-safe
/// characters.
Result<std::string> cluster_id_of(const std::string& directory);

/// Text of `size` URL-safe characters from the system's random source.
std::string random_text(std::size_t size);

class Facts {
 public:
  explicit Facts(const Clock& clock);

  void set(std::string name, std::string value) { fixed_[std::move(name)] = std::move(value); }
  /// Figures of a store are empty before this. The store must outlive the facts.
  void set_store(const storage::Store& store) { store_ = &store; }

  /// "" for a name that is not known. Valid until the next call.
  std::string_view get(std::string_view name) const;

 private:
  std::string_view figure(std::uint64_t value) const;

  const Clock& clock_;
  const storage::Store* store_ = nullptr;
  std::map<std::string, std::string, std::less<>> fixed_;
  mutable std::string figure_;
};

}  // namespace tandem::server
