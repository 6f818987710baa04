// What a restart forgets: connections, consumers, unsettled deliveries, parked long polls, group members.
// Losing all of it must be a legal event.
#pragma once

#include "broker/core/connections.h"
#include "broker/core/consumers.h"
#include "broker/core/deadlines.h"
#include "broker/core/ending_transactions.h"
#include "broker/core/idle_producers.h"
#include "broker/core/membership.h"
#include "broker/core/parked_fetches.h"
#include "broker/core/producer_renewals.h"
#include "broker/core/route.h"
#include "broker/core/settling.h"

namespace tandem::core {

struct Session {
  Connections connections;                 // connections and their channels
  Consumers consumers;                     // subscriptions, credit, unsettled deliveries
  ParkedFetches parked_fetches;            // long polls that wait for records
  Membership membership;                   // members of groups, rebalances under way
  EndingTransactions ending_transactions;  // producers' transactions that wait for their markers
  IdleProducers idle_producers;            // where partitions ended a day ago
  ProducerRenewals producer_renewals;      // what producers named when they got their newest epoch
  Deadlines queue_timers;                  // when queues have something to do: expiry
  Ring<Settling> settling;                 // what next calls go on with: one for each ring with claims
  std::vector<Unsettled> settled_room;     // working room of settle
  std::vector<std::size_t> settle_places;  // working room of settle
  RoutingRoom routing;                     // working room and counts of exchanges
  std::uint64_t published = 0, delivered = 0, acked = 0;  // messages since start
  bool disk_alarm = false, memory_alarm = false;
};

}  // namespace tandem::core
