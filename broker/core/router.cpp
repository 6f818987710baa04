#include "broker/core/router.h"

#include "broker/core/exchange_verbs.h"

namespace tandem::core {

const Table& Query::headers() {
  if (!headers_) {
    headers_.emplace();
    if (properties_ && !properties_->headers.empty())
      if (auto table = decode_table(properties_->headers)) headers_ = std::move(*table);
  }
  return *headers_;
}

std::unique_ptr<Router> make_router(ExchangeKind kind, const Table& arguments) {
  switch (kind) {
    case ExchangeKind::direct:
      return make_direct_router();
    case ExchangeKind::fanout:
      return make_fanout_router();
    case ExchangeKind::pattern:
      return make_pattern_router();
    case ExchangeKind::headers:
      return make_headers_router();
    case ExchangeKind::consistent_hash:
      return make_hash_router(arguments);
    case ExchangeKind::delayed: {
      const Value* type = find(arguments, "x-delayed-type");
      const auto inner = type && type->text() ? exchange_kind(*type->text()) : std::nullopt;
      return make_router(inner && *inner != ExchangeKind::delayed ? *inner : ExchangeKind::direct, arguments);
    }
  }
  return make_direct_router();
}

}  // namespace tandem::core
