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

StreamReader::StreamReader(const StreamRequest& request, Offset offset, Link& link)
    : topic(request.queue), partition(request.partition), credit(request.prefetch), next_offset(offset), link_(link) {}

StreamReader::~StreamReader() {
  keep_plain({});
}

void StreamReader::take(const core::FetchedPartition& fetched, Bytes batches, Owner owner) {
  batches_ = batches;
  owner_ = std::move(owner);
  visible_end_ = fetched.visible_end;
  aborted_ = fetched.aborted;
}

Result<std::optional<StreamRecord>> StreamReader::next() {
  while (!is_empty()) {
    if (!walk_) {
      if (auto opened = open_next_batch(); !opened) return opened.error();
      if (!walk_ && waiting()) break;
      continue;
    }
    RecordView record;
    const auto more = walk_->next(record);
    if (!more || !*more) end_batch();
    if (!more) return more.error();
    if (!*more || record.offset < next_offset || record.offset >= visible_end_) continue;
    next_offset = record.offset + 1;
    return std::optional(StreamRecord{record.offset, message_of(record)});
  }
  return std::optional<StreamRecord>();
}

bool StreamReader::is_left_out(const BatchHeader& header) const {
  if (header.control()) return true;
  return header.transactional() &&
         std::any_of(aborted_.begin(), aborted_.end(), [&header](const core::AbortedTransaction& aborted) {
           return aborted.producer_id == header.producer_id && aborted.first <= header.base_offset &&
                  header.base_offset <= aborted.last;
         });
}

/// Nothing is open afterwards if it is left out, or is being decompressed.
Result<> StreamReader::open_next_batch() {
  const auto header = parse_batch_header(batches_);
  if (!header) return header.error();
  if (header->size_bytes > batches_.size()) return Error{ErrorCode::corrupt, "a batch is cut short"};
  open_size_bytes_ = header->size_bytes;
  open_end_ = header->last_offset() + 1;
  if (is_left_out(*header)) {
    end_batch();
    return Done{};
  }
  const auto plain = plain_records(*header, batches_.first(header->size_bytes).subspan(batch_header_size_bytes));
  if (!plain) {
    end_batch();
    return plain.error();
  }
  if (*plain) walk_.emplace(**plain, *header);
  return Done{};
}

/// nullopt: they are not there yet.
Result<std::optional<Bytes>> StreamReader::plain_records(const BatchHeader& header, Bytes records) {
  const auto codec = static_cast<Codec>(header.codec_number());
  if (codec == Codec::none) return std::optional(records);
  if (!apart_) {
    auto plain = decompress(codec, records, limits::decompressed_at_once_bytes);
    if (!plain && plain.error().code != ErrorCode::too_large) return plain.error();
    if (plain) {
      keep_plain(std::move(*plain));
      return std::optional(Bytes(plain_));
    }
    decompress_apart(codec, records);
  }
  if (!apart_->done) return std::optional<Bytes>();
  auto plain = std::move(*apart_->plain);
  apart_.reset();
  if (!plain) return plain.error();
  keep_plain(std::move(*plain));
  return std::optional(Bytes(plain_));
}

void StreamReader::decompress_apart(Codec codec, Bytes records) {
  apart_ = std::make_shared<Apart>(Apart{codec, {records.begin(), records.end()}, std::nullopt});
  link_.port().do_apart(
      link_.connection(), [apart = apart_] { apart->plain.emplace(decompress(apart->codec, apart->compressed)); },
      [apart = apart_] { apart->done = true; });
}

void StreamReader::keep_plain(std::vector<std::byte> plain) {
  link_.streams_size_bytes -= plain_.capacity();
  plain_ = std::move(plain);
  link_.streams_size_bytes += plain_.capacity();
}

void StreamReader::end_batch() {
  walk_.reset();
  keep_plain({});
  next_offset = std::max(next_offset, open_end_);
  batches_ = batches_.subspan(open_size_bytes_);
  if (batches_.empty()) owner_.reset();
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
