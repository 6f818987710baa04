// A small Kafka producer for one partition, made of sockets and bytes; only the record batch is the schemas' own.
// Source: the Kafka protocol guide (Produce v3, InitProducerId v0).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/raw_socket.h"

namespace tandem::support {

/// One thread at a time.
class RawKafka {
 public:
  explicit RawKafka(std::uint16_t port) : socket_(port) {}
  bool open() const { return socket_.open(); }

  struct Producer {
    std::int64_t id = -1;
    std::int16_t epoch = -1;
    std::int32_t next_sequence = 0;
  };
  std::optional<Producer> init_producer();
  /// Whole batches from producers; `sequence` is the batch's first. acks=all.
  struct Produced {
    std::int16_t error = 0;
    std::int64_t base_offset = -1;
  };
  /// nullopt: not answered, so the outcome is unknown.
  std::optional<Produced> produce(std::string_view topic, const Producer& producer, std::int32_t sequence,
                                  const std::vector<std::string>& values);

 private:
  bool ask(std::int16_t api, std::int16_t version, Bytes body, std::vector<std::byte>& answer);
  RawSocket socket_;
  std::uint32_t correlation_ = 0;
};

}  // namespace tandem::support
