#include "broker/storage/backlog_run.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "broker/base/check.h"
#include "broker/base/limits.h"
#include "schemas/byte_order.h"
#include "schemas/crc32c.h"

namespace tandem::storage {
namespace {

constexpr std::string_view run_magic = "TNDMRUN1";
constexpr std::size_t head_size_bytes = 40, crc_at = 36, entry_size_bytes = 28;
constexpr std::uint8_t flag_durable = 1;

std::uint32_t table_end(std::size_t count) {
  return static_cast<std::uint32_t>(head_size_bytes + count * entry_size_bytes);
}

std::uint32_t room_of(const core::QueueEntry& entry) {
  return static_cast<std::uint32_t>(entry_size_bytes + backlog_item_header_size_bytes) + entry.size_bytes;
}

RunPlan make_plan(const core::Survivors& survivors, std::span<const core::QueueEntry> entries,
                  std::uint32_t used_size_bytes) {
  const auto blocks = (used_size_bytes + backlog_block_bytes - 1) / backlog_block_bytes;
  return {survivors.queue, survivors.priority, entries, used_size_bytes,
          static_cast<std::uint32_t>(blocks * backlog_block_bytes)};
}

void put_entry(std::byte* at, const core::QueueEntry& entry, std::uint32_t offset) {
  store_little(at, entry.seq);
  store_little(at + 8, static_cast<std::uint64_t>(entry.expires_at));
  store_little(at + 16, offset);
  store_little(at + 20, entry.size_bytes);
  store_little(at + 24, entry.deliveries);
  store_little(at + 26, entry.priority);
  store_little(at + 27, entry.durable ? flag_durable : std::uint8_t{0});
}

core::QueueEntry get_entry(const std::byte* at, std::uint64_t extent_position) {
  core::QueueEntry entry;
  entry.seq = load_little<std::uint64_t>(at);
  entry.expires_at = static_cast<TimestampMs>(load_little<std::uint64_t>(at + 8));
  entry.body = backlog_handle(extent_position + load_little<std::uint32_t>(at + 16));
  entry.size_bytes = load_little<std::uint32_t>(at + 20);
  entry.deliveries = load_little<std::uint16_t>(at + 24);
  entry.priority = load_little<std::uint8_t>(at + 26);
  entry.durable = (load_little<std::uint8_t>(at + 27) & flag_durable) != 0;
  return entry;
}

std::uint32_t head_crc(Bytes extent, std::size_t count) {
  return crc32c(extent.subspan(head_size_bytes, count * entry_size_bytes), crc32c(extent.first(crc_at)));
}

Error corrupt(std::uint64_t position, const std::string& what) {
  return {ErrorCode::corrupt, "backlog run at byte " + std::to_string(position) + ": " + what};
}

Result<RunHead> judge_head(Bytes extent, std::uint64_t position) {
  if (extent.size() < head_size_bytes || text_of(extent.first(run_magic.size())) != run_magic)
    return corrupt(position, "not a run");
  RunHead head;
  head.run = RunId(load_little<std::uint64_t>(extent.data() + 8));
  head.queue = QueueId(load_little<std::uint32_t>(extent.data() + 16));
  head.count = load_little<std::uint32_t>(extent.data() + 20);
  head.extent_size_bytes = load_little<std::uint32_t>(extent.data() + 24);
  head.used_size_bytes = load_little<std::uint32_t>(extent.data() + 28);
  head.priority = load_little<std::uint8_t>(extent.data() + 32);
  if (head.count > limits::run_entries_max || extent.size() < table_end(head.count))
    return corrupt(position, "its header is damaged");
  if (load_little<std::uint32_t>(extent.data() + crc_at) != head_crc(extent, head.count))
    return corrupt(position, "checksum of its header is wrong");
  return head;
}

bool lies_inside(Bytes extent, std::uint64_t offset, std::uint32_t size) {
  return offset >= backlog_item_header_size_bytes && offset <= extent.size() && size <= extent.size() - offset;
}

bool message_is_whole(Bytes extent, std::uint64_t offset, std::uint32_t size) {
  const std::byte* numbers = extent.data() + offset - backlog_item_header_size_bytes;
  return load_little<std::uint32_t>(numbers + 4) == size &&
         load_little<std::uint32_t>(numbers) == crc32c(extent.subspan(offset, size));
}

}  // namespace

void plan_runs(const core::Survivors& survivors, std::vector<RunPlan>& plans) {
  const std::span<const core::QueueEntry> all = survivors.entries;
  std::size_t first = 0;
  std::uint32_t used = head_size_bytes;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const bool full =
        i - first == limits::run_entries_max || used + room_of(all[i]) > limits::run_size_max_bytes;
    if (full && i > first) {
      plans.push_back(make_plan(survivors, all.subspan(first, i - first), used));
      first = i;
      used = head_size_bytes;
    }
    used += room_of(all[i]);
  }
  if (first < all.size()) plans.push_back(make_plan(survivors, all.subspan(first), used));
}

