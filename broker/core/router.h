// What an exchange does with a message: the bindings that match. One file per kind of exchange.
#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "broker/core/record.h"

namespace tandem::core {

/// A binding that matched.
struct Match {
  DestinationKind kind = DestinationKind::queue;
  std::uint32_t destination = 0;
  BindingId binding;
};

/// The message as exchanges look at it, and the room they work in. Reused from message to message.
class Query {
 public:
  /// The views must live until the next reset().
  void reset(const PropertyGlance& properties) {
    properties_ = &properties;
    headers_.reset();
    looked_at_properties_ = false;
  }
  std::string_view routing_key;
  const PropertyGlance& properties() {
    looked_at_properties_ = true;
    return *properties_;
  }
  /// What was found depends on more than the routing key and headers.
  bool looked_at_properties() const { return looked_at_properties_; }
  /// Decoded once, when an exchange asks for them. Empty when there are none or they are malformed.
  const Table& headers();

  std::vector<Match> matches;  // what routers append to, in an order of their own

  // The pattern router's working room.
  std::vector<const void*> active, next;

 private:
  const PropertyGlance* properties_ = nullptr;
  bool looked_at_properties_ = false;
  std::optional<Table> headers_;
};

class Router {
 public:
  virtual ~Router() = default;
  virtual void add(const Bound& binding) = 0;
  virtual void remove(const Bound& binding) = 0;
  /// Appends to query.matches; may name a destination twice.
  virtual void match(Query& query) const = 0;
  /// What is wrong with such a binding, if anything; asked before it is added.
  virtual std::optional<Refusal> judge(const Bound&) const { return std::nullopt; }
};

std::unique_ptr<Router> make_direct_router();
std::unique_ptr<Router> make_fanout_router();
std::unique_ptr<Router> make_pattern_router();
std::unique_ptr<Router> make_headers_router();
/// Arguments: hash-header names the header, hash-property the property (message_id, correlation_id, timestamp) to hash
/// instead of the routing key.
std::unique_ptr<Router> make_hash_router(const Table& arguments);
bool is_hash_property(std::string_view name);

/// The router of an exchange's kind.
std::unique_ptr<Router> make_router(ExchangeKind kind, const Table& arguments);

inline Match match_of(const Bound& binding) {
  return {binding.destination_kind, binding.destination, binding.id};
}
inline void erase_match(std::vector<Match>& matches, BindingId binding) {
  std::erase_if(matches, [binding](const Match& match) { return match.binding == binding; });
}

}  // namespace tandem::core
