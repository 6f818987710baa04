#include "broker/storage/checkpoint_keys.h"

#include <array>

#include "broker/base/limits.h"
#include "schemas/byte_order.h"

namespace tandem::storage {
namespace {

constexpr std::size_t mark_size_bytes = 4 + 8 + 4 + 8 + 1;

template <std::unsigned_integral T>
void append(std::string& key, T value) {
  std::array<std::byte, sizeof(T)> bytes;
  store_big(bytes.data(), value);
  key.append(text_of(bytes));
}

template <std::unsigned_integral... Ts>
std::string make(char letter, Ts... ids) {
  std::string key(1, letter);
  (append(key, ids), ...);
  return key;
}

std::string make(char letter, PartitionId partition) {
  return make(letter, partition.topic.value, static_cast<std::uint32_t>(partition.index));
}

std::string with_base(std::string key, Offset base) {
  append(key, static_cast<std::uint64_t>(base));
  return key;
}

/// Names are at most limits::name_size_max_bytes; a longer one (of a client's own making) must not break the
/// key.
std::string sized(std::string_view name) {
  std::string key;
  append(key, static_cast<std::uint16_t>(name.size()));
  key.append(name);
  return key;
}

}  // namespace

std::string encode_mark(const CheckpointMark& mark) {
  std::vector<std::byte> out;
  append_little(out, checkpoint_format_version);
  append_little(out, mark.journal.position);
  append_little(out, mark.journal.epoch);
  append_little(out, mark.turn);
  append_little(out, static_cast<std::uint8_t>(mark.clean));
  return std::string(text_of(out));
}

Result<CheckpointMark> decode_mark(std::string_view encoded) {
  std::uint32_t version = 0;
  std::uint8_t clean = 0;
  CheckpointMark mark;
  ByteReader reader(bytes_of(encoded));
  if (!reader.little(version)) return Error{ErrorCode::corrupt, "the checkpoint's mark is truncated"};
  if (version > checkpoint_format_version)
    return Error{ErrorCode::not_supported, "written by a newer version: checkpoint format " +
                                               std::to_string(version) + ", this broker reads up to " +
                                               std::to_string(checkpoint_format_version)};
  if (encoded.size() != mark_size_bytes || !reader.little(mark.journal.position) ||
      !reader.little(mark.journal.epoch) || !reader.little(mark.turn) || !reader.little(clean))
    return Error{ErrorCode::corrupt, "the checkpoint's mark has the wrong size"};
  if (clean > 1) return Error{ErrorCode::corrupt, "the checkpoint's mark is malformed"};
  mark.clean = clean == 1;
  return mark;
}

namespace keys {

std::string exchange(ExchangeId id) {
  return make('E', id.value);
}
std::string queue(QueueId id) {
  return make('Q', id.value);
}
std::string policy(std::string_view name) {
  return make('P') + sized(name);
}
std::string user(std::string_view name) {
  return make('U') + sized(name);
}
std::string topic(TopicId id) {
  return make('T', id.value);
}
std::string binding(BindingId id) {
  return make('B', id.value);
}
std::string queue_state(QueueId id) {
  return make('q', id.value);
}
std::string run(RunId id) {
  return make('z', id.value);
}
std::string old_run(QueueId queue, RunId id) {
  return make('r', queue.value, id.value);
}
std::string partition(PartitionId id) {
  return make('p', id);
}
std::string partitions_of(TopicId id) {
  return make('p', id.value);
}
std::string offset(PartitionId partition, std::string_view group) {
  return make('o', partition) + sized(group);
}
std::string offsets_of(TopicId id) {
  return make('o', id.value);
}
std::string group_suffix(std::string_view group) {
  return sized(group);
}
std::string group(std::string_view group) {
  return make('g') + sized(group);
}
std::string members(std::string_view group) {
  return make('m') + sized(group);
}
std::string transactional_id(std::string_view id) {
  return make('x') + sized(id);
}
std::string segment(PartitionId partition, Offset base) {
  return with_base(make('s', partition), base);
}
std::string segments_of(TopicId id) {
  return make('s', id.value);
}
std::string index(PartitionId partition, Offset base, Offset first) {
  return with_base(with_base(make('i', partition), base), first);
}
std::string indexes_of(PartitionId partition, Offset base) {
  return with_base(make('i', partition), base);
}
std::string indexes_of(TopicId id) {
  return make('i', id.value);
}

namespace {

struct KeyOf {
  using Key = std::optional<std::string>;
  Key operator()(const core::Counters&) const { return "C"; }
  Key operator()(const core::ExchangeDeclared& r) const { return exchange(r.id); }
  Key operator()(const core::QueueDeclared& r) const { return queue(r.id); }
  Key operator()(const core::PolicySet& r) const { return policy(r.name); }
  Key operator()(const core::UserDeclared& r) const { return user(r.name); }
  Key operator()(const core::TopicCreated& r) const { return topic(r.id); }
  Key operator()(const core::TopicAltered& r) const { return topic(r.topic.id); }
  Key operator()(const core::Bound& r) const { return binding(r.id); }
  Key operator()(const core::QueueState& r) const { return queue_state(r.queue); }
  Key operator()(const core::RunHomed& r) const { return run(r.run); }
  Key operator()(const core::PartitionState& r) const { return partition(r.partition); }
  Key operator()(const core::OffsetCommitted& r) const { return offset(r.partition, r.group); }
  Key operator()(const core::GroupGeneration& r) const { return group(r.group); }
  Key operator()(const core::GroupStable& r) const { return members(r.group); }
  // A producer without transactional id leaves nothing but a higher next id, which Counters keep.
  Key operator()(const core::ProducerChanged& r) const {
    return r.transactional_id.empty() ? Key{} : transactional_id(r.transactional_id);
  }
  template <class Other>
  Key operator()(const Other&) const {
    return std::nullopt;
  }
};

}  // namespace

std::optional<std::string> of(const core::Record& record) {
  return std::visit(KeyOf{}, record);
}

std::optional<SegmentKey> parse_segment(std::string_view key) {
  ByteReader reader(bytes_of(key));
  std::uint32_t index = 0;
  std::uint64_t base = 0;
  SegmentKey parsed;
  if (!reader.skip(1) || !reader.big(parsed.partition.topic.value) || !reader.big(index) || !reader.big(base))
    return std::nullopt;
  parsed.partition.index = static_cast<PartitionIndex>(index);
  parsed.base = static_cast<Offset>(base);
  return parsed;
}

}  // namespace keys
}  // namespace tandem::storage
