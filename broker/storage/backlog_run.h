// The bytes of a run: up to limits::run_entries_max messages of one queue and priority, in one extent of the
// backlog file (docs/disk_format.md, "Backlog").
//
//    0 magic "TNDMRUN1"     24 extent_size u32 (a multiple of 4 KiB)   entry, 28 bytes:
//    8 run u64              28 used_size u32 (without padding)           0 seq u64     20 size u32
//   16 queue u32            32 priority u8, 3 × 0                        8 expires_at  24 deliveries u16
//   20 count u32            36 crc u32 (CRC32C of 0..36 and entries)    16 offset u32  26 priority u8, flags
//   u8 40 entries, then per message: crc u32, size u32, bytes               (offset of the message's bytes in
//   the extent)
//
// All little endian. Every byte but the padding is covered by a checksum; a single message can be read and
// checked by its position and size alone, since checksum and size stand before it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "broker/base/ids.h"
#include "broker/core/record.h"
#include "broker/core/send.h"
#include "broker/storage/body_place.h"
#include "schemas/message.h"
#include "schemas/result.h"

namespace tandem::storage {

inline constexpr std::uint64_t backlog_block_bytes = 4096;
/// 16 PiB: what is kept of a run in RAM has so many bits for its place.
inline constexpr int backlog_block_bits = 42;
inline constexpr std::uint64_t backlog_size_max_bytes = backlog_block_bytes << backlog_block_bits;
/// Before each message: checksum and size.
inline constexpr std::size_t backlog_item_header_size_bytes = 8;

inline BodyHandle backlog_handle(std::uint64_t position) {
  return body_handle(BodyPlace::backlog, position);
}
inline bool is_in_backlog(BodyHandle body) {
  return body_place(body) == BodyPlace::backlog;
}
inline std::uint64_t backlog_position(BodyHandle body) {
  return body_position(body);
}

/// Entries that will become one run, and how large it is. `entries` views the survivors that were planned.
struct RunPlan {
  QueueId queue;
  std::uint8_t priority = 0;
  std::span<const core::QueueEntry> entries;  // ascending by seq
  std::uint32_t used_size_bytes = 0;
  std::uint32_t extent_size_bytes = 0;
};

/// Cuts survivors into runs of at most limits::run_entries_max entries and limits::run_size_max_bytes (a
/// larger message is a run of its own).
void plan_runs(const core::Survivors& survivors, std::vector<RunPlan>& plans);

/// Where each entry's bytes go: offsets in the extent, in the order of the entries.
std::vector<std::uint32_t> message_offsets(const RunPlan& plan);
/// Writes header and entry table into `extent` (extent_size_bytes, zeroed).
void put_run_head(std::span<std::byte> extent, const RunPlan& plan, RunId run);
/// Writes one message with its checksum; `bytes` has the entry's size.
void put_run_message(std::span<std::byte> extent, std::uint32_t offset, Bytes bytes);

/// What a run's extent says about itself.
struct RunHead {
  QueueId queue;
  RunId run;
  std::uint8_t priority = 0;
  std::uint32_t count = 0, used_size_bytes = 0, extent_size_bytes = 0;
};

/// The entries of a whole extent that begins at `position` of the file, with handles that point there. Checks the checksum of
/// all but the messages: a damaged one is told to who reads it, and costs the others nothing. Errors: corrupt, with the offset in
/// the extent.
Result<std::vector<core::QueueEntry>> read_run(Bytes extent, std::uint64_t position, RunHead* head = nullptr);
/// What is wrong with messages of read_run(): an error for each that is damaged.
std::vector<Error> judge_run_messages(Bytes extent, std::uint64_t position, std::span<const core::QueueEntry> entries);

}  // namespace tandem::storage
