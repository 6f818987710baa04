// A large body has a stretch of the journal to itself, which is written in pieces beside the commit groups: in a frame, whoever
// comes behind it would wait until all of it is on the disk (docs/decisions/0018).
//
//   … frame │ frame, whose last item says how long the stretch is │ checksum u32, size u32, the body, zeros │ frame …
//
// Nothing refers to the body before all of it is written, and no frame that refers to it is written before the stretch is
// synced. So the journal's reader passes over stretches without a look, and one that a crash cut short is a gap.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "broker/base/ids.h"
#include "broker/storage/journal_buffer.h"
#include "broker/storage/segment.h"
#include "schemas/message.h"
#include "schemas/result.h"

namespace tandem::storage {

/// A body that is to be staged so: `head` and `rest`, joined. What `rest` refers to stays as it is until `staged` is called.
struct LargeBody {
  std::vector<std::byte> head;
  Bytes rest;
  std::function<void(BodyHandle body)> staged;

  std::size_t size_bytes() const { return head.size() + rest.size(); }
};

/// Thread rule: the loop's thread makes it and, when it is written, looks at `result`; meanwhile it is another one's.
class JournalStretch {
 public:
  /// What the disk may be busy with when a commit group comes: some 0.3 ms.
  static constexpr std::uint64_t piece_size_bytes = 256u << 10;

  /// Of the journal, for a body of so many bytes.
  static std::uint64_t size_for(std::size_t body_size_bytes);

  /// `body` outlives it, and so does what that refers to; `buffer` is the stretch.
  JournalStretch(std::shared_ptr<const Segment> segment, std::shared_ptr<JournalBuffer> buffer, const LargeBody& body);

  const std::shared_ptr<const Segment>& segment() const { return segment_; }
  BodyHandle body() const;

  /// Copies and writes the next piece; false when it was the last one. After an error it may be called again.
  Result<bool> write_piece();

  Result<> result;       // of the last piece that was written
  bool stalled = false;  // it found no room: the loop tries it again
  std::atomic<bool> given_up = false;  // by the loop: no further piece is written

 private:
  void copy_through(std::uint64_t end);
  Result<> write(std::uint64_t first, std::uint64_t end);

  const std::shared_ptr<const Segment> segment_;
  const std::shared_ptr<JournalBuffer> buffer_;
  const LargeBody& source_;
  const std::uint64_t size_bytes_;
  std::uint64_t copied_ = 0;   // of the stretch, into the buffer
  std::uint64_t written_ = 0;  // but for the first piece, which has the checksum and comes last
  std::uint32_t checksum_ = 0;
};

}  // namespace tandem::storage
