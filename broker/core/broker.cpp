#include "broker/core/broker.h"

#include <algorithm>

#include "broker/base/check.h"
#include "broker/core/access.h"
#include "broker/core/dispatch.h"
#include "broker/core/exchange_verbs.h"
#include "broker/core/group_rebalance.h"
#include "broker/core/group_verbs.h"
#include "broker/core/message_verbs.h"
#include "broker/core/policy_verbs.h"
#include "broker/core/producer_verbs.h"
#include "broker/core/queue_verbs.h"
#include "broker/core/rim_verbs.h"
#include "broker/core/topic_verbs.h"
#include "broker/core/user_verbs.h"

namespace tandem::core {

struct Broker::Parts {
  BrokerOptions options;
  State state;
  Session session;
  Pending pending;
};

Broker::Broker(const BrokerOptions& options) : parts_(std::make_unique<Parts>()) {
  parts_->options = options;
}
Broker::~Broker() = default;

void Broker::replay(const Record& record, TurnNumber turn) {
  apply(parts_->state, record);
  parts_->state.counters.turn = std::max(parts_->state.counters.turn, turn);
  if (const auto* removed = std::get_if<Removed>(&record))
    if (Queue* queue = parts_->state.queues.change(removed->queue)) drop_gone(*queue);
}

void Broker::replayed(TimestampMs now, bool clean) {
  auto& [options, state, session, pending] = *parts_;
  state.queues.for_each([&, now = now, clean = clean](Queue& queue) {
    std::vector<RunId> emptied;
    wake_up(queue, now, clean, emptied);
    for (const RunId run : emptied) pending.drop_runs.push_back({queue.declared.id, run});
    if (queue.options.expires_after || queue.options.message_ttl || queue.options.bounded() ||
        queue.life.ready > 0) {
      pending.marked.add(queue.declared.id, queue.life.mark, false);
    }
  });
  pending.set_persisted(state.counters.turn);
  wake_up_members(state, session, now);
  begin_looking(session.idle_producers, now);
}

namespace {

/// The request's verb, if its user may ask for it.
template <class Input>
void judge_and_handle(Turn& turn, const Input& input) {
  constexpr bool is_judged_here = requires { judge_access(turn, input); };
  static_assert(is_judged_here + judges_its_own_access<Input> + needs_no_permission<Input> == 1,
                "a new input says in access.h what it needs its user to be permitted");
  if constexpr (is_judged_here)
    if (auto refusal = judge_access(turn, input)) return turn.refuse(input.who, std::move(*refusal));
  handle(turn, input);
}

}  // namespace

void Broker::handle(TimestampMs now, const Input& input, Outputs& out) {
  Parts& parts = *parts_;
  parts.pending.deliveries_left = parts.options.deliveries_per_call_max;
  parts.pending.bytes_left = parts.options.delivered_bytes_per_call_max;
  parts.pending.settles_left = parts.options.settles_per_call_max;
  Turn turn(parts.state, parts.session, parts.pending, parts.options, out, now);
  std::visit([&turn](const auto& one) { judge_and_handle(turn, one); }, input);
  finish_call(turn);
}

bool Broker::wants_checkpoint() const {
  return parts_->pending.entries_in_journal >= parts_->options.entries_per_checkpoint_max;
}

TimestampMs Broker::next_due() const {
  const Parts& parts = *parts_;
  if (!parts.pending.marked.empty() || !parts.pending.drop_runs.empty() || !parts.session.settling.empty()) return 0;
  return std::min({parts.session.queue_timers.next(), next_due_topics(parts.state, parts.session),
                   next_due_groups(parts.state, parts.session)});
}

const UserDeclared* Broker::user(std::string_view name) const {
  return parts_->state.users.find(name);
}
bool Broker::has_users() const {
  return !parts_->state.users.empty();
}

Allowed Broker::allowed(ConnectionId connection, std::optional<std::string_view> name) const {
  return find_allowed(parts_->state.users, parts_->session.connections.find(connection), name);
}

bool Broker::holds(ChannelId channel, DeliveryTag tag) const {
  Channel* found = parts_->session.connections.find(channel);
  return found && found->unsettled.has(tag);
}

std::size_t Broker::unsettled_bytes(ConnectionId connection) const {
  const Connection* found = parts_->session.connections.find(connection);
  return found ? found->unsettled * sizeof(Unsettled) : 0;
}

TopicId Broker::topic_id(std::string_view name) const {
  const Topic* found = parts_->state.topics.find(name);
  return found ? found->facts.id : TopicId{};
}

BatchRules Broker::batch_rules(std::string_view topic) const {
  const Topic* found = parts_->state.topics.find(topic);
  return found ? core::batch_rules(found->options) : BatchRules{};
}

namespace {

/// Runs in which only volatile messages are left are no durable state.
void add_queue(const Queue& queue, std::vector<Record>& out) {
  out.push_back(durable_state_of(queue));
  for (std::size_t priority = 0; priority < queue.life.lanes.size(); ++priority) {
    const Ring<Run>& runs = queue.life.lanes[priority].runs();
    for (std::size_t i = 0; i < runs.size(); ++i) {
      const Run& run = runs[i];
      if (queue.facts.gone.contains_all(run.first, run.last)) continue;
      out.push_back(RunHomed{queue.declared.id,
                             run.id,
                             static_cast<std::uint8_t>(priority),
                             {run.first, run.last},
                             run.count,
                             run.size_bytes,
                             0,
                             0});
    }
  }
}

/// Messages whose bytes are in the journal, wherever they are now.
void add_messages(const State& state, const Session& session, std::vector<Record>& out) {
  std::vector<Enqueued> messages;
  const auto add = [&messages](QueueId queue, const QueueEntry& entry) {
    if (entry.durable && !is_homed(entry.body)) messages.push_back({queue, entry, false});
  };
  state.queues.all().for_each([&](const Queue& queue) {
    const QueueId id = queue.declared.id;
    for (const Lane& lane : queue.life.lanes)
      lane.for_each_resident([&](const QueueEntry& entry) {
        if (!queue.facts.gone.contains(entry.seq)) add(id, entry);
      });
    for (const auto& [seq, leaving] : queue.life.leaving) add(id, leaving.entry);
    for_each_unsettled(session, id, [&](const UnsettledRing& ring, std::size_t place) { add(id, ring[place].entry); });
  });
  std::sort(messages.begin(), messages.end(), [](const Enqueued& a, const Enqueued& b) {
    return std::tie(a.queue, a.entry.seq) < std::tie(b.queue, b.entry.seq);
  });
  out.insert(out.end(), messages.begin(), messages.end());
}

}  // namespace

std::vector<Record> Broker::durable_state() const {
  const State& state = parts_->state;
  std::vector<Record> out{state.counters};
  state.policies.for_each([&out](const PolicySet& policy) { out.push_back(policy); });
  state.users.for_each([&out](const UserDeclared& user) { out.push_back(user); });
  state.catalog.exchanges().for_each([&out](const Exchange& exchange) {
    if (exchange.declared.durable && !exchange.is_predeclared()) out.push_back(exchange.declared);
  });
  state.queues.all().for_each([&out](const Queue& queue) {
    if (queue.is_durable()) out.push_back(queue.declared);
  });
  durable_topics(state, out);
  state.catalog.bindings().for_each([&out](const Bound& binding) {
    if (binding.durable) out.push_back(binding);
  });
  state.queues.all().for_each([&out](const Queue& queue) {
    if (queue.is_durable()) add_queue(queue, out);
  });
  add_messages(state, parts_->session, out);
  durable_groups(state, out);
  durable_producers(state, out);
  return out;
}

}  // namespace tandem::core
