#include "broker/core/exchange_verbs.h"

namespace tandem::core {

/// What is not there needs no unbinding: only the default exchange and locked queues are refused.
void handle(Turn& turn, const Unbind& input) {
  Bound like;
  like.routing_key = input.routing_key;
  if (input.arguments) like.arguments = without_repeats(*input.arguments);
  if (auto refusal =
          find_ends(turn, input.who, input.source, input.destination_kind, input.destination, like)) {
    if (refusal->code == ErrorCode::not_found) return turn.answer(input.who, Ok{input.who});
    return turn.refuse(input.who, *refusal);
  }
  if (const Bound* binding = turn.state().catalog.find_binding(like)) {
    const ExchangeId source = binding->source;
    turn.record(Unbound{binding->id, binding->durable});
    const Exchange* exchange = turn.state().catalog.find_exchange(source);
    if (exchange->declared.auto_delete && exchange->bindings.empty()) delete_exchange(turn, source);
  }
  turn.answer(input.who, Ok{input.who});
}

}  // namespace tandem::core
