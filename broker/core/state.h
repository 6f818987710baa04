// The broker's durable state: what a restart finds again. Only apply() (apply.cpp) takes a State&; deciding
// code gets const State& through a Turn. What a restart forgets is in session.h.
#pragma once

#include "broker/core/catalog.h"
#include "broker/core/group.h"
#include "broker/core/policy.h"
#include "broker/core/producer.h"
#include "broker/core/queue.h"
#include "broker/core/record.h"
#include "broker/core/topic.h"
#include "broker/core/user.h"

namespace tandem::core {

class State {
 public:
  State() { counters.next_exchange = exchange_id_first; }

  ExchangeId next_exchange(bool durable) const {
    return ExchangeId(durable ? counters.next_exchange : volatile_ids.next_exchange);
  }
  QueueId next_queue(bool durable) const {
    return QueueId(durable ? counters.next_queue : volatile_ids.next_queue);
  }
  BindingId next_binding(bool durable) const {
    return BindingId(durable ? counters.next_binding : volatile_ids.next_binding);
  }

  Catalog catalog;      // exchanges, bindings, names of queues
  Policies policies;    // arguments by name pattern
  Users users;          // who may log in
  Queues queues;        // messages of queues
  Topics topics;        // topics and their partitions
  Groups groups;        // committed offsets, generations
  Producers producers;  // idempotent and transactional producers
  Counters counters;    // next ids
  /// Next ids of what a restart forgets; apart, so that replay gives the same durable ids.
  struct VolatileIds {
    std::uint32_t next_exchange = volatile_id_first, next_queue = volatile_id_first,
                  next_binding = volatile_id_first;
  } volatile_ids;
};

/// The only way that durable state changes. Never fails: whatever was decided fits.
void apply(State& state, const Record& record);

}  // namespace tandem::core
