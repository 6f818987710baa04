// Which publishes of a channel are confirmed, so that one ack with `multiple` can speak for many. The core
// confirms ranges in any order (a transient message does not wait for the disk); `multiple` is only true of a
// range when everything before it is confirmed too.
#pragma once

#include <cstdint>
#include <map>

namespace tandem::wire::amqp {

class ConfirmLedger {
 public:
  /// Notes that first..last (both included, numbered from 1) are done. True when one answer for `last` with
  /// `multiple` covers exactly them; false when each must be said on its own.
  bool confirm(std::uint64_t first, std::uint64_t last) {
    if (first != next_) {
      early_[first] = last;
      return false;
    }
    next_ = last + 1;
    for (auto range = early_.begin(); range != early_.end() && range->first == next_;
         range = early_.erase(range))
      next_ = range->second + 1;
    return true;
  }

  /// The first publish that is not confirmed.
  std::uint64_t next() const { return next_; }

 private:
  std::uint64_t next_ = 1;
  std::map<std::uint64_t, std::uint64_t>
      early_;  // first → last; at most the publishes that wait for the disk
};

}  // namespace tandem::wire::amqp
