// One consumer of a stream: where it reads in its topic, the records it has fetched and not delivered yet, and how many
// it may still be given. Settling a record gives the credit of one more; nothing is taken from a stream.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "broker/wire/amqp/fault.h"
#include "broker/wire/amqp/link.h"
#include "broker/wire/face.h"
#include "schemas/batch.h"
#include "schemas/value.h"

namespace tandem::wire::amqp {

/// basic.consume's x-stream-offset: first, last, next (the default), an offset, a timestamp, or an age like "2h".
struct StreamStart {
  enum class Kind : std::uint8_t { first, last, next, offset, time } kind = Kind::next;
  std::int64_t value = 0;  // offset, or milliseconds since 1970
};
/// 406 when it is none of these.
Verdict read_stream_start(const Table& arguments, std::string_view queue, TimestampMs now, StreamStart& start);

/// A consumer as it was asked for, until it is known whether its queue is a stream.
struct StreamRequest {
  std::uint64_t consumer = 0;
  std::string queue;
  PartitionIndex partition = 0;  // x-stream-partition
  StreamStart start;
  std::uint32_t prefetch = 0;
  bool no_ack = false;
  /// What ListOffset asks for.
  std::int64_t asked_at() const;
  /// Where it begins in a partition from `begin` to `end`; `found`: the first record that is not older.
  Offset first_offset(Offset begin, Offset end, Offset found) const;
};

/// A record as it is delivered.
struct StreamRecord {
  Offset offset = 0;
  std::vector<std::byte> stored;  // the message's stored form
};

class StreamReader {
 public:
  StreamReader(const StreamRequest& request, Offset offset, Link& link);
  ~StreamReader();
  StreamReader(const StreamReader&) = delete;
  StreamReader& operator=(const StreamReader&) = delete;

  /// Whole batches, as Fetched gives them.
  void take(const core::FetchedPartition& fetched, Bytes batches, Owner owner);
  /// All that was fetched has been delivered.
  bool is_empty() const { return !walk_ && batches_.empty(); }
  /// A batch is being decompressed by another thread: until then next() has none, and the face's flush() comes after it.
  bool waiting() const { return apart_ != nullptr && !apart_->done; }
  /// The next record; nullopt when there is none. Errors: a batch cannot be read.
  Result<std::optional<StreamRecord>> next();

  const std::string topic;
  const PartitionIndex partition;
  std::uint32_t credit;  // records that it may be given now
  Offset next_offset;    // to fetch from
  bool fetching = false;

 private:
  /// A batch's records that take long to decompress. The other thread has `compressed` and `plain` to itself until `done`.
  struct Apart {
    Codec codec = Codec::none;
    std::vector<std::byte> compressed;
    std::optional<Result<std::vector<std::byte>>> plain;
    bool done = false;
  };
  Result<> open_next_batch();
  Result<std::optional<Bytes>> plain_records(const BatchHeader& header, Bytes records);
  void decompress_apart(Codec codec, Bytes records);
  void keep_plain(std::vector<std::byte> plain);
  void end_batch();
  bool is_left_out(const BatchHeader& header) const;

  Link& link_;
  Bytes batches_;  // from the one that is open on
  Owner owner_;
  Offset visible_end_ = 0;
  std::vector<core::AbortedTransaction> aborted_;
  std::optional<RecordWalk> walk_;  // of the batch that is open
  std::size_t open_size_bytes_ = 0;  // as it is stored
  Offset open_end_ = 0;
  std::vector<std::byte> plain_;  // its records, if they were compressed; counted in link_
  std::shared_ptr<Apart> apart_;
};

/// The encoded properties with one more header, or that header changed. nullopt when they are malformed.
std::optional<std::vector<std::byte>> with_header(Bytes properties, std::string_view name, Value value);

}  // namespace tandem::wire::amqp
