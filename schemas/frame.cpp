#include "schemas/frame.h"

#include "schemas/byte_order.h"

namespace tandem::frame {
namespace {
constexpr std::size_t size_field_bytes = 4;  // frame_size does not count itself
}

Judgement judge(Bytes input, View& out, std::size_t* wanted) {
  if (input.size() < header_size_bytes) {
    if (wanted) *wanted = header_size_bytes;
    return Judgement::incomplete;
  }
  const std::size_t behind_size = load_little<std::uint32_t>(input.data());
  const std::size_t envelope_size = load_little<std::uint32_t>(input.data() + size_field_bytes);
  const std::size_t whole_size = size_field_bytes + behind_size;
  if (whole_size < header_size_bytes || whole_size > frame_size_max_bytes) return Judgement::broken;
  if (envelope_size > whole_size - header_size_bytes) return Judgement::broken;
  if (input.size() < whole_size) {
    if (wanted) *wanted = whole_size;
    return Judgement::incomplete;
  }
  out.envelope = input.subspan(header_size_bytes, envelope_size);
  out.payload =
      input.subspan(header_size_bytes + envelope_size, whole_size - header_size_bytes - envelope_size);
  out.size_bytes = whole_size;
  return Judgement::whole;
}

std::string fault(Bytes input) {
  const std::size_t behind_size = load_little<std::uint32_t>(input.data());
  const std::size_t envelope_size = load_little<std::uint32_t>(input.data() + size_field_bytes);
  return "no frame: it says that " + std::to_string(behind_size) + " bytes follow (" +
         std::to_string(size_field_bytes) + " … " + std::to_string(frame_size_max_bytes - size_field_bytes) +
         " are possible), " + std::to_string(envelope_size) + " of them the envelope";
}

void append_header(std::vector<std::byte>& out, std::size_t envelope_size, std::size_t payload_size) {
  append_little(out, static_cast<std::uint32_t>(size_field_bytes + envelope_size + payload_size));
  append_little(out, static_cast<std::uint32_t>(envelope_size));
}

}  // namespace tandem::frame
