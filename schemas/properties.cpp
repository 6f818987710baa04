// AMQP 0-9-1 basic properties: two octets of flags, then the present ones in the order of the flags, highest
// bit first. Two bits have no property: bit 0 would say that more flags follow, which the basic class never
// needs, and bit 1 is unused. With either set, what follows cannot be understood: malformed.
#include "schemas/byte_order.h"
#include "schemas/field_table.h"
#include "schemas/message.h"

namespace tandem {
namespace {

constexpr std::uint16_t unknown_flags = 0b11;
constexpr std::uint8_t delivery_mode_persistent = 2;

bool read_flags(ByteReader& reader, std::uint16_t& flags) {
  return reader.big(flags) && (flags & unknown_flags) == 0;
}

/// Reads `size_bytes`-wide or text properties only if their flag is there.
class PropertyReader {
 public:
  PropertyReader(ByteReader& reader, std::uint16_t flags) : reader_(reader), flags_(flags) {}

  bool text(PropertyFlag flag, std::string_view& value) {
    return !(flags_ & flag) || reader_.short_text(value);
  }
  bool text(PropertyFlag flag, std::optional<std::string>& value) {
    std::string_view view;
    if (!(flags_ & flag)) return true;
    if (!reader_.short_text(view)) return false;
    value = std::string(view);
    return true;
  }
  bool skip_text(PropertyFlag flag) {
    std::string_view ignored;
    return text(flag, ignored);
  }
  bool octet(PropertyFlag flag, std::uint8_t& value) { return !(flags_ & flag) || reader_.big(value); }
  bool octet(PropertyFlag flag, std::optional<std::uint8_t>& value) {
    return !(flags_ & flag) || reader_.big(value.emplace());
  }
  bool table(PropertyFlag flag, Bytes& encoded) { return !(flags_ & flag) || skip_table(reader_, encoded); }
  bool table(PropertyFlag flag, std::optional<Table>& value) {
    if (!(flags_ & flag)) return true;
    std::size_t consumed = 0;
    value = decode_table(reader_.rest(), &consumed);
    return value && reader_.skip(consumed);
  }
  bool timestamp(PropertyFlag flag, std::optional<std::int64_t>& value) {
    std::uint64_t seconds = 0;
    if (!(flags_ & flag)) return true;
    if (!reader_.big(seconds)) return false;
    value = static_cast<std::int64_t>(seconds);
    return true;
  }
  bool timestamp(std::string_view& octets) {
    Bytes bytes;
    if (!(flags_ & flag_timestamp)) return true;
    if (!reader_.bytes(8, bytes)) return false;
    octets = text_of(bytes);
    return true;
  }

 private:
  ByteReader& reader_;
  std::uint16_t flags_;
};

std::uint16_t flags_of(const Properties& p) {
  unsigned flags = 0;
  const auto raise = [&flags](bool present, PropertyFlag flag) { flags |= present ? unsigned{flag} : 0u; };
  raise(p.content_type.has_value(), flag_content_type);
  raise(p.content_encoding.has_value(), flag_content_encoding);
  raise(p.headers.has_value(), flag_headers);
  raise(p.delivery_mode.has_value(), flag_delivery_mode);
  raise(p.priority.has_value(), flag_priority);
  raise(p.correlation_id.has_value(), flag_correlation_id);
  raise(p.reply_to.has_value(), flag_reply_to);
  raise(p.expiration.has_value(), flag_expiration);
  raise(p.message_id.has_value(), flag_message_id);
  raise(p.timestamp.has_value(), flag_timestamp);
  raise(p.type.has_value(), flag_type);
  raise(p.user_id.has_value(), flag_user_id);
  raise(p.app_id.has_value(), flag_app_id);
  raise(p.cluster_id.has_value(), flag_cluster_id);
  return static_cast<std::uint16_t>(flags);
}

void append_text(std::vector<std::byte>& out, const std::optional<std::string>& text) {
  if (text) append_short_text(out, *text);
}

}  // namespace

std::optional<Properties> decode_properties(Bytes encoded) {
  ByteReader reader(encoded);
  std::uint16_t flags = 0;
  if (!read_flags(reader, flags)) return std::nullopt;
  PropertyReader read(reader, flags);
  Properties p;
  const bool whole =
      read.text(flag_content_type, p.content_type) && read.text(flag_content_encoding, p.content_encoding) &&
      read.table(flag_headers, p.headers) && read.octet(flag_delivery_mode, p.delivery_mode) &&
      read.octet(flag_priority, p.priority) && read.text(flag_correlation_id, p.correlation_id) &&
      read.text(flag_reply_to, p.reply_to) && read.text(flag_expiration, p.expiration) &&
      read.text(flag_message_id, p.message_id) && read.timestamp(flag_timestamp, p.timestamp) &&
      read.text(flag_type, p.type) && read.text(flag_user_id, p.user_id) &&
      read.text(flag_app_id, p.app_id) && read.text(flag_cluster_id, p.cluster_id);
  if (!whole || !reader.at_end()) return std::nullopt;
  return p;
}

void append_properties(std::vector<std::byte>& out, const Properties& p) {
  append_big(out, flags_of(p));
  append_text(out, p.content_type);
  append_text(out, p.content_encoding);
  if (p.headers) append_table(out, *p.headers);
  if (p.delivery_mode) append_big(out, *p.delivery_mode);
  if (p.priority) append_big(out, *p.priority);
  append_text(out, p.correlation_id);
  append_text(out, p.reply_to);
  append_text(out, p.expiration);
  append_text(out, p.message_id);
  if (p.timestamp) append_big(out, static_cast<std::uint64_t>(*p.timestamp));
  append_text(out, p.type);
  append_text(out, p.user_id);
  append_text(out, p.app_id);
  append_text(out, p.cluster_id);
}

std::optional<PropertyGlance> glance_properties(Bytes encoded) {
  ByteReader reader(encoded);
  PropertyGlance glance;
  if (!read_flags(reader, glance.flags)) return std::nullopt;
  PropertyReader read(reader, glance.flags);
  std::uint8_t delivery_mode = 0;
  const bool whole =
      read.skip_text(flag_content_type) && read.skip_text(flag_content_encoding) &&
      read.table(flag_headers, glance.headers) && read.octet(flag_delivery_mode, delivery_mode) &&
      read.octet(flag_priority, glance.priority) && read.text(flag_correlation_id, glance.correlation_id) &&
      read.text(flag_reply_to, glance.reply_to) && read.text(flag_expiration, glance.expiration) &&
      read.text(flag_message_id, glance.message_id) && read.timestamp(glance.timestamp) && read.skip_text(flag_type) &&
      read.text(flag_user_id, glance.user_id) && read.skip_text(flag_app_id) &&
      read.skip_text(flag_cluster_id);
  if (!whole || !reader.at_end()) return std::nullopt;
  glance.persistent = delivery_mode == delivery_mode_persistent;
  return glance;
}

}  // namespace tandem