std::vector<std::uint32_t> message_offsets(const RunPlan& plan) {
  std::vector<std::uint32_t> offsets;
  offsets.reserve(plan.entries.size());
  std::uint32_t next = table_end(plan.entries.size());
  for (const auto& entry : plan.entries) {
    next += backlog_item_header_size_bytes;
    offsets.push_back(next);
    next += entry.size_bytes;
  }
  CHECK(next == plan.used_size_bytes);
  return offsets;
}

void put_run_head(std::span<std::byte> extent, const RunPlan& plan, RunId run) {
  CHECK(extent.size() == plan.extent_size_bytes);
  std::memcpy(extent.data(), run_magic.data(), run_magic.size());
  store_little(extent.data() + 8, run.value);
  store_little(extent.data() + 16, plan.queue.value);
  store_little(extent.data() + 20, static_cast<std::uint32_t>(plan.entries.size()));
  store_little(extent.data() + 24, plan.extent_size_bytes);
  store_little(extent.data() + 28, plan.used_size_bytes);
  store_little(extent.data() + 32, plan.priority);
  const auto offsets = message_offsets(plan);
  for (std::size_t i = 0; i < offsets.size(); ++i)
    put_entry(extent.data() + head_size_bytes + i * entry_size_bytes, plan.entries[i], offsets[i]);
  store_little(extent.data() + crc_at, head_crc(extent, plan.entries.size()));
}

void put_run_message(std::span<std::byte> extent, std::uint32_t offset, Bytes bytes) {
  CHECK(offset <= extent.size() && bytes.size() <= extent.size() - offset);
  std::byte* numbers = extent.data() + offset - backlog_item_header_size_bytes;
  store_little(numbers, crc32c(bytes));
  store_little(numbers + 4, static_cast<std::uint32_t>(bytes.size()));
  if (!bytes.empty()) std::memcpy(extent.data() + offset, bytes.data(), bytes.size());
}

Result<std::vector<core::QueueEntry>> read_run(Bytes extent, std::uint64_t position, RunHead* head_out) {
  const auto head = judge_head(extent, position);
  if (!head) return head.error();
  std::vector<core::QueueEntry> entries;
  entries.reserve(head->count);
  for (std::uint32_t i = 0; i < head->count; ++i) {
    entries.push_back(get_entry(extent.data() + head_size_bytes + i * entry_size_bytes, position));
    const std::uint64_t offset = backlog_position(entries.back().body) - position;
    if (!lies_inside(extent, offset, entries.back().size_bytes))
      return corrupt(position, "its message at byte " + std::to_string(position + offset) + " is not all there");
  }
  if (head_out != nullptr) *head_out = *head;
  return entries;
}

std::vector<Error> judge_run_messages(Bytes extent, std::uint64_t position, std::span<const core::QueueEntry> entries) {
  std::vector<Error> damaged;
  for (const core::QueueEntry& entry : entries)
    if (!message_is_whole(extent, backlog_position(entry.body) - position, entry.size_bytes))
      damaged.push_back(corrupt(position, "checksum of its message at byte " + std::to_string(backlog_position(entry.body)) +
                                              " is wrong"));
  return damaged;
}

}  // namespace tandem::storage
