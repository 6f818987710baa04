#include "broker/storage/compaction_keys.h"

#include <bit>
#include <random>
#include <utility>

#include "schemas/byte_order.h"

namespace tandem::storage {
namespace {

class SipHash {
 public:
  explicit SipHash(const std::array<std::uint64_t, 2>& secret)
      : v0_(0x736f6d6570736575 ^ secret[0]),
        v1_(0x646f72616e646f6d ^ secret[1] ^ 0xee),
        v2_(0x6c7967656e657261 ^ secret[0]),
        v3_(0x7465646279746573 ^ secret[1]) {}

  void take(std::uint64_t word) {
    v3_ ^= word;
    rounds(2);
    v0_ ^= word;
  }
  KeyHash finish() {
    KeyHash hash;
    v2_ ^= 0xee;
    rounds(4);
    hash.low = v0_ ^ v1_ ^ v2_ ^ v3_;
    v1_ ^= 0xdd;
    rounds(4);
    hash.high = v0_ ^ v1_ ^ v2_ ^ v3_;
    return hash;
  }

 private:
  void rounds(int count) {
    for (int i = 0; i < count; ++i) {
      v0_ += v1_;
      v2_ += v3_;
      v1_ = std::rotl(v1_, 13) ^ v0_;
      v3_ = std::rotl(v3_, 16) ^ v2_;
      v0_ = std::rotl(v0_, 32);
      v2_ += v1_;
      v0_ += v3_;
      v1_ = std::rotl(v1_, 17) ^ v2_;
      v3_ = std::rotl(v3_, 21) ^ v0_;
      v2_ = std::rotl(v2_, 32);
    }
  }

  std::uint64_t v0_, v1_, v2_, v3_;
};

const std::array<std::uint64_t, 2>& process_secret() {
  static const std::array<std::uint64_t, 2> secret = [] {
    std::random_device device;
    const auto word = [&device] { return std::uint64_t{device()} << 32 | device(); };
    return std::array<std::uint64_t, 2>{word(), word()};
  }();
  return secret;
}

constexpr std::size_t first_slots = 1024;

}  // namespace

KeyHash hash_key(const std::array<std::uint64_t, 2>& secret, Bytes key) {
  SipHash sip(secret);
  std::size_t at = 0;
  for (; key.size() - at >= 8; at += 8) sip.take(load_little<std::uint64_t>(key.data() + at));
  std::uint64_t last = std::uint64_t{key.size()} << 56;
  for (int shift = 0; at < key.size(); ++at, shift += 8) last |= std::to_integer<std::uint64_t>(key[at]) << shift;
  sip.take(last);
  return sip.finish();
}

NewestOffsets::NewestOffsets(std::size_t max) : secret_(process_secret()), max_(max) {}

std::size_t NewestOffsets::place_of(const KeyHash& hash) const {
  const std::size_t mask = slots_.size() - 1;
  std::size_t place = hash.low & mask;
  while (slots_[place].offset >= 0 && slots_[place].hash != hash) place = (place + 1) & mask;
  return place;
}

bool NewestOffsets::put(Bytes key, Offset offset) {
  if (count_ < max_ && slots_.size() / 4 * 3 <= count_) grow();
  const KeyHash hash = hash_key(secret_, key);
  Slot& slot = slots_[place_of(hash)];
  if (slot.offset < 0) {
    if (count_ == max_) return false;
    ++count_;
  }
  slot = {hash, offset};
  return true;
}

std::optional<Offset> NewestOffsets::find(Bytes key) const {
  if (slots_.empty()) return std::nullopt;
  const Slot& slot = slots_[place_of(hash_key(secret_, key))];
  return slot.offset < 0 ? std::nullopt : std::optional(slot.offset);
}

void NewestOffsets::grow() {
  std::vector<Slot> old(slots_.empty() ? first_slots : slots_.size() * 2);
  old.swap(slots_);
  for (const Slot& slot : old)
    if (slot.offset >= 0) slots_[place_of(slot.hash)] = slot;
}

}  // namespace tandem::storage
