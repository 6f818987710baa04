// Where large batches are staged: memory of their own, apart from the journal's, since most of them never go there. Their
// handles (BodyPlace::apart) are found by the body cache like those of the journal's buffers, and mean nothing once the cache
// let go of them. Thread rule: the loop's thread.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "broker/storage/body_cache.h"
#include "broker/storage/body_place.h"
#include "broker/storage/journal_buffer.h"

namespace tandem::storage {

class ApartBuffers {
 public:
  /// Two huge pages, several batches: see make_aligned.
  static constexpr std::size_t buffer_size_bytes = 2 * huge_page_bytes;

  explicit ApartBuffers(BodyCache& cache);

  /// `likely_position`: where in its segment file it will lie, most likely; it lies so in memory that the disk can then be
  /// written from there.
  BodyHandle stage(Bytes batch, std::uint64_t likely_position);
  /// What was staged is in use now, or never will be: once a commit group with it is on disk, the cache may let it go.
  void keep() { kept_ = next_; }
  /// Forgets what was staged since the last keep().
  void unstage();
  /// Of a batch that no commit group has taken yet.
  std::span<std::byte> editable(BodyHandle body, std::uint32_t size_bytes);
  /// All that is kept lies below it.
  Lsn kept() const { return kept_; }

 private:
  BodyCache& cache_;
  std::shared_ptr<JournalBufferPool> pool_;
  std::shared_ptr<JournalBuffer> buffer_;
  Lsn next_, kept_;  // as handles
};

}  // namespace tandem::storage
