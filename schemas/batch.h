// The record batch v2 (Kafka's format, magic 2): what producers send, topic segments hold and consumers read,
// byte for byte (docs/disk_format.md, "Record batch"). Broker and client share it.
//
//    0 base_offset i64       17 crc u32 (CRC-32C of all that follows)   43 producer_id i64
//    8 batch_length i32      21 attributes i16                          51 producer_epoch i16
//   12 leader_epoch i32      23 last_offset_delta i32                   53 base_sequence i32
//   16 magic i8 = 2          27 base_timestamp i64, 35 max_timestamp    57 record_count i32, 61 records …
//
// All big endian; batch_length counts what is behind itself. base_offset and leader_epoch lie outside the
// CRC, so the broker assigns offsets without touching the rest.
#pragma once

#include <cstddef>
#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "schemas/compression.h"
#include "schemas/message.h"
#include "schemas/result.h"

namespace tandem {

inline constexpr std::size_t batch_header_size_bytes = 61;
/// From the start of a batch to the end of its batch_length field: what must be there to know a batch's size.
inline constexpr std::size_t batch_size_prefix_bytes = 12;

struct BatchHeader {
  std::int64_t base_offset = 0;
  std::uint32_t size_bytes = 0;  // of the whole batch
  std::int32_t leader_epoch = -1;
  std::uint32_t crc = 0;
  std::int16_t attributes = 0;
  std::int32_t last_offset_delta = 0;
  std::int64_t base_timestamp = -1, max_timestamp = -1;  // ms since 1970
  std::int64_t producer_id = -1;
  std::int16_t producer_epoch = -1;
  std::int32_t base_sequence = -1;
  std::int32_t record_count = 0;

  std::uint8_t codec_number() const { return attributes & 0x7; }
  bool log_append_time() const { return (attributes & 0x8) != 0; }
  bool transactional() const { return (attributes & 0x10) != 0; }
  bool control() const { return (attributes & 0x20) != 0; }
  std::int64_t last_offset() const { return base_offset + last_offset_delta; }
  friend bool operator==(const BatchHeader&, const BatchHeader&) = default;
};

/// The header at the front of `bytes`, whose batch may be longer than `bytes`. Checks the fields that can be
/// checked alone: magic, length, counts, codec. Errors: corrupt, not_supported (magic 0 or 1, unknown codec).
Result<BatchHeader> parse_batch_header(Bytes bytes);

/// Judges a batch as a producer sent it: `batch` is exactly one whole batch with a right checksum, and its
/// offsets are dense (record_count = last_offset_delta + 1 ≥ 1), no more than the batch has room for. The records themselves are judged by
/// for_each_record(). Errors: corrupt, not_supported.
Result<BatchHeader> judge_batch(Bytes batch);

/// One record; views into the batch (or its decompressed records) that live as long as the call that gives
/// them.
struct RecordHeader {
  std::string_view key;
  std::optional<Bytes> value;
};
struct RecordView {
  std::int64_t offset = 0;
  std::int64_t timestamp = -1;  // ms since 1970; the batch's when that has log append time
  std::optional<Bytes> key;
  std::optional<Bytes> value;
  std::span<const RecordHeader> headers;
};

/// Goes over the records of a batch one by one, so that nobody has to keep all of them.
class RecordWalk {
 public:
  /// `plain`: the batch's records, decompressed; they must stay where they are.
  RecordWalk(Bytes plain, const BatchHeader& header) : rest_(plain), header_(header), previous_(header.base_offset - 1) {}
  /// The next record, with views into `plain` and into the walk that are good until the next call; false behind the last.
  /// Errors: corrupt, and every time from then on.
  Result<bool> next(RecordView& record);

 private:
  Bytes rest_;
  BatchHeader header_;
  std::int64_t previous_;
  std::int32_t count_ = 0;  // of those that were given
  std::vector<RecordHeader> headers_;
};

/// Calls `visit` for each record in order until it returns false. `batch` is one whole batch whose checksum
/// was checked before. Errors: corrupt, too_large (its records decompress to more than
/// decompressed_size_max_bytes).
Result<> for_each_record(Bytes batch, const std::function<bool(const RecordView&)>& visit);

/// Which producer made a batch; the default is none.
struct BatchProducer {
  std::int64_t id = -1;
  std::int16_t epoch = -1;
  std::int32_t base_sequence = -1;
  bool transactional = false;
};

/// Gathers records into one batch. Not thread-safe; may be used again after finish().
class BatchBuilder {
 public:
  /// `timestamp` in ms since 1970. Views need to live only as long as the call.
  void add(std::int64_t timestamp, std::optional<Bytes> key, std::optional<Bytes> value,
           std::span<const RecordHeader> headers = {});

  std::int32_t record_count() const { return count_; }
  bool empty() const { return count_ == 0; }
  /// Size of the batch if it were finished now without compression.
  std::size_t size_bytes() const { return std::max(batch_.size(), batch_header_size_bytes); }
  /// Room for a batch of this size, so that it is not moved while it grows.
  void reserve(std::size_t size_bytes) { batch_.reserve(size_bytes); }

  /// The batch, with base offset 0 and leader epoch -1 (as producers send it); the builder is empty
  /// afterwards. At least one record must have been added. Errors: not_supported (codec).
  Result<std::vector<std::byte>> finish(Codec codec = Codec::none, const BatchProducer& producer = {});

 private:
  std::vector<std::byte> batch_;  // room for the header, and the records
  std::int32_t count_ = 0;
  std::int64_t base_timestamp_ = -1;
  std::int64_t max_timestamp_ = -1;
};

/// Gives a batch its place: base offset and leader epoch 0. The first batch_header_size_bytes must be there.
void patch_base_offset(std::span<std::byte> batch, std::int64_t base_offset);
/// Makes `timestamp` the log append time of all records: attributes, max_timestamp and the checksum change.
void patch_log_append_time(std::span<std::byte> batch, std::int64_t timestamp);

/// Makes the batch another producer's: its id, epoch, sequence and the checksum change, transactional or not stays. The whole
/// batch must be there.
void patch_producer(std::span<std::byte> batch, const BatchProducer& producer);

/// The control batch that ends a producer's transaction in one partition: one record whose key says commit or
/// abort.
std::vector<std::byte> make_marker_batch(std::int64_t producer_id, std::int16_t producer_epoch, bool commit,
                                         std::int64_t timestamp);
/// Whether a control batch says commit. Errors: corrupt (not a marker).
Result<bool> marker_is_commit(Bytes batch);

}  // namespace tandem
