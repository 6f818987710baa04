// Reads the journal from a position to its end: at start-up, and to check a closed store.
//
// The end is the first place where no frame continues the chain. Unconfirmed frames that a crash tore are
// dropped; but when a frame behind that place proves that it had been on disk (FrameHeader::durable_through),
// then something was damaged later: an error that names file and position, never a silently shortened
// journal.
#pragma once

#include "broker/storage/journal_frame.h"
#include "broker/storage/segment.h"
#include "broker/base/worker.h"

namespace tandem::storage {

/// Where a checkpoint stands in the journal. Default: no checkpoint yet.
struct JournalPosition {
  Lsn position = 0;         // the chain goes on here: Journal::cut()
  std::uint32_t epoch = 0;  // Journal::epoch() then: frames of older ones are leftovers
};

struct JournalEnd {
  Lsn position = journal_start;  // the next frame's previous_end
  std::uint64_t segment = 0;     // number of the segment with the position; 0: there is none yet
  Lsn durable_through = 0;       // what lies behind may only be in the system's memory
  std::uint32_t epoch = 0;       // newest seen, also among leftovers
  TurnNumber last_turn = 0;
  std::uint64_t frames = 0, records = 0, size_bytes = 0;
  std::uint64_t torn_tail_bytes = 0;  // unconfirmed, dropped
};

/// Errors: corrupt (damage, a missing segment), not_supported (a newer version's), the file system's, the
/// visitor's. `reader` reads ahead and is waited for.
Result<JournalEnd> read_journal(const JournalSegments& segments, JournalPosition from,
                                const FrameVisitor& visitor, Worker& reader);

}  // namespace tandem::storage
