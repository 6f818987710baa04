#include "broker/storage/topic_segment.h"

#include <algorithm>

#include "broker/base/check.h"
#include "schemas/byte_order.h"

namespace tandem::storage {
namespace {

constexpr std::size_t facts_size_bytes = 8 * 8, index_entry_size_bytes = 3 * 8;
/// As format 1 wrote them: no segment was ever compacted.
constexpr std::size_t old_facts_size_bytes = 5 * 8;

void append_number(std::string& out, std::uint64_t value) {
  std::byte bytes[8];
  store_little(bytes, value);
  out.append(text_of(bytes));
}
void append_number(std::string& out, std::int64_t value) {
  append_number(out, static_cast<std::uint64_t>(value));
}

std::uint64_t number_at(std::string_view encoded, std::size_t index) {
  return load_little<std::uint64_t>(bytes_of(encoded).data() + 8 * index);
}
std::int64_t signed_at(std::string_view encoded, std::size_t index) {
  return static_cast<std::int64_t>(number_at(encoded, index));
}

}  // namespace

const TopicIndexEntry& TopicSegment::index_entry_for(Offset offset) const {
  CHECK(!index.empty());
  const auto behind =
      std::upper_bound(index.begin(), index.end(), offset,
                       [](Offset wanted, const TopicIndexEntry& e) { return wanted < e.offset; });
  return behind == index.begin() ? index.front() : *std::prev(behind);
}

void TopicSegmentGrowth::add(std::size_t size_bytes, Offset base, Offset last, TimestampMs max_timestamp) {
  if (index.empty() || facts.size_bytes - index.back().position >= topic_index_interval_bytes)
    index.push_back({base, facts.size_bytes, max_timestamp});
  index.back().max_timestamp = std::max(index.back().max_timestamp, max_timestamp);
  if (facts.size_bytes == 0) facts.first_timestamp = max_timestamp;
  facts.max_timestamp = std::max(facts.max_timestamp, max_timestamp);
  facts.end = last + 1;
  facts.size_bytes += size_bytes;
}

bool must_roll(const TopicSegmentFacts& active, const TopicSegmentLimits& limits, std::uint64_t size_bytes,
               TimestampMs max_timestamp) {
  if (active.size_bytes == 0) return false;
  const bool full = active.size_bytes + size_bytes > limits.size_max_bytes;
  const bool old = limits.age_max_ms >= 0 && max_timestamp - active.first_timestamp > limits.age_max_ms;
  return full || old;
}

std::string partition_directory(const std::string& topics_directory, PartitionId partition) {
  return topics_directory + "/" + std::to_string(partition.topic.value) + "/" +
         std::to_string(partition.index);
}

std::string segment_file_name(Offset base, std::uint64_t generation) {
  const std::string digits = std::to_string(base);
  const std::string suffix = generation == 0 ? "" : "-" + std::to_string(generation);
  return std::string(20 - std::min<std::size_t>(20, digits.size()), '0') + digits + suffix + ".segment";
}

std::string encode_segment_facts(const TopicSegmentFacts& facts) {
  std::string out;
  append_number(out, facts.base);
  append_number(out, facts.end);
  append_number(out, facts.size_bytes);
  append_number(out, facts.first_timestamp);
  append_number(out, facts.max_timestamp);
  append_number(out, facts.generation);
  append_number(out, std::uint64_t{facts.compacted});
  append_number(out, facts.delete_horizon);
  return out;
}

Result<TopicSegmentFacts> decode_segment_facts(std::string_view encoded) {
  if (encoded.size() != facts_size_bytes && encoded.size() != old_facts_size_bytes)
    return Error{ErrorCode::corrupt, "segment facts have the wrong size"};
  TopicSegmentFacts facts{signed_at(encoded, 0), signed_at(encoded, 1), number_at(encoded, 2),
                          signed_at(encoded, 3), signed_at(encoded, 4)};
  if (encoded.size() == facts_size_bytes) {
    facts.generation = number_at(encoded, 5);
    facts.compacted = number_at(encoded, 6) != 0;
    facts.delete_horizon = signed_at(encoded, 7);
  }
  if (facts.base < 0 || facts.end < facts.base)
    return Error{ErrorCode::corrupt, "segment facts make no sense"};
  return facts;
}

std::string encode_index(const std::vector<TopicIndexEntry>& entries) {
  std::string out;
  out.reserve(entries.size() * index_entry_size_bytes);
  for (const auto& entry : entries) {
    append_number(out, entry.offset);
    append_number(out, entry.position);
    append_number(out, entry.max_timestamp);
  }
  return out;
}

Result<> decode_index(std::string_view encoded, std::vector<TopicIndexEntry>& entries) {
  if (encoded.size() % index_entry_size_bytes != 0)
    return Error{ErrorCode::corrupt, "index has the wrong size"};
  for (; !encoded.empty(); encoded.remove_prefix(index_entry_size_bytes)) {
    const TopicIndexEntry entry{signed_at(encoded, 0), number_at(encoded, 1), signed_at(encoded, 2)};
    if (!entries.empty() &&
        (entry.offset <= entries.back().offset || entry.position <= entries.back().position))
      return Error{ErrorCode::corrupt, "index does not ascend"};
    entries.push_back(entry);
  }
  return Done{};
}

}  // namespace tandem::storage
