#include "broker/wire/amqp/stream_reader.h"

#include <algorithm>

#include "broker/core/age.h"
#include "schemas/batch.h"
#include "schemas/topic_record.h"

namespace tandem::wire::amqp {
namespace {

std::optional<StreamStart> start_named(std::string_view text, TimestampMs now) {
  using Kind = StreamStart::Kind;
  if (text == "first") return StreamStart{Kind::first, 0};
  if (text == "last") return StreamStart{Kind::last, 0};
  if (text == "next") return StreamStart{Kind::next, 0};
  if (const auto age = core::read_age(text)) return StreamStart{Kind::time, std::max<std::int64_t>(now - *age, 0)};
  return std::nullopt;
}

std::optional<StreamStart> start_of(const Value& value, TimestampMs now) {
  using Kind = StreamStart::Kind;
  if (const std::string* text = value.text()) return start_named(*text, now);
  const auto* number = std::get_if<std::int64_t>(&value.data);
  if (!number || *number < 0) return std::nullopt;
  if (value.type == ValueType::timestamp)
    return StreamStart{Kind::time, std::min(*number, std::int64_t{INT64_MAX / 1000}) * 1000};
  return StreamStart{Kind::offset, *number};
}

}  // namespace

Verdict read_stream_start(const Table& arguments, std::string_view queue, TimestampMs now, StreamStart& start) {
  const Value* value = find(arguments, "x-stream-offset");
  if (!value) return std::nullopt;
  if (const auto known = start_of(*value, now)) {
    start = *known;
    return std::nullopt;
  }
  return invalid_argument_fault(Method::basic_consume, "queue", queue, "x-stream-offset",
                                "expected first, last, next, an offset, a timestamp or an age, got " + to_text(*value));
}

std::int64_t StreamRequest::asked_at() const {
  if (start.kind == StreamStart::Kind::first) return static_cast<std::int64_t>(core::OffsetSpec::earliest);
  if (start.kind == StreamStart::Kind::time) return start.value;
  return static_cast<std::int64_t>(core::OffsetSpec::latest);
}

Offset StreamRequest::first_offset(Offset begin, Offset end, Offset found) const {
  switch (start.kind) {
    case StreamStart::Kind::first:
      return begin;
    case StreamStart::Kind::last:
      return std::max(begin, end - 1);
    case StreamStart::Kind::next:
      return end;
    case StreamStart::Kind::offset:
      return std::clamp(start.value, begin, std::max(begin, end));
    case StreamStart::Kind::time:
      return found < 0 ? end : std::clamp(found, begin, std::max(begin, end));
  }
  return end;
}

void StreamReader::take(const core::FetchedPartition& fetched, Bytes batches, Owner owner) {
  batches_ = batches;
  owner_ = std::move(owner);
  visible_end_ = fetched.visible_end;
  aborted_ = fetched.aborted;
}

Result<std::optional<StreamRecord>> StreamReader::next() {
  while (records_.empty() && !batches_.empty())
    if (auto opened = open_next_batch(); !opened) return opened.error();
  if (records_.empty()) return std::optional<StreamRecord>();
  std::optional<StreamRecord> record = std::move(records_.front());
  records_.pop_front();
  return record;
}

bool StreamReader::is_left_out(const BatchHeader& header) const {
  if (header.control()) return true;
  return header.transactional() &&
         std::any_of(aborted_.begin(), aborted_.end(), [&header](const core::AbortedTransaction& aborted) {
           return aborted.producer_id == header.producer_id && aborted.first <= header.base_offset &&
                  header.base_offset <= aborted.last;
         });
}

Result<> StreamReader::open_next_batch() {
  const auto header = parse_batch_header(batches_);
  if (!header) return header.error();
  if (header->size_bytes > batches_.size()) return Error{ErrorCode::corrupt, "a batch is cut short"};
  const Bytes batch = batches_.first(header->size_bytes);
  const Offset from = next_offset;
  next_offset = std::max(next_offset, header->last_offset() + 1);
  Result<> read = Done{};
  if (!is_left_out(*header))
    read = for_each_record(batch, [&](const RecordView& record) {
      if (record.offset >= from && record.offset < visible_end_)
        records_.push_back({record.offset, message_of(record)});
      return true;
    });
  batches_ = batches_.subspan(header->size_bytes);
  if (batches_.empty()) owner_.reset();
  return read;
}

std::optional<std::vector<std::byte>> with_header(Bytes properties, std::string_view name, Value value) {
  auto decoded = properties.empty() ? Properties{} : decode_properties(properties);
  if (!decoded) return std::nullopt;
  if (!decoded->headers) decoded->headers.emplace();
  std::erase_if(*decoded->headers, [name](const auto& header) { return header.first == name; });
  decoded->headers->emplace_back(std::string(name), std::move(value));
  std::vector<std::byte> encoded;
  append_properties(encoded, *decoded);
  return encoded;
}

}  // namespace tandem::wire::amqp
