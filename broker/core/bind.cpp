#include "broker/base/limits.h"
#include "broker/core/delayed.h"
#include "broker/core/exchange_verbs.h"
#include "broker/core/queue_verbs.h"
#include "broker/core/topic_verbs.h"

namespace tandem::core {
namespace {

std::optional<Refusal> find_topic_end(Turn& turn, std::string_view name, Bound& binding) {
  const Topic* topic = turn.state().topics.find(name);
  if (!topic) return not_found(ObjectKind::topic, name);
  binding.destination = topic->facts.id.value;
  return std::nullopt;
}

/// Where there is no queue of the name, a topic's is meant.
std::optional<Refusal> find_queue_end(Turn& turn, const Caller& who, std::string_view name, Bound& binding) {
  const Queue* queue = find_queue(turn.state(), name);
  if (!queue) {
    if (!turn.state().topics.find(name)) return not_found(ObjectKind::queue, name);
    binding.destination_kind = DestinationKind::topic;
    return find_topic_end(turn, name, binding);
  }
  if (auto refusal = check_lock(*queue, who)) return refusal;
  if (auto refusal = refuse_room(*queue)) return refusal;
  binding.destination = queue->declared.id.value;
  binding.durable &= queue->is_durable();
  return std::nullopt;
}

std::optional<Refusal> find_exchange_end(Turn& turn, std::string_view name, Bound& binding) {
  if (name.empty()) return default_exchange_refused();
  const Exchange* exchange = turn.state().catalog.find_exchange(name);
  if (!exchange) return not_found(ObjectKind::exchange, name);
  binding.destination = exchange->declared.id.value;
  binding.durable &= exchange->declared.durable;
  return std::nullopt;
}

std::optional<Refusal> judge_binding(const State& state, const Bound& binding) {
  if (auto refusal = judge_name_size(ObjectKind::binding, binding.routing_key)) return refusal;
  if (auto refusal = state.catalog.find_exchange(binding.source)->router->judge(binding)) return refusal;
  if (binding.destination_kind == DestinationKind::topic)
    if (auto fault = judge_topic_binding(&binding.arguments))
      return Refusal{
          ErrorCode::invalid_argument, ObjectKind::binding, binding.routing_key, "x-key", "", "", *fault};
  if (state.catalog.bindings_count() >= limits::bindings_max)
    return Refusal{ErrorCode::limit_reached,
                   ObjectKind::binding,
                   binding.routing_key,
                   "bindings_max",
                   "",
                   "",
                   "there are " + std::to_string(limits::bindings_max) + " bindings already"};
  return std::nullopt;
}

}  // namespace

std::optional<Refusal> find_ends(Turn& turn, const Caller& who, std::string_view source, DestinationKind kind,
                                 std::string_view destination, Bound& binding) {
  if (source.empty()) return default_exchange_refused();
  const Exchange* exchange = turn.state().catalog.find_exchange(source);
  if (!exchange) return not_found(ObjectKind::exchange, source);
  binding.source = exchange->declared.id;
  binding.durable = exchange->declared.durable;
  binding.destination_kind = kind;
  switch (kind) {
    case DestinationKind::queue:
      return find_queue_end(turn, who, destination, binding);
    case DestinationKind::exchange:
      return find_exchange_end(turn, destination, binding);
    case DestinationKind::topic:
      return find_topic_end(turn, destination, binding);
  }
  return std::nullopt;
}

void handle(Turn& turn, const Bind& input) {
  Bound binding;
  binding.routing_key = input.routing_key;
  if (input.arguments) binding.arguments = without_repeats(*input.arguments);
  auto refusal = find_ends(turn, input.who, input.source, input.destination_kind, input.destination, binding);
  if (refusal) return turn.refuse(input.who, *refusal);
  if (!turn.state().catalog.find_binding(binding)) {
    if (auto fault = judge_binding(turn.state(), binding)) return turn.refuse(input.who, *fault);
    binding.id = turn.state().next_binding(binding.durable);
    turn.record(std::move(binding));
  } else {
    turn.wait_for_earlier_turns();  // that it is there may not be on disk yet
  }
  turn.answer(input.who, Ok{input.who});
}

}  // namespace tandem::core
