// The bytes of a journal frame (docs/disk_format.md, "Frames"): header, then items, padded to a 4 KiB block.
//
//   item = body   0x01, crc32c u32 of the bytes, size u32, bytes          ← a BodyHandle points at the bytes
//        | turn   0x02, size u32 of what follows, varint (turn − the frame's first turn),
//                 records as record_codec writes them, one behind the other
//        | stretch 0x03, size u64: the frame's last item; so many bytes behind the frame are a large body's
//                 (journal_stretch.h), and the next frame is behind them
//
// Fixed numbers are little endian.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>

#include "broker/base/ids.h"
#include "broker/core/record.h"
#include "broker/storage/segment.h"
#include "schemas/message.h"
#include "schemas/result.h"

namespace tandem::storage {

inline constexpr std::size_t frame_header_size_bytes = 64;
/// What lies before a body: its checksum and its size.
inline constexpr std::size_t body_numbers_size_bytes = 8;
inline constexpr std::size_t body_item_header_size_bytes = 1 + body_numbers_size_bytes;
inline constexpr std::size_t stretch_item_size_bytes = 9;
/// A turn item without its records: type byte, size, the longest varint.
inline constexpr std::size_t turn_item_header_size_max_bytes = 15;

struct FrameHeader {
  std::uint32_t payload_size_bytes = 0;  // of the items, without padding
  std::uint32_t epoch = 0;  // grows at every open: a frame of an older one is what a crash left over
  Lsn position = 0;         // of this header
  Lsn previous_end = 0;     // where the frame before ended: the chain that a reader follows
  Lsn durable_through = 0;  // all below was known to be on disk when this frame was written
  TurnNumber first_turn = 0, last_turn = 0;  // 0: no records in it

  std::uint64_t size_bytes() const { return round_up_to_block(frame_header_size_bytes + payload_size_bytes); }
  Lsn end() const { return position + size_bytes(); }
  friend bool operator==(const FrameHeader&, const FrameHeader&) = default;
};

/// Fills in the checksums of the bodies, then header and checksum. `frame`: the header's room and the items
/// behind it. `salt`: its segment's.
void finish_frame(std::span<std::byte> frame, const FrameHeader& header, std::uint32_t salt);

/// The header at the front of `bytes`, if it looks like one. Says nothing about the items.
std::optional<FrameHeader> peek_frame(Bytes bytes);
/// Whether `frame` (header and items) has the checksum that its header says.
bool frame_is_whole(Bytes frame, std::uint32_t salt);

/// Writes the type byte, checksum (still 0) and size of a body item; returns where its bytes go.
std::byte* put_body_header(std::byte* out, std::uint32_t size_bytes);
/// Begins a turn item; returns where its first record goes. finish_turn() fills in its size.
std::byte* put_turn(std::byte* out, std::uint64_t turns_after_first);
void finish_turn(std::byte* item, const std::byte* end);

/// A stretch's item, whole.
void put_stretch(std::byte* out, std::uint64_t size_bytes);

/// Whether the body at `body` is what was written: `item` are the eight bytes before it (checksum, size) and
/// the body.
bool body_is_whole(Bytes item);

struct FrameVisitor {
  std::function<Result<>(const core::Record& record, TurnNumber turn)> record;
  std::function<Result<>(BodyHandle body, Bytes bytes)> body;  // may be empty
  std::function<Result<>(Lsn position, std::uint64_t size_bytes)> stretch;  // may be empty
};
/// Goes through the items of a whole frame. Errors: the visitor's; corrupt or not_supported for what cannot
/// be read.
Result<> visit_frame(const FrameHeader& header, Bytes payload, const FrameVisitor& visitor);

}  // namespace tandem::storage
