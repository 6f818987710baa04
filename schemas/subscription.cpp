#include "schemas/subscription.h"

#include <cstdint>

#include "schemas/byte_order.h"

namespace tandem {

std::optional<std::vector<std::string_view>> subscribed_topics(Bytes metadata) {
  constexpr std::size_t smallest_topic_size_bytes = 2;
  ByteReader in(metadata);
  std::uint16_t version = 0;
  std::uint32_t count = 0;
  if (!in.big(version) || !in.big(count) || count > metadata.size() / smallest_topic_size_bytes) return std::nullopt;
  std::vector<std::string_view> topics;
  topics.reserve(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    std::uint16_t size = 0;
    Bytes name;
    if (!in.big(size) || !in.bytes(size, name)) return std::nullopt;
    topics.push_back(text_of(name));
  }
  return topics;
}

}  // namespace tandem
