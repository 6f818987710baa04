// What is there, for people and tools; everything in an order that does not depend on a hash table.
#include <algorithm>

#include "broker/core/group_verbs.h"
#include "broker/core/producer_verbs.h"
#include "broker/core/rim_verbs.h"
#include "broker/core/topic_verbs.h"
#include "broker/core/user_verbs.h"

namespace tandem::core {
namespace {

template <class Info, class Name>
void sort_by_name(std::vector<Info>& infos, Name name) {
  std::sort(infos.begin(), infos.end(), [name](const Info& a, const Info& b) { return name(a) < name(b); });
}

void describe_exchanges(const Turn& turn, std::string_view wanted, Described& out) {
  turn.state().catalog.exchanges().for_each([&](const Exchange& exchange) {
    if (!wanted.empty() && exchange.declared.name != wanted) return;
    const std::uint64_t* published = turn.session().routing.published.find(exchange.declared.id);
    out.exchanges.push_back({exchange.declared, published ? *published : 0, exchange.policy});
  });
  sort_by_name(out.exchanges,
               [](const ExchangeInfo& info) -> const std::string& { return info.exchange.name; });
}

QueueInfo info_of(const Turn& turn, const Queue& queue) {
  const QueueLife& life = queue.life;
  QueueInfo info;
  info.queue = queue.declared;
  info.ready = life.ready_visible(queue.facts) + life.returning;
  info.unsettled = life.unsettled - life.returning + life.leaving.size();
  info.size_bytes = life.ready_bytes + life.unsettled_bytes;
  info.consumers = static_cast<std::uint32_t>(turn.session().consumers.count(queue.declared.id));
  info.accepted = life.counts.accepted;
  info.acked = life.counts.acked;
  info.expired = life.counts.expired;
  info.dropped = life.counts.dropped;
  info.dead_lettered = life.counts.dead_lettered;
  info.purged = life.counts.purged;
  info.redelivered = life.counts.redelivered;
  info.resident = life.resident() + life.unsettled + life.leaving.size();
  info.policy = queue.policy;
  return info;
}

std::uint32_t id_of(const Queue& queue) { return queue.declared.id.value; }
std::uint32_t id_of(const Bound& binding) { return binding.id.value; }

/// Visits the things of `table`, all or as many as `input` asks for; `visit` adds one to what is described.
template <class Key, class T, class Visit>
void visit_piece(const IdTable<Key, T>& table, const Describe& input, Described& out, Visit visit) {
  if (input.rows_max == 0) return table.for_each(visit);
  std::uint32_t left = input.rows_max, last = 0;
  table.for_each_from(Key(input.after + 1), [&](const T& thing) {
    if (left == 0) {
      out.next_after = last;
      return false;
    }
    visit(thing);
    last = id_of(thing);
    --left;
    return true;
  });
}

void describe_queues(const Turn& turn, const Describe& input, Described& out) {
  if (!input.name.empty()) {
    if (const Queue* queue = find_queue(turn.state(), input.name)) out.queues.push_back(info_of(turn, *queue));
    return;
  }
  visit_piece(turn.state().queues.all(), input, out, [&](const Queue& queue) { out.queues.push_back(info_of(turn, queue)); });
  if (input.rows_max == 0)
    sort_by_name(out.queues, [](const QueueInfo& info) -> const std::string& { return info.queue.name; });
}

std::string destination_name(const State& state, const Bound& binding) {
  switch (binding.destination_kind) {
    case DestinationKind::queue: {
      const Queue* queue = state.queues.find(QueueId(binding.destination));
      return queue ? queue->declared.name : "";
    }
    case DestinationKind::exchange: {
      const Exchange* exchange = state.catalog.find_exchange(ExchangeId(binding.destination));
      return exchange ? exchange->declared.name : "";
    }
    case DestinationKind::topic: {
      const Topic* topic = state.topics.find(TopicId(binding.destination));
      return topic ? topic->facts.name : "";
    }
  }
  return "";
}

/// The name: of an exchange, queue or topic at either end.
void describe_bindings(const Turn& turn, const Describe& input, Described& out) {
  const State& state = turn.state();
  const std::string_view wanted = input.name;
  visit_piece(state.catalog.bindings(), input, out, [&](const Bound& binding) {
    BindingInfo info;
    info.source = state.catalog.find_exchange(binding.source)->declared.name;
    info.destination = destination_name(state, binding);
    if (!wanted.empty() && info.source != wanted && info.destination != wanted) return;
    info.destination_kind = binding.destination_kind;
    info.routing_key = binding.routing_key;
    info.arguments = binding.arguments;
    info.durable = binding.durable;
    out.bindings.push_back(std::move(info));
  });
}

void describe_connections(const Turn& turn, std::string_view wanted, Described& out) {
  for (const Connection* connection : turn.session().connections.all()) {
    if (!wanted.empty() && connection->name != wanted) continue;
    ConnectionInfo info;
    info.connection = connection->id;
    info.name = connection->name;
    info.user = connection->user;
    info.face = connection->face;
    info.channels = static_cast<std::uint32_t>(connection->channels.size());
    for (const auto& channel : connection->channels) {
      info.consumers += static_cast<std::uint32_t>(channel->consumers.size());
      info.unsettled += channel->unsettled.count();
    }
    info.writable = connection->writable;
    out.connections.push_back(std::move(info));
  }
}

/// `wanted`: a queue.
void describe_consumers(const Turn& turn, std::string_view wanted, Described& out) {
  turn.state().queues.all().for_each([&](const Queue& queue) {
    const QueueConsumers* consumers = turn.session().consumers.find(queue.declared.id);
    if (!consumers || (!wanted.empty() && queue.declared.name != wanted)) return;
    for (const Consumer* consumer : consumers->all())
      out.consumers.push_back({consumer->channel->id, consumer->number, queue.declared.name,
                               consumer->prefetch, consumer->unsettled, consumer->no_ack, consumer->exclusive,
                               consumer->active, consumer->priority, consumer->tag});
  });
}

void describe_broker(const Turn& turn, Described& out) {
  const State& state = turn.state();
  const Session& session = turn.session();
  BrokerInfo& info = out.broker;
  info.exchanges = state.catalog.exchanges_count();
  info.queues = state.queues.size();
  info.bindings = state.catalog.bindings_count();
  info.topics = state.topics.all().size();
  info.partitions = state.topics.partitions_count();
  info.groups = state.groups.all().size();
  info.connections = session.connections.size();
  state.queues.all().for_each([&](const Queue& queue) {
    info.ready += queue.life.ready_visible(queue.facts) + queue.life.returning;
    info.unsettled += queue.life.unsettled - queue.life.returning;
    info.consumers += session.consumers.count(queue.declared.id);
  });
  info.published = session.published;
  info.delivered = session.delivered;
  info.acked = session.acked;
  info.appended_batches = state.topics.appended_batches();
  info.appended_records = state.topics.appended_records();
  info.turn = state.counters.turn;
  info.disk_alarm = session.disk_alarm;
  info.memory_alarm = session.memory_alarm;
}

}  // namespace

void handle(Turn& turn, const Describe& input) {
  Described out;
  out.who = input.who;
  out.subject = input.subject;
  const Turn& look = turn;
  switch (input.subject) {
    case Subject::exchanges:
      describe_exchanges(look, input.name, out);
      break;
    case Subject::queues:
      describe_queues(look, input, out);
      break;
    case Subject::bindings:
      describe_bindings(look, input, out);
      break;
    case Subject::topics:
      describe_topics(look.state(), look.session(), input.name, out);
      break;
    case Subject::groups:
      describe_groups(look.state(), look.session(), input.name, out);
      break;
    case Subject::connections:
      describe_connections(look, input.name, out);
      break;
    case Subject::consumers:
      describe_consumers(look, input.name, out);
      break;
    case Subject::policies:
      look.state().policies.for_each([&](const PolicySet& policy) {
        if (input.name.empty() || policy.name == input.name) out.policies.push_back(policy);
      });
      break;
    case Subject::users:
      if (auto refusal = judge_administration(turn, input.who, ObjectKind::user, input.name))
        return turn.refuse(input.who, std::move(*refusal));
      look.state().users.for_each([&](const UserDeclared& user) {
        if (input.name.empty() || user.name == input.name) out.users.push_back(user);
      });
      break;
    case Subject::producers:
      describe_producers(look.state(), input.name, out);
      break;
    case Subject::transactions:
      describe_transactions(look.state(), input.name, out);
      break;
    case Subject::broker:
      describe_broker(look, out);
      out.broker.persisted = turn.pending().persisted();
      break;
  }
  turn.answer(input.who, std::move(out));
}

}  // namespace tandem::core
