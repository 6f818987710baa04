// What waits for the disk, and what waits for the end of the current call.
//   answers      said once the turn they depend on is on disk; per channel in the order they were given
//   visibility   how far queues and partitions may be read once a turn is on disk
//   marked       queues that are to be looked at: something became visible, a consumer has credit again, time
//   passed (marked_queues.h)
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "broker/base/ring.h"
#include "broker/core/broker.h"
#include "broker/core/connections.h"
#include "broker/core/marked_queues.h"

namespace tandem::core {

/// Once `turn` is on disk, messages of the queue below `end` may be seen and those up to `through` be handed
/// out.
struct QueueVisible {
  TurnNumber turn = 0;
  QueueId queue;
  QueueSeq end = 0, through = 0;
};
struct PartitionVisible {
  TurnNumber turn = 0;
  PartitionId partition;
  Offset end = 0;
};
/// A consumer whose subscription is answered by then: nothing is delivered to it before.
struct StartingConsumer {
  static constexpr TurnNumber unknown = ~TurnNumber{0};  // its answer waits behind a Get
  TurnNumber turn = 0;
  ChannelId channel;
  std::uint64_t channel_birth = 0, consumer = 0;
};

class Pending {
 public:
  TurnNumber persisted() const { return persisted_; }
  void set_persisted(TurnNumber turn) { persisted_ = turn; }

  /// An answer to this channel that depends on `turn` (0 = on nothing).
  void answer(Channel& channel, TurnNumber turn, Send send, Outputs& out);
  /// A send that keeps no order with others.
  void say(TurnNumber turn, Send send, Outputs& out);
  /// Says what waited for the turns that are on disk now. Confirms that follow each other on a channel become
  /// one.
  void say_what_is_due(const Connections& connections, Outputs& out);

  Ring<QueueVisible> queues;
  Ring<PartitionVisible> partitions;
  Ring<StartingConsumer> starting;

  std::vector<QueueId> touched;       // in the current call: see QueueLife::touched
  MarkedQueues marked;
  std::vector<DropRun> drop_runs;     // found empty at start-up; said in the first call
  std::uint64_t entries_in_journal = 0;  // that came since the last checkpoint began, and are in their queues; about so many
  void count_gone(std::uint64_t entries) { entries_in_journal -= std::min(entries_in_journal, entries); }
  std::size_t entries_to_drop = 0;  // from RAM, since the last checkpoint ended
  std::uint32_t deliveries_left = 0;  // of the current call
  std::uint64_t bytes_left = 0;
  std::size_t settles_left = 0;  // of the current call

 private:
  /// 48 bytes each, since there is one per publish in flight; anything but a confirm is in others_, in the
  /// same order.
  struct Waiting {
    TurnNumber turn = 0;
    ChannelId channel;  // connection 0: say()
    std::uint64_t channel_birth = 0;
    std::uint64_t first = 0, last = 0;
    bool is_confirm = false, nack = false;
  };
  void confirm_now(Channel& channel, const Confirmed& confirm, Outputs& out);

  TurnNumber persisted_ = 0;
  Ring<Waiting> waiting_;  // turns ascending
  Ring<Send> others_;
  std::uint64_t flush_ = 0;
};

}  // namespace tandem::core
