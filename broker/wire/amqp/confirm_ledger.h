// Which publishes of a channel are confirmed, so that one ack with `multiple` can speak for many. The core confirms
// ranges in any order (a transient message does not wait for the disk); `multiple` is only true of a range when
// everything before it is confirmed too. Acks are gathered and said once per turn of the loop.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

namespace tandem::wire::amqp {

struct ConfirmToSay {
  std::uint64_t tag = 0;
  bool multiple = false;
  friend bool operator==(const ConfirmToSay&, const ConfirmToSay&) = default;
};

class ConfirmLedger {
 public:
  /// Notes that first..last (both included, numbered from 1) are done.
  void confirm(std::uint64_t first, std::uint64_t last);
  /// Like confirm(), for a range whose answer was said just now. Everything else must be said: take() comes first.
  void confirm_said(std::uint64_t first, std::uint64_t last);
  /// What take() would give is not empty.
  bool has_news() const { return !news_.empty() || next_ > said_through_ + 1; }
  /// Appends the answers for all that was confirmed since the last call.
  void take(std::vector<ConfirmToSay>& say);

 private:
  std::uint64_t next_ = 1;                        // the first publish that is not confirmed
  std::uint64_t said_through_ = 0;                // all up to here is said
  std::map<std::uint64_t, std::uint64_t> early_;  // first → last, beyond next_; at most what waits for the disk
  std::vector<std::uint64_t> news_;               // firsts of early ranges that are not said
};

}  // namespace tandem::wire::amqp
