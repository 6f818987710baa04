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

#include "broker/base/ring.h"
#include "broker/core/input.h"
#include "broker/core/name_map.h"
#include "broker/core/send.h"
#include "broker/core/unsettled_ring.h"

namespace tandem::core {

class Rights;
struct Consumer;
struct Connection;

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
