// The one door of the core. Broker is a function with memory: handle() takes one input and the time, and
// gives records (facts to keep) and sends (things to say). It never sees a clock, chance, a thread, a file, a
// socket or a message body.
//
// Thread rule: one thread at a time; the rim gives it one.
// Promise: nothing that depends on a record is in `sends` before Persisted{turn} has covered the record's
// turn. The same inputs give the same records and sends; the same records give the same durable state.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "broker/base/limits.h"
#include "broker/core/input.h"
#include "broker/core/record.h"
#include "broker/core/send.h"
#include "broker/core/topic_options.h"

namespace tandem::core {

/// Reused from call to call by its owner; handle() appends.
struct Outputs {
  std::vector<Record>
      records;  // in order; those with is_durable() belong to turn `turn` and go to the journal together
  std::vector<Send> sends;  // may be said now
  TurnNumber turn = 0;      // of this call's durable records; 0 when there are none
  void clear() {
    records.clear();
    sends.clear();
    turn = 0;
  }
};

/// Bounds of the core that tests make small.
struct BrokerOptions {
  std::size_t resident_entries_max = limits::resident_entries_max;  // over all queues, see limits.h
  /// A queue's front is read ahead to about this many entries.
  std::size_t front_entries_min = 256;
  std::size_t aborted_per_partition_max = limits::aborted_per_partition_max;
  std::size_t membership_size_max_bytes = limits::membership_size_max_bytes;
  std::size_t offsets_size_max_bytes = limits::offsets_size_max_bytes;
  /// Messages that one DeliveryReserved covers at most.
  std::uint32_t reservation_max = 1'024;
  /// What one call hands out at most; the rest follows in the next ones (next_due() is in the past then). So
  /// an outbox that fills up is noticed, and the sends (352 bytes each) stay in the processor's cache. A part of it is for messages
  /// that nobody gets (expired, too many); of one alone nothing would be.
  std::uint32_t deliveries_per_call_max = 256;
  std::uint64_t delivered_bytes_per_call_max = 4u << 20;
  std::size_t entries_per_checkpoint_max = limits::entries_per_checkpoint_max;
  /// Deliveries that one call settles at most, unless they are a transaction's; the rest follows likewise (core/settling.h).
  std::size_t settles_per_call_max = 256;
  std::uint32_t unsettled_per_connection_max = limits::unsettled_per_connection_max;
};

class Broker {
 public:
  explicit Broker(const BrokerOptions& options = {});
  ~Broker();
  Broker(const Broker&) = delete;
  Broker& operator=(const Broker&) = delete;

  /// Start-up only, before the first handle(): the checkpoint's records, then the journal's in order. `turn`
  /// is the turn the record was written with (0 for the checkpoint's).
  void replay(const Record& record, TurnNumber turn);
  /// Ends start-up: all that was replayed is visible; messages that may have been delivered count as
  /// delivered. `clean`: the last stop was an orderly one, its counts are exact.
  void replayed(TimestampMs now, bool clean);

  void handle(TimestampMs now, const Input& input, Outputs& out);

  /// So many messages came since the last checkpoint and are still there that the next one should come: each of them is looked at when it
  /// begins and when it is done, and everybody waits meanwhile.
  bool wants_checkpoint() const;

  /// When the next Tick has work to do (expiry, timeouts); the rim need not tick earlier. max() = never. 0:
  /// there is work now (more to deliver than one call may).
  TimestampMs next_due() const;

  /// nullptr when there is no such user. Lives until the next call.
  const UserDeclared* user(std::string_view name) const;
  bool has_users() const;

  /// What the connection's user may do with what bears this name; without one, with every name there could be.
  Allowed allowed(ConnectionId connection, std::optional<std::string_view> name) const;

  /// Whether the channel holds an outstanding delivery with this tag.
  bool holds(ChannelId channel, DeliveryTag tag) const;
  /// What its unsettled deliveries take in RAM.
  std::size_t unsettled_bytes(ConnectionId connection) const;

  /// 0: there is none of this name.
  TopicId topic_id(std::string_view name) const;
  /// Of this topic; the defaults when there is none.
  BatchRules batch_rules(std::string_view topic) const;

  /// For tests and the offline checker: the whole durable state as records, in a fixed order.
  std::vector<Record> durable_state() const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace tandem::core
