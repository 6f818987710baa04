#include "broker/storage/run_blocks.h"

#include <bit>

#include "broker/storage/backlog_run.h"

namespace tandem::storage {
namespace {

constexpr std::uint64_t word_blocks = 64;

constexpr std::uint64_t bit(std::uint64_t block) {
  return std::uint64_t{1} << block % word_blocks;
}

}  // namespace

bool RunBlocks::is_taken(std::uint64_t block) const {
  return block / word_blocks < words_.size() && (words_[block / word_blocks].taken & bit(block)) != 0;
}

void RunBlocks::add(Extent run) {
  const std::uint64_t end = run.end() / backlog_block_bytes;
  if (words_.size() * word_blocks < end) words_.resize((end + word_blocks - 1) / word_blocks);
  for (std::uint64_t block = run.position / backlog_block_bytes; block < end; ++block)
    words_[block / word_blocks].taken |= bit(block);
  words_[(end - 1) / word_blocks].last |= bit(end - 1);
}

void RunBlocks::forget(Extent run) {
  const std::uint64_t end = run.end() / backlog_block_bytes;
  for (std::uint64_t block = run.position / backlog_block_bytes; block < end; ++block) {
    if (!is_taken(block)) return;
    words_[block / word_blocks].taken &= ~bit(block);
    words_[block / word_blocks].last &= ~bit(block);
  }
  while (!words_.empty() && words_.back() == Word{}) words_.pop_back();
  if (words_.size() < words_.capacity() / 4) words_.shrink_to_fit();
}

std::optional<std::uint64_t> RunBlocks::end_of(std::uint64_t position) const {
  const std::uint64_t block = position / backlog_block_bytes;
  if (!is_taken(block)) return std::nullopt;
  std::uint64_t index = block / word_blocks;
  std::uint64_t last = words_[index].last & ~(bit(block) - 1);
  while (last == 0 && ++index < words_.size()) last = words_[index].last;
  if (last == 0) return std::nullopt;
  return (index * word_blocks + static_cast<std::uint64_t>(std::countr_zero(last)) + 1) * backlog_block_bytes;
}

}  // namespace tandem::storage
