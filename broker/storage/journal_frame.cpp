#include "broker/storage/journal_frame.h"

#include "broker/base/check.h"
#include "broker/storage/bytes_io.h"
#include "broker/storage/record_codec.h"
#include "broker/storage/record_codec_io.h"
#include "schemas/crc32c.h"

namespace tandem::storage {
namespace {

constexpr std::uint32_t frame_magic = 0x4E52'4A54;  // "TJRN"
// Offsets in the header (docs/disk_format.md, "Frames"). The checksum covers everything behind it.
constexpr std::size_t at_magic = 0, at_crc = 4, at_payload_size = 8, at_epoch = 12, at_position = 16,
                      at_previous_end = 24, at_durable_through = 32, at_first_turn = 40, at_last_turn = 48,
                      at_reserved = 56;

constexpr std::byte body_type{0x01};
constexpr std::byte turn_type{0x02};
constexpr std::byte stretch_type{0x03};
constexpr std::size_t turn_size_at = 1, turn_size_end = 5;

Error malformed(const FrameHeader& header, std::size_t offset) {
  return {ErrorCode::corrupt, "journal frame at position " + std::to_string(header.position) +
                                  ": malformed item at byte " +
                                  std::to_string(frame_header_size_bytes + offset)};
}

/// The item's size with its type byte; 0 when it is cut off, of no known type, or a stretch that is not the last one.
std::size_t item_size(Bytes payload) {
  if (payload.empty()) return 0;
  if (payload[0] == stretch_type) return payload.size() == stretch_item_size_bytes ? stretch_item_size_bytes : 0;
  const bool is_body = payload[0] == body_type;
  if (!is_body && payload[0] != turn_type) return 0;
  const std::size_t head = is_body ? body_item_header_size_bytes : turn_size_end;
  if (payload.size() < head) return 0;
  const std::size_t size = get_u32(payload.data() + head - 4);
  return size <= payload.size() - head ? head + size : 0;
}

Result<> visit_turn(const FrameHeader& header, Bytes content, const FrameVisitor& visitor) {
  std::uint64_t turns_after_first = 0;
  const std::byte* end = content.data() + content.size();
  const std::byte* at = codec::get_varint(content.data(), end, turns_after_first);
  if (at == nullptr) return Error{ErrorCode::corrupt, "a turn has no number"};
  while (at != end) {
    std::size_t consumed = 0;
    auto record = decode_record({at, end}, &consumed);
    if (!record) return record.error();
    if (auto visited = visitor.record(*record, header.first_turn + turns_after_first); !visited)
      return visited;
    at += consumed;
  }
  return Done{};
}

Result<> visit_stretch(const FrameHeader& header, std::uint64_t size_bytes, const FrameVisitor& visitor) {
  if (size_bytes == 0 || size_bytes % journal_block_bytes != 0)
    return Error{ErrorCode::corrupt, "a stretch of " + std::to_string(size_bytes) + " bytes"};
  return visitor.stretch ? visitor.stretch(header.end(), size_bytes) : Result<>();
}

}  // namespace

void finish_frame(std::span<std::byte> frame, const FrameHeader& header, std::uint32_t salt) {
  for (std::size_t offset = frame_header_size_bytes; offset < frame.size();) {
    std::byte* item = frame.data() + offset;
    const std::size_t size = item_size(frame.subspan(offset));
    CHECK(size != 0);
    if (*item == body_type) put_u32(item + 1, crc32c({item + body_item_header_size_bytes, item + size}));
    offset += size;
  }
  std::byte* out = frame.data();
  put_u32(out + at_magic, frame_magic);
  put_u32(out + at_payload_size, header.payload_size_bytes);
  put_u32(out + at_epoch, header.epoch);
  put_u64(out + at_position, header.position);
  put_u64(out + at_previous_end, header.previous_end);
  put_u64(out + at_durable_through, header.durable_through);
  put_u64(out + at_first_turn, header.first_turn);
  put_u64(out + at_last_turn, header.last_turn);
  put_u64(out + at_reserved, 0);
  put_u32(out + at_crc, crc32c(Bytes(frame).subspan(at_payload_size), salt));
}

std::optional<FrameHeader> peek_frame(Bytes bytes) {
  if (bytes.size() < frame_header_size_bytes || get_u32(bytes.data() + at_magic) != frame_magic)
    return std::nullopt;
  const std::byte* in = bytes.data();
  return FrameHeader{.payload_size_bytes = get_u32(in + at_payload_size),
                     .epoch = get_u32(in + at_epoch),
                     .position = get_u64(in + at_position),
                     .previous_end = get_u64(in + at_previous_end),
                     .durable_through = get_u64(in + at_durable_through),
                     .first_turn = get_u64(in + at_first_turn),
                     .last_turn = get_u64(in + at_last_turn)};
}

bool frame_is_whole(Bytes frame, std::uint32_t salt) {
  return frame.size() >= frame_header_size_bytes &&
         get_u32(frame.data() + at_crc) == crc32c(frame.subspan(at_payload_size), salt);
}

std::byte* put_body_header(std::byte* out, std::uint32_t size_bytes) {
  out[0] = body_type;
  put_u32(out + 1, 0);
  put_u32(out + 5, size_bytes);
  return out + body_item_header_size_bytes;
}

std::byte* put_turn(std::byte* out, std::uint64_t turns_after_first) {
  out[0] = turn_type;
  return codec::put_varint(out + turn_size_end, turns_after_first);
}

void finish_turn(std::byte* item, const std::byte* end) {
  put_u32(item + turn_size_at, static_cast<std::uint32_t>(end - (item + turn_size_end)));
}

void put_stretch(std::byte* out, std::uint64_t size_bytes) {
  out[0] = stretch_type;
  put_u64(out + 1, size_bytes);
}

bool body_is_whole(Bytes item) {
  if (item.size() < body_numbers_size_bytes) return false;
  const Bytes body = item.subspan(body_numbers_size_bytes);
  return get_u32(item.data() + 4) == body.size() && get_u32(item.data()) == crc32c(body);
}

Result<> visit_frame(const FrameHeader& header, Bytes payload, const FrameVisitor& visitor) {
  for (std::size_t offset = 0; offset < payload.size();) {
    const std::size_t size = item_size(payload.subspan(offset));
    if (size == 0) return malformed(header, offset);
    const Bytes item = payload.subspan(offset, size);
    Result<> visited;
    if (item[0] == turn_type)
      visited = visit_turn(header, item.subspan(turn_size_end), visitor);
    else if (item[0] == stretch_type)
      visited = visit_stretch(header, get_u64(item.data() + 1), visitor);
    else if (visitor.body)
      visited = visitor.body(
          BodyHandle{header.position + frame_header_size_bytes + offset + body_item_header_size_bytes},
          item.subspan(body_item_header_size_bytes));
    if (!visited)
      return Error{visited.error().code, "journal frame at position " + std::to_string(header.position) +
                                             ": " + visited.error().text};
    offset += size;
  }
  return Done{};
}

}  // namespace tandem::storage
