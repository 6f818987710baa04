#include "schemas/murmur2.h"

namespace tandem {
namespace {

constexpr std::uint32_t seed = 0x9747b28c;
constexpr std::uint32_t multiplier = 0x5bd1e995;

std::uint32_t octet(Bytes bytes, std::size_t at) {
  return std::to_integer<std::uint32_t>(bytes[at]);
}

std::uint32_t little_endian_word(Bytes bytes, std::size_t at) {
  return octet(bytes, at) | octet(bytes, at + 1) << 8 | octet(bytes, at + 2) << 16 |
         octet(bytes, at + 3) << 24;
}

std::uint32_t mix_word(std::uint32_t hash, std::uint32_t word) {
  word *= multiplier;
  word ^= word >> 24;
  word *= multiplier;
  return (hash * multiplier) ^ word;
}

/// The one to three bytes behind the last whole word.
std::uint32_t mix_rest(std::uint32_t hash, Bytes rest) {
  for (std::size_t i = rest.size(); i-- > 0;) hash ^= octet(rest, i) << (8 * i);
  return rest.empty() ? hash : hash * multiplier;
}

}  // namespace

std::uint32_t murmur2(Bytes bytes) {
  std::uint32_t hash = seed ^ static_cast<std::uint32_t>(bytes.size());
  const std::size_t whole = bytes.size() / 4 * 4;
  for (std::size_t at = 0; at < whole; at += 4) hash = mix_word(hash, little_endian_word(bytes, at));
  hash = mix_rest(hash, bytes.subspan(whole));
  hash ^= hash >> 13;
  hash *= multiplier;
  return hash ^ hash >> 15;
}

std::int32_t partition_of_key(Bytes key, std::int32_t partitions) {
  const auto positive = static_cast<std::int32_t>(murmur2(key) & 0x7fffffff);
  return positive % partitions;
}

}  // namespace tandem
