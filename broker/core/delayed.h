// Delayed exchanges (x-delayed-message): a message with a header x-delay waits as many milliseconds before the
// exchange routes it, by the rules of its x-delayed-type.
//
// It waits in a queue that belongs to the exchange, its waiting room: enqueued, stored and found again after a restart
// like in any queue, but it leaves when its time has come, not at anybody's request. A room takes part in no routing of
// its own, and nobody consumes from it; Peek shows what waits, PurgeQueue and CancelDelayed drop it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "broker/core/queue.h"

namespace tandem::core {

class Turn;

/// A room's name is this and its exchange's.
inline constexpr std::string_view waiting_room_prefix = "amq.delayed.";
inline bool is_waiting_room(std::string_view queue) {
  return queue.starts_with(waiting_room_prefix);
}
inline std::string waiting_room_of(std::string_view exchange) {
  return std::string(waiting_room_prefix) + std::string(exchange);
}

/// The longest delay: what the plugin of this name takes, some 49 days.
inline constexpr DurationMs delay_max_ms = 4'294'967'295;

/// The header x-delay; nullopt when there is none, or it is no number from 1 to delay_max_ms: then the message goes on
/// at once. The rim writes a delay that is over as a negative number.
std::optional<DurationMs> delay_of(const Table& headers);

/// One look at a room: what is due goes on, what came in is put in order of time.
class RoomVisit {
 public:
  RoomVisit(Turn& turn, const Queue& room, QueueLife& life) : turn_(turn), room_(room), life_(life) {}
  /// False when the call's measure is used up and there is more to do.
  bool run();

 private:
  void take_in();
  void let_go();
  void read_ahead();

  Turn& turn_;
  const Queue& room_;
  QueueLife& life_;
};

/// Refused: the queue is a waiting room.
std::optional<Refusal> refuse_room(const Queue& queue);

}  // namespace tandem::core
