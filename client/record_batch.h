// Records as users give them, made into record batches.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "schemas/batch.h"
#include "tandem/appender.h"

namespace tandem::client {

inline constexpr std::size_t batch_size_limit_bytes = 16u << 20;  // of the broker

/// Milliseconds since 1970.
TimestampMs now_ms();

/// What a record takes in a batch, at most.
std::size_t record_size_bytes(const Record& record);
void add_record(BatchBuilder& builder, const Record& record);
/// Errors: invalid_argument (no records), too_large, not_supported (codec).
Result<std::vector<std::byte>> encode_batch(std::span<const Record> records, Codec codec);

/// A record that owns its bytes.
class OwnedRecord {
 public:
  explicit OwnedRecord(const Record& record);
  /// Views into this.
  Record view() const;

 private:
  using Field = std::optional<std::string>;
  static Field own(const std::optional<std::string_view>& field);
  Field key_, value_;
  std::vector<std::pair<std::string, Field>> headers_;
  TimestampMs timestamp_;
  std::int32_t partition_;
};

}  // namespace tandem::client
