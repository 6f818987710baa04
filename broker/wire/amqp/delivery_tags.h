// Delivery tags of a channel that reads a stream beside its queues. The core numbers what comes from queues; records of
// a stream get their tags here, in between, so that the client sees one ascending row. A channel without a stream does
// not use this: its tags are the core's.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "broker/base/ids.h"

namespace tandem::wire::amqp {

class DeliveryTags {
 public:
  /// From now on tags are given here. `last`: the newest that was given until now; they stay what they are.
  void begin(DeliveryTag last);
  bool active() const { return active_; }

  DeliveryTag add_queued(DeliveryTag core_tag);
  DeliveryTag add_streamed(std::uint64_t consumer);

  struct Settled {
    DeliveryTag core_tag = 0;              // of a delivery of a queue, or the last of them; 0 = none
    bool multiple = false;                 // all of the core's up to core_tag
    std::vector<std::uint64_t> consumers;  // of streams: one entry per record that is settled
  };
  /// `tag` 0 with `multiple`: all. nullopt: nothing with this tag is outstanding.
  std::optional<Settled> settle(DeliveryTag tag, bool multiple);
  /// All of the core's were handed back.
  void forget_queued();

 private:
  struct Given {
    DeliveryTag core_tag = 0;    // 0 = of a stream
    std::uint64_t consumer = 0;
    bool settled = false;
  };
  DeliveryTag add(Given given);
  void drop_settled();

  bool active_ = false;
  DeliveryTag before_ = 0;  // tags up to here are the core's own
  DeliveryTag first_ = 1;   // of given_.front()
  std::deque<Given> given_;
};

}  // namespace tandem::wire::amqp
