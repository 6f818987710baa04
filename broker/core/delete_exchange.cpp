#include "broker/core/exchange_verbs.h"
#include "broker/core/queue_verbs.h"

namespace tandem::core {
namespace {

void remove_binding(Turn& turn, BindingId id) {
  const Bound* binding = turn.state().catalog.find_binding(id);
  turn.record(Unbound{id, binding->durable});
}

std::vector<BindingId> copy_of(const std::set<BindingId>* ids) {
  return ids ? std::vector<BindingId>(ids->begin(), ids->end()) : std::vector<BindingId>();
}

}  // namespace

void unbind_destination(Turn& turn, DestinationKey destination) {
  const Catalog& catalog = turn.state().catalog;
  for (const BindingId id : copy_of(catalog.bindings_to(destination))) {
    const Bound* binding = catalog.find_binding(id);
    if (!binding) continue;  // went with an exchange that was deleted meanwhile
    const ExchangeId source = binding->source;
    remove_binding(turn, id);
    const Exchange* exchange = catalog.find_exchange(source);
    if (exchange && exchange->declared.auto_delete && exchange->bindings.empty())
      delete_exchange(turn, source);
  }
}

void delete_exchange(Turn& turn, ExchangeId id) {
  const Exchange* exchange = turn.state().catalog.find_exchange(id);
  if (!exchange) return;
  for (const BindingId binding : copy_of(&exchange->bindings)) remove_binding(turn, binding);
  const QueueId room = turn.state().catalog.find_queue(exchange->waiting_room);
  turn.record(ExchangeDeleted{id, exchange->declared.durable});
  turn.session().routing.published.erase(id);
  if (room) delete_queue(turn, room);
  unbind_destination(turn, {DestinationKind::exchange, id.value});
}

void handle(Turn& turn, const DeleteExchange& input) {
  if (input.name.empty()) return turn.refuse(input.who, default_exchange_refused());
  if (is_reserved(input.name))
    return turn.refuse(
        input.who, {ErrorCode::access_refused, ObjectKind::exchange, std::string(input.name), "name", "", "",
                    "exchange name '" + std::string(input.name) + "' contains reserved prefix 'amq.*'"});
  const Exchange* exchange = turn.state().catalog.find_exchange(input.name);
  if (exchange && input.if_unused && !exchange->bindings.empty())
    return turn.refuse(input.who, {ErrorCode::in_use, ObjectKind::exchange, std::string(input.name), "", "",
                                   "", "it has " + std::to_string(exchange->bindings.size()) + " bindings"});
  if (exchange) delete_exchange(turn, exchange->declared.id);
  turn.answer(input.who, Ok{input.who});
}

}  // namespace tandem::core
