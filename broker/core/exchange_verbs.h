// What can be done with exchanges and bindings, one file per verb, and what the rest of the core needs of
// them.
#pragma once

#include "broker/core/turn.h"

namespace tandem::core {

void handle(Turn& turn, const DeclareExchange& input);
void handle(Turn& turn, const DeleteExchange& input);
void handle(Turn& turn, const Bind& input);
void handle(Turn& turn, const Unbind& input);

/// As clients and refusals call it: direct, fanout, topic, headers, x-consistent-hash, x-delayed-message.
std::string_view name(ExchangeKind kind);
/// nullopt when there is no such kind.
std::optional<ExchangeKind> exchange_kind(std::string_view name);
/// "amq." is the broker's.
inline bool is_reserved(std::string_view name) {
  return name.starts_with("amq.");
}

/// Removes the bindings that lead there, and exchanges that are to go with their last binding.
void unbind_destination(Turn& turn, DestinationKey destination);
/// With all its bindings.
void delete_exchange(Turn& turn, ExchangeId exchange);

/// Refusals that several verbs share.
Refusal not_found(ObjectKind object, std::string_view name);
Refusal default_exchange_refused();
/// A name's size and that it is UTF-8, which people and JSON need. Routing keys may be any bytes: only their size.
std::optional<Refusal> judge_name(ObjectKind object, std::string_view name);
std::optional<Refusal> judge_name_size(ObjectKind object, std::string_view name);

/// Fills in both ends of a binding. Refused: an end does not exist, is the default exchange, is locked.
std::optional<Refusal> find_ends(Turn& turn, const Caller& who, std::string_view source, DestinationKind kind,
                                 std::string_view destination, Bound& binding);

}  // namespace tandem::core
