// The broker's durable state: what a restart finds again. Only apply() (apply.cpp) takes a State&; deciding code gets
// const State& through a Turn. What a restart forgets is in session.h.
#pragma once

#include "broker/core/catalog.h"
#include "broker/core/group.h"
#include "broker/core/producer.h"
#include "broker/core/queue.h"
#include "broker/core/record.h"
#include "broker/core/topic.h"

namespace tandem::core {

class State {
 public:
  Catalog catalog;      // exchanges, bindings, names of queues
  Queues queues;        // messages of queues
  Topics topics;        // topics and their partitions
  Groups groups;        // committed offsets, generations
  Producers producers;  // idempotent and transactional producers
  Counters counters;    // next ids
};

/// The only way that durable state changes. Never fails: whatever was decided fits.
void apply(State& state, const Record& record);

}  // namespace tandem::core
