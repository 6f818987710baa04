#include "broker/core/send.h"

namespace tandem::core {
namespace {

template <class S>
ConnectionId recipient_of(const S& send) {
  if constexpr (requires { send.who; })
    return send.who.channel.connection;
  else if constexpr (requires { send.channel; })
    return send.channel.connection;
  else
    return ConnectionId();
}

}  // namespace

ConnectionId recipient(const Send& send) {
  return core::visit([](const auto& one) { return recipient_of(one); }, send);
}

}  // namespace tandem::core
