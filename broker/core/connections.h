// Connections, their channels, and what each channel was given and has not settled. Session state: a restart
// forgets it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "broker/base/block_ring.h"
#include "broker/base/ring.h"
#include "broker/core/input.h"
#include "broker/core/name_map.h"
#include "broker/core/send.h"
#include "broker/core/seq_set.h"

namespace tandem::core {

class Rights;
struct Consumer;
struct Connection;

/// A delivery that the client has not settled.
struct Unsettled {
  DeliveryTag tag = 0;
  QueueEntry entry;  // `deliveries`: before this one
  QueueId queue;
  Consumer* consumer = nullptr;  // nullptr: it came by Get
  TimestampMs delivered_at = 0;
  bool settled = false;    // left behind until those before it are
  bool went_back = false;  // its queue has it again (it was held for too long) or has purged it; what settles it now is too late
  bool returns = false;    // it was given back, and comes piece by piece: QueueLife::returning
  /// Its message is held here.
  bool holds() const { return !settled && !went_back; }
};

/// Deliveries with these tags that are settled for their client, and piece by piece for their queues (settling.h).
struct Claim {
  DeliveryTag first = 0, last = 0;
  Outcome outcome = Outcome::ack;
  std::optional<Caller> who = std::nullopt;  // is told Ok in the end, if its channel is still there
};

/// Unsettled deliveries by tag. Settled ones are dropped from the front, and everywhere once they are the
/// majority, so one delivery that is never settled does not hold what comes after it.
class UnsettledRing {
 public:
  void push(const Unsettled& delivery) {
    ring_.push_back(delivery);
    ++count_;
  }
  /// The client's outstanding delivery with this tag, or nullptr.
  Unsettled* find(DeliveryTag tag);
  /// Whether its client may still settle it.
  bool is_open(const Unsettled& delivery) const { return !delivery.settled && !is_claimed(delivery.tag); }
  /// Index of the first delivery with a tag ≥ `tag`, settled or not.
  std::size_t index_from(DeliveryTag tag) const;
  void settle(Unsettled& delivery) {
    delivery.settled = true;
    --count_;
  }
  /// After a number of settle(): gives room back. Invalidates pointers.
  void tidy();
  /// Outstanding ones.
  std::size_t count() const { return count_; }
  /// Places, settled ones too.
  std::size_t size() const { return ring_.size(); }
  Unsettled& operator[](std::size_t index) { return ring_[index]; }
  const Unsettled& operator[](std::size_t index) const { return ring_[index]; }

  /// Claims are carried out in their order; a later one means none of those that an earlier one does.
  void claim(const Claim& claim);
  bool has_claims() const { return !claims_.empty(); }
  Claim& first_claim() { return claims_.front(); }
  /// The first one is carried out.
  Claim end_claim();

 private:
  bool is_claimed(DeliveryTag tag) const { return !claims_.empty() && claimed_.contains(tag); }

  BlockRing<Unsettled> ring_;
  Ring<Claim> claims_;
  SeqSet claimed_;  // tags of all claims since there was none
  std::size_t count_ = 0;
};

/// An answer that waits behind a Get of its channel.
struct HeldAnswer {
  TurnNumber turn = 0;
  Send send;
};

struct Channel {
  ChannelId id;
  Connection* connection = nullptr;
  std::uint64_t birth = 0;     // tells it from an earlier channel of the same number
  std::uint32_t prefetch = 0;  // of all its consumers together; 0 = no limit
  std::uint32_t consumers_unsettled = 0;
  std::uint64_t last_served = 0;  // the consumer that was given something last
  DeliveryTag next_tag = 1;
  UnsettledRing unsettled;
  std::map<std::uint64_t, std::unique_ptr<Consumer>> consumers;  // by the face's number
  /// Cancelled, and holding deliveries still, which know them: looking for those would mean a look at all that the channel holds.
  std::unordered_map<const Consumer*, std::unique_ptr<Consumer>> gone_consumers;

  // Order of answers (pending.h).
  TurnNumber last_answer_turn = 0;
  std::uint32_t parked_gets = 0;  // while any waits for a run, later answers wait behind it
  std::vector<HeldAnswer> behind_gets;
  std::uint64_t confirm_flush =
      0;  // the last send to this channel in that flush was a Confirmed, at confirm_index
  std::size_t confirm_index = 0;

  bool is_full() const { return prefetch != 0 && consumers_unsettled >= prefetch; }

  Channel();
  ~Channel();
};

/// What a connection's user was found to be allowed, name by name: asking again costs a look, not three patterns. Of a
/// user who may do everything nothing is kept. A change of any user makes it begin anew.
class KnownRights {
 public:
  /// `users_version` is never 0.
  bool is_of(std::uint64_t users_version) const { return version_ == users_version; }
  void begin(std::uint64_t users_version, const Rights* rights);
  bool allows_all() const { return allows_all_; }
  bool allows(Permission permission, std::string_view name);
  Allowed every_name() const;

 private:
  /// Names of one connection that are remembered, about 100 bytes each. Most connections use a few; when there are
  /// more, all are forgotten and found again.
  static constexpr std::size_t names_max = 64;
  struct Answers {
    std::uint8_t known = 0, allowed = 0;  // a bit for each Permission
  };

  std::uint64_t version_ = 0;
  const Rights* rights_ = nullptr;  // of the state, as long as its version holds; nullptr: nothing is allowed
  bool allows_all_ = false;
  NameMap<Answers> names_;
};

struct Connection {
  ConnectionId id;
  std::string user, name, face;
  bool before_users = false;  // it logged in when there was no user yet
  KnownRights rights;
  bool writable = true;
  std::size_t unsettled = 0;  // deliveries, of all its channels
  bool is_full = false;       // it holds so many that its consumers get no more (BrokerOptions::unsettled_per_connection_max)
  std::vector<std::unique_ptr<Channel>> channels;  // by number, ascending
  std::set<QueueId> exclusive_queues;

  Channel* find(std::uint16_t number) const;
};

class Connections {
 public:
  Connection* find(ConnectionId id) const;
  Connection& find_or_open(ConnectionId id);
  Channel* find(ChannelId id) const;
  /// A channel exists from its first use.
  Channel& find_or_open(ChannelId id);
  void close(ConnectionId id);
  void close(ChannelId id);
  std::size_t size() const { return connections_.size(); }
  /// By id.
  std::vector<Connection*> all() const;

 private:
  std::unordered_map<ConnectionId, std::unique_ptr<Connection>> connections_;
  mutable Connection* last_found_ = nullptr;
  std::uint64_t next_birth_ = 1;
};

}  // namespace tandem::core
